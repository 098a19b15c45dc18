"""Samples with others appended, without a copy of the first ones: these may be on disk.

N: samples, M: appended ones.
"""

import dataclasses
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples

Array = npt.NDArray[Any]


class JoinedRows:
    """Two arrays that are read as if one followed the other; of what is asked for, copies.

    It is indexed by a row, by a slice of rows or by an array of them, (n,), and by whatever an
    array takes for the axes after the first.

    >>> JoinedRows(np.array([[1, 2], [3, 4]]), np.array([[5, 6]]))[np.array([2, 0]), 1]
    array([6, 2])
    """

    def __init__(self, first: Array, appended: Array) -> None:
        assert first.dtype == appended.dtype, (first.dtype, appended.dtype)
        assert first.shape[1:] == appended.shape[1:], (first.shape, appended.shape)
        self._first, self._appended = first, appended
        self.dtype = first.dtype
        self.shape = (len(first) + len(appended), *first.shape[1:])
        self.ndim = first.ndim

    def __len__(self) -> int:
        return len(self._first) + len(self._appended)

    def __getitem__(self, index: Any) -> Array:  # noqa: ANN401  (as of an array)
        rows, *axes = index if isinstance(index, tuple) else (index,)
        rows = np.arange(len(self))[rows]
        if rows.ndim == 0:
            single: Array = self._of(int(rows))[tuple(axes)]
            return single
        is_appended = rows >= len(self._first)
        first = self._first[(rows[~is_appended], *axes)]
        found = np.empty((len(rows), *first.shape[1:]), dtype=self.dtype)
        found[~is_appended] = first
        found[is_appended] = self._appended[(rows[is_appended] - len(self._first), *axes)]
        return found

    def _of(self, row: int) -> Array:
        start = len(self._first)
        found: Array = self._first[row] if row < start else self._appended[row - start]
        return found


def join_samples(samples: Samples, appended: Samples) -> Samples:
    """Return samples with others after them: the positions of the first ones stay what they are.

    Args:
        samples: The samples; their array is not copied.
        appended: Others of the same kind; columns of the table that only one of the two has are
            missing in the rows of the other.
    """
    joined = JoinedRows(samples.x, appended.x)
    return dataclasses.replace(
        samples,
        # It is indexed as an array is, and nothing else is done to it by those who fit.
        x=cast(Array, joined),
        table=pd.concat([samples.table, appended.table.astype(object)], ignore_index=True),
    )
