"""Forecasts as changes since the last value of a window, in units of how much it varies.

What a network then says does not depend on the level, nor on the spread, of what it is told:
prices of another year are those of this one. The idea is that of RevIN (Kim, T. et al. (2022).
Reversible instance normalization for accurate time-series forecasting against distribution shift.
ICLR), here around the last value in place of the mean, as in NLinear (Zeng, A. et al. (2023). Are
transformers effective for time series forecasting? AAAI), so that 0 is the naive forecast.

N: windows, T: steps, F: channels, H: horizon, Q: quantile levels.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config
from foldwise.data.preprocessing.window_moments import window_moments
from foldwise.data.samples import Samples

Double = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_CHUNK = 4096  # windows at a time, so that memory-mapped data is never loaded whole
_FLAT = 0.01  # a window that varies less, in units of what is usual, would blow changes up


class Anchors(NamedTuple):
    """What the changes of N windows start from, and their units."""

    start: Double  # (N,)
    unit: Double  # (N,), positive

    def changes(self, values: npt.ArrayLike) -> Double:
        """Return how far values (N, H) are from the start, in units."""
        numbers = np.asarray(values, dtype=np.float64)
        return (numbers - self.start[:, np.newaxis]) / self.unit[:, np.newaxis]

    def values(self, changes: npt.ArrayLike) -> Double:
        """Return what `changes` was given, (N, H) -> (N, H), or of quantiles (N, H, Q)."""
        numbers = np.asarray(changes, dtype=np.float64)
        per_window = (-1,) + (1,) * (numbers.ndim - 1)
        return numbers * self.unit.reshape(per_window) + self.start.reshape(per_window)


class ForecastAnchor(Config):
    """The channel that forecasts go on from, and what is usual of it in a training part."""

    channel: str
    index: int = Field(ge=0)  # of the channel
    mean: float  # the start where a window has no value of the channel
    unit: float = Field(gt=0)  # the unit where a window hardly varies

    def anchors(self, x: npt.NDArray[np.float32], lengths: Rows) -> Anchors:
        """Return the last value that is there, and the deviation of all that are there.

        Args:
            x: (N, T, F), NaN where a value is missing.
            lengths: Steps of each window, (N,).
        """
        values, is_there = _steps(x, lengths, self.index)
        places = values.shape[1] - 1 - is_there[:, ::-1].argmax(axis=1)
        last = values[np.arange(len(values)), places]
        _, unit = window_moments(values[..., np.newaxis], is_there[..., np.newaxis])
        return Anchors(
            np.where(is_there.any(axis=1), last, self.mean),
            np.where(unit[:, 0] >= _FLAT * self.unit, unit[:, 0], self.unit),
        )

    def of_rows(self, samples: Samples, rows: Rows) -> Anchors:
        """Return the anchors of some samples, in the order of the rows."""
        found = [self.anchors(samples.x[chunk], samples.lengths[chunk]) for chunk in _chunks(rows)]
        return Anchors(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def fit_forecast_anchor(samples: Samples, rows: Rows, channel: str) -> ForecastAnchor:
    """Return the channel's mean over all steps, and the median deviation of a window.

    Args:
        samples: Series.
        rows: Of the training part.
        channel: Its name.
    """
    index = [feature.name for feature in samples.features].index(channel)
    total, count, deviations = 0.0, 0, []
    for chunk in _chunks(np.unique(rows)):
        values, is_there = _steps(samples.x[chunk], samples.lengths[chunk], index)
        _, std = window_moments(values[..., np.newaxis], is_there[..., np.newaxis])
        deviations.append(std[std > 0])
        total += float(values[is_there].sum())
        count += int(is_there.sum())
    varying = np.concatenate(deviations)
    return ForecastAnchor(
        channel=channel,
        index=index,
        mean=total / max(1, count),
        unit=float(np.median(varying)) if len(varying) else 1.0,
    )


def _steps(
    x: npt.NDArray[np.float32], lengths: Rows, index: int
) -> tuple[Double, npt.NDArray[np.bool_]]:
    """Return a channel's values, and which of them are there, (N, T) both."""
    values = np.asarray(x[:, :, index], dtype=np.float64)
    is_step = np.arange(values.shape[1]) < lengths[:, np.newaxis]
    return values, is_step & ~np.isnan(values)


def _chunks(rows: Rows) -> list[Rows]:
    """Return at least one, if empty."""
    return [rows[start : start + _CHUNK] for start in range(0, max(1, len(rows)), _CHUNK)]
