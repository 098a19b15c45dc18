"""When samples take place, counted in time steps.

A time step is one of the distinct moments that occur in `time` or `time_end` of the samples, in
order. Counting in them makes whole numbers, real numbers and dates one and the same.

N: samples, S: time steps, W: windows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.split_config import SplitError

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NEVER = -1  # the step of a sample without a time


@dataclass(frozen=True)
class Spans:
    """The steps that each sample spans, first and last one included; `NEVER` where unknown."""

    first: Codes  # (N,)
    last: Codes  # (N,)
    moments: npt.NDArray[Any]  # (S,), sorted

    def of(self, rows: npt.NDArray[Any]) -> "Spans":
        """Return the spans of some rows, in the same steps."""
        return Spans(self.first[rows], self.last[rows], self.moments)

    def widened(self, before: int, after: int) -> "Spans":
        """Return the spans with that many steps more on either side, as far as there are any."""
        known = self.first != NEVER
        first = np.where(known, np.maximum(self.first - before, 0), NEVER)
        last = np.where(known, np.minimum(self.last + after, len(self.moments) - 1), NEVER)
        return Spans(first, last, self.moments)

    def touch(self, others: "Spans") -> Mask:
        """Tell which samples share a step with any of the others, shape (N,)."""
        return self._count(others._covered()) > 0

    def within(self, start: int, stop: int) -> Mask:
        """Tell which samples share a step with start..stop-1, shape (N,)."""
        known: Mask = (self.last >= start) & (self.first < stop) & (self.first != NEVER)
        return known

    def _covered(self) -> Codes:
        """Return how many of the samples span each step, shape (S,)."""
        known = self.first != NEVER
        size = len(self.moments) + 1
        begun = np.bincount(self.first[known], minlength=size)
        ended = np.bincount(self.last[known] + 1, minlength=size)
        return np.cumsum(begun - ended)[:-1].astype(np.int64)

    def _count(self, per_step: Codes) -> Codes:
        """Return the number of steps of each span at which `per_step` (S,) is above 0."""
        before = np.concatenate([[0], np.cumsum(per_step > 0)])
        count: Codes = np.where(self.first == NEVER, 0, before[self.last + 1] - before[self.first])
        return count


def time_spans(rows: pd.DataFrame) -> Spans:
    """Count the columns `time` and `time_end` (or `time` alone: moments) in steps.

    Raises:
        SplitError: A sample ends before it begins.
    """
    first = rows["time"]
    last = rows["time_end"].fillna(first) if "time_end" in rows else first
    reverse = np.flatnonzero((last < first).to_numpy(dtype=bool))
    if len(reverse):
        sample = rows["sample_id"].iloc[reverse[0]]
        raise SplitError(
            f"Sample {sample!r} ends at {last.iloc[reverse[0]]}, before it begins at "
            f"{first.iloc[reverse[0]]}. Column 'time' has to hold the first moment of a sample "
            "and 'time_end' the last one."
        )
    moments = np.unique(np.concatenate([_numbers(first.dropna()), _numbers(last.dropna())]))
    return Spans(_steps(first, moments), _steps(last, moments), moments)


def windows(rows: pd.DataFrame) -> Mask:
    """Tell which samples are windows of a longer series, (N,): series and last moment are known.

    A whole series may span moments too, but shares none of its content with another one.
    """
    if "series" not in rows or "time_end" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return (rows["series"].notna() & rows["time_end"].notna()).to_numpy(dtype=bool)


def overlapping_windows(rows: pd.DataFrame, spans: Spans) -> Codes:
    """Number the runs of windows of one series of which each overlaps an earlier one, (N,).

    A sample without a time or a series is in none: -1.
    """
    runs = np.full(len(rows), -1, dtype=np.int64)
    order, first, last = _series_by_series(rows, spans)
    if len(order):
        ended = np.maximum.accumulate(last)
        is_start = np.concatenate([[True], first[1:] > ended[:-1]])
        runs[order] = np.cumsum(is_start) - 1
    return runs


def window_blocks(rows: pd.DataFrame, spans: Spans) -> Codes:
    """Number blocks of neighbouring windows, (N,): what a bootstrap of a series draws as one.

    A block is all windows of a series that begin while its first window lasts; so windows of one
    block overlap, and those of two blocks only if they are neighbours (non-overlapping block
    bootstrap: Carlstein, "The use of subseries values for estimating the variance of a general
    statistic from a stationary sequence", 1986). A sample without a time or a series is in none:
    -1.
    """
    blocks = np.full(len(rows), -1, dtype=np.int64)
    order, first, last = _series_by_series(rows, spans)
    following = np.searchsorted(first, last, side="right").tolist()
    heads, row = np.zeros(len(order), dtype=np.int64), 0
    while row < len(order):
        heads[row] = 1
        row = following[row]
    blocks[order] = np.cumsum(heads) - 1
    return blocks


def _series_by_series(rows: pd.DataFrame, spans: Spans) -> tuple[Codes, Codes, Codes]:
    """Return rows in the order of series and time, and their spans laid end to end, (W,) each.

    Samples without a series are left out: what shares moments with them shares no content.
    """
    series = np.full(len(rows), -1, dtype=np.int64)
    if "series" in rows:
        series = pd.factorize(rows["series"])[0].astype(np.int64)
    known = np.flatnonzero((spans.first != NEVER) & (series >= 0))
    order = known[np.lexsort((spans.last[known], spans.first[known], series[known]))]
    offset = series[order] * len(spans.moments)
    return order, offset + spans.first[order], offset + spans.last[order]


def _numbers(values: pd.Series) -> npt.NDArray[Any]:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.to_numpy(dtype="datetime64[ns]")
    return values.to_numpy()


def _steps(values: pd.Series, moments: npt.NDArray[Any]) -> Codes:
    steps = np.full(len(values), NEVER, dtype=np.int64)
    known = values.notna().to_numpy()
    steps[known] = np.searchsorted(moments, _numbers(values[known]))
    return steps
