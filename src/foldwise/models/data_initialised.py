"""Networks whose first weights come from data.

N: samples, C: channels, H: height, W: width.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class DataInitialised(Protocol):
    """A network that sets some of its weights from training images before the fit."""

    def initialise_from(self, images: Tensor) -> None:
        """Look at standardised training images (N, C, H, W)."""
