"""Series in a wide table: one row per series, one column per step.

N: series, T: steps.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from foldwise.data.readers.delimited import DelimitedTable
from foldwise.data.readers.scratch_array import new_array


def wide_lengths(table: DelimitedTable, steps: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the length of each series, (N,): missing values at its end do not count."""
    lengths = np.zeros(len(table.frame), dtype=np.int64)
    for number, name in enumerate(steps, start=1):
        lengths[table.frame[name].notna().to_numpy()] = number
    return lengths


def write_steps(
    table: DelimitedTable,
    steps: Sequence[str],
    kept: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    scratch: Path,
) -> npt.NDArray[np.float32]:
    """Write the rows that are kept into `x.npy`, zeros after the end of each, (N, T, 1)."""
    num_steps = int(lengths.max(initial=0))
    x: npt.NDArray[np.float32] = new_array(scratch, (len(kept), num_steps, 1), np.float32)
    for number, name in enumerate(steps[:num_steps]):
        values = table.frame[name].to_numpy(np.float32)[kept]
        x[:, number, 0] = np.where(number < lengths, values, 0)
    return x
