"""What is to be predicted from each window of a long series.

n: steps of a series, L: length of a window, W: windows, H: horizon.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import BadFile
from foldwise.data.readers.long_series import LongSeries
from foldwise.data.readers.window_cuts import majority, steps_ahead
from foldwise.data.samples import TARGET

Indices = npt.NDArray[np.int64]
Goals = tuple[pd.DataFrame, Indices, list[BadFile]]  # one row each for the windows that are kept
LabelRule = Literal["last", "majority"]


def forecasts(series: LongSeries, starts: Indices, length: int, horizon: int) -> Goals:
    """Return the H values of the target that follow each window.

    Windows that would predict a missing value are left out; the rows with such a value are
    returned as bad.
    """
    assert series.target is not None  # the caller's choice
    ahead = steps_ahead(series.target, starts, length, horizon)
    is_wrong = ~np.isfinite(ahead)
    window, step = np.nonzero(is_wrong)
    steps, counts = np.unique(starts[window] + length + step, return_counts=True)
    bad = [
        BadFile(
            series.row_name(int(at)),
            f"the target is {'missing' if np.isnan(series.target[at]) else 'infinite'}: "
            f"{count} windows of series '{series.name}' would predict it",
        )
        for at, count in zip(steps, counts, strict=True)
    ]
    kept = np.flatnonzero(~is_wrong.any(axis=1))
    names = [TARGET] if horizon == 1 else [f"{TARGET}_{i + 1}" for i in range(horizon)]
    return pd.DataFrame(ahead[kept], columns=names), starts[kept], bad


def labels(series: LongSeries, starts: Indices, length: int, rule: LabelRule) -> Goals:
    """Return the class of each window: that of its last step, or its most frequent one.

    Windows without any are left out, and their last rows returned as bad.
    """
    assert series.codes is not None  # the caller's choice
    last = starts + length - 1
    codes = series.codes[last] if rule == "last" else majority(series.codes, starts, length)
    missing = "its label" if rule == "last" else f"the label of all {length} rows up to here"
    bad = [
        BadFile(
            series.row_name(int(last[at])),
            f"{missing} is missing: the window '{series.name}@{starts[at]}' has none",
        )
        for at in np.flatnonzero(codes < 0)
    ]
    kept = np.flatnonzero(codes >= 0)
    names = np.array(series.classes, dtype=object)[codes[kept]]
    return pd.DataFrame({"label": pd.Series(names, dtype="str")}), starts[kept], bad
