"""Mirrored images.

B: batch, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.seeds import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor


def flip(images: "Tensor", chosen: npt.NDArray[np.bool_], axis: int) -> "Tensor":
    """Mirror the chosen samples, (B, C, H, W) -> the same."""
    import torch

    mask = torch.from_numpy(chosen).to(images.device).view(-1, 1, 1, 1)
    return torch.where(mask, images.flip(axis), images)


class AlternatingFlip:
    """Says who is mirrored in an epoch: a random half in the first, the other half in the next.

    So two epochs show each image both ways, where independent draws show every second image the
    same way twice (Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv 2404.00498).
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._first: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)  # by position

    def chosen(self, positions: npt.NDArray[np.int64], epoch: int) -> npt.NDArray[np.bool_]:
        """Return which samples (B,) are mirrored, given their positions among all."""
        needed = int(positions.max(initial=-1)) + 1
        if needed > len(self._first):
            # Longer rows of draws begin like shorter ones, so nobody changes sides.
            draws = numpy_generator(self._seed, "alternating_flip").random(2 * needed)
            self._first = draws < 0.5
        return np.asarray(self._first[positions] ^ bool(epoch % 2))
