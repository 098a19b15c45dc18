"""Whether anything is missing in series for which nothing is to stand in its place.

N: series, T: steps, F: channels.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.preprocessing.config import ImageInputConfig, InputConfig, SequenceInputConfig
from foldwise.data.preprocessing.series import MissingValueError
from foldwise.data.samples import Samples

_CHUNK = 4096  # series at a time, so that memory-mapped data is never loaded whole


def require_complete(samples: Samples, config: InputConfig) -> None:
    """Refuse series that lack values, where the parameters do not say what fills them.

    Raises:
        MissingValueError: It names the first such series.
    """
    if isinstance(config, ImageInputConfig) or config.missing != "error":
        return
    max_length = config.max_length if isinstance(config, SequenceInputConfig) else None
    refuse_missing(samples, max_length)


def refuse_missing(
    samples: Samples, max_length: int | None, rows: npt.NDArray[np.int64] | None = None
) -> None:
    """Refuse series that lack values; samples of other kinds may.

    Args:
        samples: Any.
        max_length: Steps that are looked at; None: all.
        rows: Which series are looked at; by default all.

    Raises:
        MissingValueError: It names the first such series.
    """
    if samples.modality != "series":
        return
    rows = np.arange(len(samples)) if rows is None else rows
    incomplete = [
        chunk[_gaps(samples, chunk, max_length).any((1, 2))]
        for chunk in (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    ]
    found = np.concatenate([rows[:0], *incomplete])
    if len(found):
        _, step, channel = np.argwhere(_gaps(samples, found[:1], max_length))[0]
        raise MissingValueError(
            f"{len(found)} of {len(rows)} series lack values, the first of them "
            f"{_name(samples, found[0])}, in channel {_channel(samples, channel)} at step {step} "
            "(counted from 0). Say what is to stand in their place: inputs.missing=interpolate "
            "(on a line between the neighbours), previous (the value before) or zero (the "
            "channel's mean)."
        )


def _gaps(
    samples: Samples, rows: npt.NDArray[np.int64], max_length: int | None
) -> npt.NDArray[np.bool_]:
    """Mark what is missing in some series, (n, T, F)."""
    x = samples.x[rows, :max_length]
    is_step = np.arange(x.shape[1]) < samples.lengths[rows, np.newaxis]
    gaps: npt.NDArray[np.bool_] = np.isnan(x) & is_step[..., np.newaxis]
    return gaps


def _name(samples: Samples, row: int) -> str:
    if "sample_id" not in samples.table:  # an array alone was given
        return f"row {row}"
    return repr(samples.table["sample_id"].iloc[row])


def _channel(samples: Samples, channel: int) -> str:
    return repr(samples.features[channel].name) if samples.features else str(channel)
