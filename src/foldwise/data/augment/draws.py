"""Draws of a batch, one row per sample.

B: batch.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from foldwise.seeds import numpy_generator

Draws = npt.NDArray[np.float64]  # uniform in 0..1, (B,)


def draw(names: Sequence[str], size: int, seed: int, *purpose: str) -> dict[str, Draws]:
    """Return draws (B,) by name; a sample's do not depend on how many others follow it.

    A new name among others changes their draws: what is new gets its own purpose.
    """
    table = numpy_generator(seed, *purpose).random((size, len(names)))
    return dict(zip(names, table.T, strict=True))
