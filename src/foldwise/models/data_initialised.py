"""Networks whose first weights come from data.

N: samples.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class DataInitialised(Protocol):
    """A network that sets some of its weights from training samples before the fit."""

    def initialise_from(self, inputs: Tensor, /) -> None:
        """Look at inputs of the network, (N, ...), from its training part."""
