"""Convolutions along the steps that give as many steps as they take.

The steps are the columns of an image of one row (see `real_steps`).

B: batch, T: steps.
"""

from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.real_steps import channels_last


class SameConvolution(nn.Conv2d):
    """A convolution between zeros before the first and after the last step.

    An odd kernel has as many before as after. An even one, of k steps, has k / 2 - 1 before and
    k / 2 after, as where the networks for series were first written.
    """

    def __init__(self, num_in: int, num_out: int, kernel_size: int, *, bias: bool = False) -> None:
        """Leave the bias out by default: behind it stands a batch norm, which has its own."""
        padding = kernel_size // 2 if kernel_size % 2 else 0
        super().__init__(num_in, num_out, (1, kernel_size), padding=(0, padding), bias=bias)
        self._before = (kernel_size - 1) // 2
        self._after = kernel_size // 2

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, 1, T) to (B, num_out, 1, T)."""
        if self._before != self._after:
            x = functional.pad(x, (self._before, self._after))
        return channels_last(super().forward(x))  # of a single channel, torch cannot tell


class CausalConvolution(nn.Conv2d):
    """A convolution of which a step sees itself and earlier ones alone."""

    def __init__(
        self, num_in: int, num_out: int, kernel_size: int, *, dilation: int, bias: bool
    ) -> None:
        super().__init__(num_in, num_out, (1, kernel_size), dilation=(1, dilation), bias=bias)
        self._before = (kernel_size - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, 1, T) to (B, num_out, 1, T)."""
        return channels_last(super().forward(functional.pad(x, (self._before, 0))))
