"""Maxout: the largest of several linear maps.

B: batch, F: features.
"""

from torch import Tensor, nn


class Maxout(nn.Module):
    """The maximum over pieces: (B, F * pieces, ...) to (B, F, ...).

    It stands behind a convolution or dense layer with F * pieces outputs, which so becomes
    max_k (w_k x + b_k), with `pieces` times the parameters of a layer with F outputs. The inputs
    0 to pieces - 1 belong to feature 0, and so on. Maxout networks (Goodfellow et al., 2013).
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, F * pieces, ...) to (B, F, ...)."""
        pieces = x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:])  # (B, F, pieces, ...)
        return pieces.amax(2)

    def extra_repr(self) -> str:
        """Show the number of pieces."""
        return f"pieces={self.pieces}"
