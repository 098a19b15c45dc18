"""Forecasts that fit nothing: the last value of a window, or that of a season ago.

N: windows, L: their length, H: horizon, F: channels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import listing
from foldwise.data.samples import Samples
from foldwise.tasks.baseline_models import BaselineError

Double = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_NUM_PROBES = 200  # windows that tell which channel is forecast
_MIN_EQUAL = 0.9  # of the values; one damaged window must not hide the channel


class NaiveForecasts(NamedTuple):
    """Forecasts and what they are taken from."""

    values: Double  # (n, H), NaN where the value is not known
    source: str


def naive_forecasts(
    samples: Samples, rows: Rows, period: int = 1, channel: str | None = None
) -> NaiveForecasts:
    """Return the value one period before each step ahead, or the last one known of that phase.

    Step h ahead gets the value h - period * ceil(h / period) steps from the last one of the
    window; a period of 1 repeats the last value.

    Args:
        samples: Windows of series; their ids end in `@<first step>`.
        rows: Which of them.
        period: In steps.
        channel: The channel that is forecast; if None, the one whose values are the targets.

    Raises:
        BaselineError: There is no such channel.
    """
    horizon, length = len(samples.target_names), samples.x.shape[1]
    ahead = np.arange(1, horizon + 1)
    offsets = ahead - period * -(-ahead // period)  # of the last step, at most 0
    known = _known_values(samples)
    name = _named(samples, channel) if channel is not None else _matching_channel(samples, known)
    if name is None:
        starts = _starts(samples)[rows]
        series = samples.table["series"].to_numpy(dtype=object)[rows]
        columns = [
            known.reindex(pd.MultiIndex.from_arrays([series, starts + length - 1 + offset]))
            for offset in offsets
        ]
        values = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
        return NaiveForecasts(values, "the targets of earlier windows: it is no channel")
    index = [feature.name for feature in samples.features].index(name)
    if length + offsets.min() < 1:
        return NaiveForecasts(np.full((len(rows), horizon), np.nan), f"channel {name!r}")
    filled = pd.DataFrame(np.asarray(samples.x[rows][:, :, index], np.float64)).ffill(axis=1)
    return NaiveForecasts(filled.to_numpy()[:, length - 1 + offsets], f"channel {name!r}")


def _named(samples: Samples, channel: str) -> str:
    names = [feature.name for feature in samples.features]
    if channel not in names:
        raise BaselineError(
            f"baseline.target_channel is {channel!r}, but the channels are {listing(names)}."
        )
    return channel


def _starts(samples: Samples) -> Rows:
    """Return the first step of each window."""
    ids: Sequence[str] = samples.table["sample_id"].tolist()
    return np.array([int(name.rpartition("@")[2]) for name in ids], np.int64)


def _known_values(samples: Samples) -> "pd.Series[float]":
    """Return the forecast quantity by series and step, wherever a window has it as target."""
    series, starts = samples.table["series"], _starts(samples)
    length = samples.x.shape[1]
    tables = [
        pd.DataFrame(
            {
                "series": series.to_numpy(dtype=object),
                "step": starts + length + ahead,
                "value": samples.table[name].to_numpy(np.float64),
            }
        )
        for ahead, name in enumerate(samples.target_names)
    ]
    joined = pd.concat(tables).drop_duplicates(["series", "step"])
    return joined.set_index(["series", "step"])["value"]


def _matching_channel(samples: Samples, known: "pd.Series[float]") -> str | None:
    """Return the first channel that holds the targets at the steps where both are known."""
    length = samples.x.shape[1]
    probes = np.unique(np.linspace(0, len(samples) - 1, _NUM_PROBES).astype(np.int64))
    steps = _starts(samples)[probes][:, np.newaxis] + np.arange(length)
    series = samples.table["series"].to_numpy(dtype=object)[probes]
    places = pd.MultiIndex.from_arrays([np.repeat(series, length), steps.ravel()])
    values = known.reindex(places).to_numpy(np.float64).astype(np.float32)
    for index, feature in enumerate(samples.features):
        found = np.asarray(samples.x[probes][:, :, index]).ravel()
        both = np.isfinite(values) & np.isfinite(found)
        if both.any() and (values[both] == found[both]).mean() >= _MIN_EQUAL:
            return feature.name
    return None
