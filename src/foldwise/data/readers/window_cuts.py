"""Windows cut from long series.

n: steps of a series, L: length of a window, W: windows, F: channels, K: classes, H: horizon.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from foldwise.data.images.batch import row_hashes
from foldwise.data.readers.scratch_array import new_array, parts

Indices = npt.NDArray[np.int64]


def window_starts(num_steps: int, span: int, stride: int) -> Indices:
    """Return the first step of each window.

    >>> window_starts(num_steps=10, span=4, stride=3).tolist()
    [0, 3, 6]
    """
    return np.arange(0, num_steps - span + 1, stride, dtype=np.int64)


def majority(codes: Indices, starts: Indices, length: int) -> Indices:
    """Return the most frequent class of each window, the lowest of several, -1 where none is.

    Args:
        codes: (n,) classes, -1 where missing.
        starts: (W,)
        length: L
    """
    best = np.full(len(starts), -1, dtype=np.int64)
    most = np.zeros(len(starts), dtype=np.int64)
    for code in range(int(codes.max(initial=-1)) + 1):
        before = np.concatenate([[0], np.cumsum(codes == code)])  # (n + 1,)
        count = before[starts + length] - before[starts]
        best[count > most] = code
        most = np.maximum(most, count)
    return best


def steps_ahead(
    values: npt.NDArray[np.float64], starts: Indices, length: int, horizon: int
) -> npt.NDArray[np.float64]:
    """Return the H values that follow each window, (W, H)."""
    steps = (starts + length)[:, np.newaxis] + np.arange(horizon)
    ahead: npt.NDArray[np.float64] = values[steps]
    return ahead


def write_windows(
    series: Sequence[tuple[Sequence[npt.NDArray[Any]], Indices]],
    length: int,
    num_channels: int,
    scratch: Path,
) -> tuple[npt.NDArray[np.float32], pd.Series]:
    """Write the windows into `x.npy`, a few megabytes at a time.

    Args:
        series: Of each series its channels, F times (n,), and the first step of each window, (W,).
        length: L
        num_channels: F
        scratch: The folder of `x.npy`.

    Returns:
        The windows of all series, (sum of W, L, F), and the hash of each.
    """
    shape = (sum(len(starts) for _, starts in series), length, num_channels)
    x: npt.NDArray[np.float32] = new_array(scratch, shape, np.float32)
    hashes, row = [], 0
    for channels, starts in series:
        views = (
            [sliding_window_view(channel, length) for channel in channels] if len(starts) else []
        )
        for part in parts(len(starts), length * num_channels * 8):
            windows = [view[starts[part]].astype(np.float32, copy=False) for view in views]
            block = np.stack(windows, axis=-1)  # (W, L, F)
            x[row : row + len(block)] = block
            hashes.append(pa.array(row_hashes(block), pa.string()))
            row += len(block)
    return x, pd.Series(pa.chunked_array(hashes, pa.string()).to_pandas(), dtype="str")
