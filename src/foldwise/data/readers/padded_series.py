"""Series of one or several lengths in one array.

N: series, T: time steps of the longest, F: channels.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.readers.scratch_array import new_array


def pad_series(
    series: Iterable[npt.NDArray[Any]],
    lengths: npt.NDArray[np.int64],
    num_channels: int,
    scratch: Path,
) -> npt.NDArray[np.float32]:
    """Write the series one after another into `x.npy`, with zeros after the end of each.

    Args:
        series: Each (its own length, F); NaN where a value is missing.
        lengths: (N,)
        num_channels: F
        scratch: The folder of `x.npy`.

    Returns:
        (N, T, F)
    """
    shape = (len(lengths), int(lengths.max(initial=0)), num_channels)
    x: npt.NDArray[np.float32] = new_array(scratch, shape, np.float32)
    for row, steps in zip(x, series, strict=True):
        row[: len(steps)] = steps
    return x


def is_unequal(lengths: npt.NDArray[np.int64]) -> bool:
    """Tell whether there is more than one length, which is when a table tells it."""
    return len(np.unique(lengths)) > 1
