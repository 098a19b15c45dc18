"""The convolution of the Inception networks.

B: batch, C: channels, H: height, W: width.
"""

from typing import Any

from torch import Tensor, nn

from foldwise.models.activation import make_activation
from foldwise.models.config.base import Activation


class NormedConvolution(nn.Module):
    """A convolution without bias, batch norm and an activation.

    Parameters are named as in torchvision's `BasicConv2d`, whose activation cannot be chosen.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        activation: Activation,
        **geometry: Any,  # noqa: ANN401  (kernel size, stride and padding, handed on)
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_in, num_out, bias=False, **geometry)
        self.bn = nn.BatchNorm2d(num_out, eps=0.001)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, H, W) to (B, num_out, H', W')."""
        out: Tensor = self.activation(self.bn(self.conv(x)))
        return out
