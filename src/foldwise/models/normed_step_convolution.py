"""The convolution of the networks for series.

B: batch, T: steps.
"""

from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.real_steps import Steps
from foldwise.models.step_convolution import SameConvolution


class NormedStepConvolution(nn.Module):
    """A convolution along the steps, batch norm, and a rectifier unless left out."""

    def __init__(
        self, num_in: int, num_out: int, kernel_size: int, *, is_rectified: bool = True
    ) -> None:
        super().__init__()
        self.convolution = SameConvolution(num_in, num_out, kernel_size)
        self.norm = MaskedBatchNorm(num_out)
        self._is_rectified = is_rectified

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        """Map features (B, num_in, 1, T), 0 at padding, to (B, num_out, 1, T), 0 there too."""
        normed: Tensor = self.norm(self.convolution(x), steps)
        return functional.relu(normed) if self._is_rectified else normed
