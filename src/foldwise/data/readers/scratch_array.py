"""Arrays that are written bit by bit into a scratch folder, and so need never fit in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.packing import RowFile
from foldwise.data.row_slices import row_slices

_PART_BYTES = 32 * 2**20  # held in memory at a time


def new_array(scratch: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return an array of zeros, memory-mapped from `x.npy` in the scratch folder."""
    if 0 in shape:  # nothing cannot be mapped
        return np.zeros(shape, dtype)
    array: npt.NDArray[Any] = np.lib.format.open_memmap(
        str(scratch / "x.npy"), mode="w+", dtype=np.dtype(dtype), shape=shape
    )
    return array


def take_rows(x: npt.NDArray[Any], rows: npt.NDArray[np.int64], scratch: Path) -> npt.NDArray[Any]:
    """Return some rows of an array, which may be mapped from the `x.npy` that they replace."""
    taken = RowFile(scratch / "taken.npy", x.shape[1:], x.dtype)
    taken.create(len(rows))
    for part in parts(len(rows), taken.row_bytes):
        taken.write(part.start, x[rows[part]])
    taken.path = taken.path.replace(scratch / "x.npy")
    return taken.open()


def parts(num_rows: int, row_bytes: int) -> Iterator[slice]:
    """Cut rows into slices that are small in memory, but of one row at least.

    >>> list(parts(5, 2**24))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return row_slices(num_rows, row_bytes, _PART_BYTES)
