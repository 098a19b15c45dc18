"""Which channel of a window its targets go on from.

N: windows, T: steps of a window, H: horizon, F: channels.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import listing
from foldwise.data.samples import Samples
from foldwise.errors import UserError

Double = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_NUM_PROBES = 200  # windows that tell which channel is forecast
_MIN_EQUAL = 0.9  # of the values; one damaged window must not hide the channel


class ChannelError(UserError):
    """The samples have no such channel."""


def is_forecast(samples: Samples) -> bool:
    """Tell whether the samples are windows, each with what follows it as its target."""
    return (
        samples.modality == "series"
        and samples.task == "regression"
        and "series" in samples.table
        and bool(samples.table["series"].notna().all())
        and bool(samples.table["sample_id"].astype("str").str.contains(r"@\d+$").all())
    )


def require_channel(samples: Samples, channel: str, parameter: str) -> None:
    """Refuse a channel that the samples do not have.

    Raises:
        ChannelError: It names the parameter and the channels that there are.
    """
    names = [feature.name for feature in samples.features]
    if samples.modality != "series" or channel not in names:
        found = f"the channels are {listing(names)}" if names else "the samples have no channels"
        if samples.modality != "series":
            found = f"the samples are of the kind '{samples.modality}', which has no channels"
        raise ChannelError(f"{parameter} is {channel!r}, but {found}.")


def forecast_channel(samples: Samples, rows: Rows) -> str | None:
    """Return the channel that holds the targets at the steps where both are known.

    Values that are equal to the most frequent target tell nothing: where most are 0, many a
    channel would do.

    Args:
        samples: Any; of those that are no windows, no target goes on from a channel.
        rows: Nothing else is looked at.
    """
    if not is_forecast(samples) or not len(rows):
        return None
    known = targets_by_step(samples, rows)
    probes = np.unique(np.sort(rows)[np.linspace(0, len(rows) - 1, _NUM_PROBES).astype(np.int64)])
    x = np.asarray(samples.x[probes])
    steps = np.arange(x.shape[1])
    moments = first_steps(samples, probes)[:, np.newaxis] + steps
    series = samples.table["series"].to_numpy(dtype=object)[probes]
    places = pd.MultiIndex.from_arrays([np.repeat(series, len(steps)), moments.ravel()])
    values = known.reindex(places).to_numpy(np.float64).astype(x.dtype)
    values[(steps >= samples.lengths[probes, np.newaxis]).ravel()] = np.nan  # padding
    shares = [_share(values, x[:, :, i].ravel()) for i in range(x.shape[2])]
    best = int(np.argmax(shares))
    return samples.features[best].name if shares[best] >= _MIN_EQUAL else None


def first_steps(samples: Samples, rows: Rows) -> Rows:
    """Return the first step of some windows, which ends their ids."""
    ids = samples.table["sample_id"].to_numpy(dtype=object)[rows]
    return np.array([int(name.rpartition("@")[2]) for name in ids], np.int64)


def targets_by_step(samples: Samples, rows: Rows) -> "pd.Series[float]":
    """Return the forecast quantity by series and step, wherever it is the target of a row."""
    series = samples.table["series"].to_numpy(dtype=object)[rows]
    ends = first_steps(samples, rows) + samples.lengths[rows]
    tables = [
        pd.DataFrame(
            {
                "series": series,
                "step": ends + ahead,
                "value": samples.table[name].to_numpy(np.float64)[rows],
            }
        )
        for ahead, name in enumerate(samples.target_names)
    ]
    joined = pd.concat(tables).drop_duplicates(["series", "step"])
    return joined.set_index(["series", "step"])["value"]


def _share(values: npt.NDArray[np.float32], found: npt.NDArray[np.float32]) -> float:
    """Return the share of equal ones among what is known of both, (n,)."""
    known = np.isfinite(values) & np.isfinite(found)
    if not known.any():
        return 0.0
    distinct, counts = np.unique(values[known], return_counts=True)
    telling = known & (values != distinct[counts.argmax()])
    if telling.any():
        known = telling
    return float((values[known] == found[known]).mean())
