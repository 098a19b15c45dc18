"""What a network with auxiliary heads returns while it is trained.

B: batch, K: classes.
"""

from typing import NamedTuple

from torch import Tensor


class AuxiliaryLogits(NamedTuple):
    """The logits of the main head and of the auxiliary ones, whose losses count `weight` each."""

    logits: Tensor  # (B, K)
    auxiliary: tuple[Tensor, ...]  # (B, K) each
    weight: float
