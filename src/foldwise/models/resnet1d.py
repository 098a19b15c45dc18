"""The residual network for series.

Wang, Yan and Oates, Time Series Classification from Scratch with Deep Neural Networks: A Strong
Baseline (IJCNN 2017).

B: batch, C: channels, T: steps.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.config.temporal import ResNet1dConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.normed_step_convolution import NormedStepConvolution
from foldwise.models.real_steps import Steps
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_convolution import SameConvolution
from foldwise.models.step_network import StepNetwork


class StepShortcut(nn.Module):
    """Past some layers: batch norm, behind a convolution of one step if the channels differ."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.convolution = (
            nn.Identity() if num_in == num_out else SameConvolution(num_in, num_out, 1)
        )
        self.norm = MaskedBatchNorm(num_out)

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T) to (B, num_out, 1, T)."""
        out: Tensor = self.norm(self.convolution(x), steps)
        return out


class ResidualStepBlock(nn.Module):
    """Convolutions with batch norm and a shortcut past them; rectifiers between and behind."""

    def __init__(self, num_in: int, num_out: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        last = len(kernel_sizes) - 1
        self.convolutions = nn.ModuleList(
            NormedStepConvolution(
                num_out if index else num_in, num_out, size, is_rectified=index < last
            )
            for index, size in enumerate(kernel_sizes)
        )
        self.shortcut = StepShortcut(num_in, num_out)

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T), 0 at padding, to (B, num_out, 1, T), 0 there too."""
        shortcut = self.shortcut(x, steps)
        for convolution in self.convolutions:
            x = convolution(x, steps)
        return functional.relu(x + shortcut)


def build(config: ResNet1dConfig, spec: SequenceSpec, num_outputs: int) -> StepNetwork:
    """Build residual blocks, the mean over all steps, and the head."""
    sequence = SequenceInput(config, spec)
    blocks = [
        ResidualStepBlock(num_in, num_out, config.kernel_sizes)
        for num_in, num_out in pairwise((sequence.num_features, *config.widths))
    ]
    head = nn.Linear(config.widths[-1], num_outputs)
    seen = 1 + len(blocks) * sum(size - 1 for size in config.kernel_sizes)
    return StepNetwork(sequence, blocks, head, receptive_field=seen, dropout=config.dropout)
