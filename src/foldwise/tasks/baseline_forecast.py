"""Forecasts that fit nothing: the last value of a window, or that of a season ago.

N: windows, L: their length, H: horizon, F: channels.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.forecast_channel import (
    first_steps,
    forecast_channel,
    require_channel,
    targets_by_step,
)
from foldwise.data.samples import Samples

Double = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


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
        ChannelError: There is no such channel.
    """
    horizon, length = len(samples.target_names), samples.x.shape[1]
    ahead = np.arange(1, horizon + 1)
    offsets = ahead - period * -(-ahead // period)  # of the last step, at most 0
    every = np.arange(len(samples))
    if channel is not None:
        require_channel(samples, channel, "baseline.target_channel")
    name = channel or forecast_channel(samples, every)
    if name is None:
        known = targets_by_step(samples, every)
        starts = first_steps(samples, rows)
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
