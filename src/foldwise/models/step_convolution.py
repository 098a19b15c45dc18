"""Convolutions along the steps that give as many steps as they take.

B: batch, T: steps.
"""

from torch import Tensor, nn
from torch.nn import functional


class SameConvolution(nn.Conv1d):
    """A convolution between zeros before the first and after the last step.

    An odd kernel has as many before as after. An even one, of k steps, has k / 2 - 1 before and
    k / 2 after, as where the networks for series were first written.
    """

    def __init__(self, num_in: int, num_out: int, kernel_size: int, *, bias: bool = False) -> None:
        """Leave the bias out by default: behind it stands a batch norm, which has its own."""
        super().__init__(
            num_in, num_out, kernel_size, padding=kernel_size % 2 * (kernel_size // 2), bias=bias
        )
        self._before = (kernel_size - 1) // 2
        self._after = kernel_size // 2

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, T) to (B, num_out, T)."""
        if self._before == self._after:
            return super().forward(x)
        return super().forward(functional.pad(x, (self._before, self._after)))


class CausalConvolution(nn.Conv1d):
    """A convolution of which a step sees itself and earlier ones alone."""

    def __init__(
        self, num_in: int, num_out: int, kernel_size: int, *, dilation: int, bias: bool
    ) -> None:
        super().__init__(num_in, num_out, kernel_size, dilation=dilation, bias=bias)
        self._before = (kernel_size - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, T) to (B, num_out, T)."""
        return super().forward(functional.pad(x, (self._before, 0)))
