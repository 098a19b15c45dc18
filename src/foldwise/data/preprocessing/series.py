"""Channel statistics of series, fitted on a training part.

N: series, T: steps, F: channels.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from foldwise.config import Config
from foldwise.data.preprocessing.config import Missing
from foldwise.data.preprocessing.window_moments import CONSTANT, window_moments
from foldwise.errors import UserError

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

_CHUNK = 1024  # series at a time, so that memory-mapped data is never loaded whole
_LARGEST = float(np.finfo(np.float32).max)


class MissingValueError(UserError):
    """A value within a series is missing, and nothing says what is to stand in its place."""


class SeriesPreprocessing(Config):
    """Mean and standard deviation of each channel over all steps, and what fills gaps.

    A channel that lacks all values of a series becomes its mean, whatever fills other gaps.
    Standardised by the window, each series goes by mean and deviation of its own values; those of
    the training part then stand in for what a series lacks: all values, or any deviation.
    """

    kind: Literal["series"] = "series"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    missing: Missing
    max_length: int | None = None  # steps; of longer series the start is kept
    layout: Literal["steps", "flat"] = "steps"  # (T, F + 1) with a mask | (T F)
    standardise: Literal["training", "window"] = "training"

    def lengths(self, lengths: Indices) -> Indices:
        """Return how many steps of each series are kept, (N,)."""
        return lengths if self.max_length is None else np.minimum(lengths, self.max_length)

    def encode(self, x: Floats, lengths: Indices) -> Floats:
        """Return standardised series and their mask, (N, T', F + 1); padding is 0 in all of them.

        T' is the length of the longest one that is given.

        Args:
            x: (N, T, F), NaN where a value is missing.
            lengths: Steps of each series, (N,).

        Raises:
            MissingValueError: A value is missing, and `missing` is `error`.
        """
        lengths = self.lengths(lengths)
        longest = int(lengths.max(initial=1))
        values = np.array(x[:, :longest], dtype=np.float64)
        mask = np.arange(longest) < lengths[:, np.newaxis]  # (N, T')
        values[~mask] = 0.0
        mean, std = self._moments(values, mask)
        _fill(values, lengths, mean, self.missing)
        standard = (values - mean[:, np.newaxis]) / std[:, np.newaxis]
        standard = np.clip(standard, -_LARGEST, _LARGEST)
        standard[~mask] = 0.0
        encoded: Floats = np.concatenate([standard, mask[..., np.newaxis]], axis=2, dtype="f4")
        return encoded

    def _moments(
        self, values: npt.NDArray[np.float64], mask: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return what each series is standardised by, (N, F) both, before gaps are filled."""
        mean, std = (np.tile(of_all, (len(values), 1)) for of_all in (self.mean, self.std))
        if self.standardise == "training":
            return mean, std
        own_mean, own_std = window_moments(values, mask[..., np.newaxis] & ~np.isnan(values))
        return np.where(np.isnan(own_mean), mean, own_mean), np.where(own_std > 0, own_std, std)


def fit_series(
    x: Floats, lengths: Indices, rows: Indices, missing: Missing, max_length: int | None = None
) -> SeriesPreprocessing:
    """Return the channel statistics of the given rows of `x` (N, T, F).

    Missing values do not count; a constant channel gets a standard deviation of 1.
    """
    rows = np.sort(rows)  # the statistics do not depend on the order
    kept = lengths if max_length is None else np.minimum(lengths, max_length)
    totals = np.zeros((3, x.shape[2]))  # number, sum and sum of squares
    centre = _first_values(x, kept, rows)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        values = x[chunk].astype(np.float64) - centre
        is_step = np.arange(x.shape[1]) < kept[chunk][:, np.newaxis]
        counts = is_step[..., np.newaxis] & ~np.isnan(values)
        values = np.where(counts, values, 0.0)
        totals += [counts.sum((0, 1)), values.sum((0, 1)), (values**2).sum((0, 1))]
    number = np.maximum(totals[0], 1)
    shifted = totals[1] / number
    mean = centre + shifted
    std = np.sqrt(np.maximum(totals[2] / number - shifted**2, 0))
    std[std <= CONSTANT * np.abs(mean)] = 1.0
    return SeriesPreprocessing(
        mean=tuple(mean.tolist()), std=tuple(std.tolist()), missing=missing, max_length=max_length
    )


def _first_values(x: Floats, lengths: Indices, rows: Indices) -> npt.NDArray[np.float64]:
    """Return a value of each channel near its mean: sums of squares around it lose no digits."""
    if not len(rows):
        return np.zeros(x.shape[2])
    first = x[rows[0], : max(1, lengths[rows[0]])].astype(np.float64)
    present = np.where(np.isnan(first), 0.0, first).sum(axis=0)
    centre: npt.NDArray[np.float64] = present / np.maximum((~np.isnan(first)).sum(axis=0), 1)
    return centre


def _fill(
    values: npt.NDArray[np.float64],
    lengths: Indices,
    means: npt.NDArray[np.float64],
    missing: Missing,
) -> None:
    """Put something in the place of missing values, in place; `means` are (N, F)."""
    gaps = np.isnan(values)
    if not gaps.any():
        return
    if missing == "error":
        raise MissingValueError(
            f"{gaps.any((1, 2)).sum()} of {len(values)} series lack values, and inputs.missing is "
            "'error'."
        )
    for series, channel in np.argwhere(gaps.any(axis=1)):
        steps = values[series, : lengths[series], channel]
        steps[:] = _filled(steps, means[series, channel], missing)


def _filled(
    steps: npt.NDArray[np.float64], mean: float, missing: Missing
) -> npt.NDArray[np.float64]:
    known = np.flatnonzero(~np.isnan(steps))
    if missing == "zero" or not len(known):
        return np.where(np.isnan(steps), mean, steps)
    places = np.arange(len(steps))
    if missing == "interpolate":
        return np.interp(places, known, steps[known])
    before = np.searchsorted(known, places, side="right") - 1
    return np.where(before < 0, mean, steps[known[np.maximum(before, 0)]])
