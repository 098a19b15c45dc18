"""InceptionTime: one network of it; its authors take the mean of five.

Ismail Fawaz et al., InceptionTime: Finding AlexNet for Time Series Classification (Data Mining and
Knowledge Discovery, 2020).

B: batch, C: channels, T: steps.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.config.temporal import InceptionTimeConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.real_steps import Steps, fill_padding
from foldwise.models.resnet1d import StepShortcut
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_convolution import SameConvolution
from foldwise.models.step_network import StepNetwork

_POOLED = 3  # steps
_MODULES_PER_SHORTCUT = 3


class StepMaxPooling(nn.Module):
    """The maximum of a step and its neighbours; padding is no neighbour."""

    def __init__(self, *, is_rectified: bool) -> None:
        """Take whether no feature is negative, so that zeros at padding win nothing."""
        super().__init__()
        self._is_rectified = is_rectified

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, C, 1, T), 0 at padding, to as many, of any value there."""
        if self._is_rectified:
            steps = None
        lowest = fill_padding(x, steps, torch.finfo(x.dtype).min)
        pooled = functional.max_pool2d(lowest, (1, _POOLED), 1, (0, _POOLED // 2))
        return fill_padding(pooled, steps)


class InceptionModule(nn.Module):
    """Convolutions of several lengths and a max pooling side by side; batch norm; a rectifier.

    The long convolutions see fewer channels, which a convolution of one step makes; a single
    channel they see as it is.
    """

    def __init__(self, num_in: int, config: InceptionTimeConfig, *, is_first: bool) -> None:
        super().__init__()
        num_seen = config.bottleneck if num_in > 1 else num_in
        self.bottleneck = SameConvolution(num_in, num_seen, 1) if num_in > 1 else nn.Identity()
        self.convolutions = nn.ModuleList(
            SameConvolution(num_seen, config.num_filters, size) for size in config.kernel_sizes
        )
        self.pooling = StepMaxPooling(is_rectified=not is_first)
        self.pooled = SameConvolution(num_in, config.num_filters, 1)
        self.norm = MaskedBatchNorm(module_width(config))

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T), 0 at padding, to (B, C, 1, T), 0 there too."""
        seen = self.bottleneck(x)
        branches = [convolution(seen) for convolution in self.convolutions]
        branches.append(self.pooled(self.pooling(x, steps)))
        return functional.relu(self.norm(torch.cat(branches, dim=1), steps))


class InceptionStage(nn.Module):
    """Up to three modules; a shortcut past them where they are three."""

    def __init__(
        self, num_in: int, num_modules: int, config: InceptionTimeConfig, *, is_first: bool
    ) -> None:
        super().__init__()
        width = module_width(config)
        self.inception = nn.ModuleList(
            InceptionModule(width if index else num_in, config, is_first=is_first and index == 0)
            for index in range(num_modules)
        )
        self.shortcut = (
            StepShortcut(num_in, width) if num_modules == _MODULES_PER_SHORTCUT else None
        )

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T), 0 at padding, to (B, C, 1, T), 0 there too."""
        out = x
        for module in self.inception:
            out = module(out, steps)
        if self.shortcut is None:
            return out
        return functional.relu(out + self.shortcut(x, steps))


def build(config: InceptionTimeConfig, spec: SequenceSpec, num_outputs: int) -> StepNetwork:
    """Build modules with shortcuts, the mean over all steps, and the head."""
    sequence = SequenceInput(config, spec)
    width = module_width(config)
    blocks = [
        InceptionStage(
            width if first else sequence.num_features,
            min(_MODULES_PER_SHORTCUT, config.depth - first),
            config,
            is_first=first == 0,
        )
        for first in range(0, config.depth, _MODULES_PER_SHORTCUT)
    ]
    head = nn.Linear(width, num_outputs)
    seen = 1 + config.depth * (max(*config.kernel_sizes, _POOLED) - 1)
    return StepNetwork(sequence, blocks, head, receptive_field=seen, dropout=config.dropout)


def module_width(config: InceptionTimeConfig) -> int:
    """Return the channels that a module gives."""
    return config.num_filters * (len(config.kernel_sizes) + 1)
