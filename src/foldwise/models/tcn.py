"""The temporal convolutional network.

Bai, Kolter and Koltun, An Empirical Evaluation of Generic Convolutional and Recurrent Networks for
Sequence Modeling (arXiv 1803.01271, 2018).

B: batch, C: channels, T: steps.
"""

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from foldwise.models.config.temporal import TcnConfig, receptive_field
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.real_steps import Steps
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_convolution import CausalConvolution, SameConvolution
from foldwise.models.step_network import StepNetwork


class TemporalConvolution(nn.Module):
    """A causal convolution, norm, rectifier and dropout."""

    def __init__(self, num_in: int, dilation: int, config: TcnConfig) -> None:
        super().__init__()
        convolution = CausalConvolution(
            num_in,
            config.width,
            config.kernel_size,
            dilation=dilation,
            bias=config.norm != "batch",  # which has its own
        )
        self.convolution = weight_norm(convolution) if config.norm == "weight" else convolution
        self.norm = MaskedBatchNorm(config.width) if config.norm == "batch" else None
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T) to (B, C, 1, T)."""
        out = self.convolution(x)
        if self.norm is not None:
            out = self.norm(out, steps)
        dropped: Tensor = self.dropout(functional.relu(out))
        return dropped


class TemporalBlock(nn.Module):
    """Two causal convolutions and a shortcut past them; a rectifier behind."""

    def __init__(self, num_in: int, dilation: int, config: TcnConfig) -> None:
        super().__init__()
        self.first = TemporalConvolution(num_in, dilation, config)
        self.second = TemporalConvolution(config.width, dilation, config)
        self.shortcut = (
            nn.Identity()
            if num_in == config.width
            else SameConvolution(num_in, config.width, 1, bias=True)
        )

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T) to (B, C, 1, T); padding comes last, and none sees it."""
        return functional.relu(self.second(self.first(x, steps), steps) + self.shortcut(x))


class TemporalConvolutionalNetwork(StepNetwork):
    """A stack of causal blocks whose dilation doubles from one to the next."""

    def __init__(self, config: TcnConfig, spec: SequenceSpec, num_outputs: int) -> None:
        sequence = SequenceInput(config, spec)
        num_levels = config.levels_for(spec.num_steps)
        blocks = [
            TemporalBlock(config.width if level else sequence.num_features, 2**level, config)
            for level in range(num_levels)
        ]
        head = nn.Linear(config.width, num_outputs)
        super().__init__(
            sequence,
            blocks,
            head,
            receptive_field=receptive_field(config.kernel_size, num_levels),
            readout=config.readout,
        )


build = TemporalConvolutionalNetwork
