"""How far the channels of series spread, to compare them on one scale.

N: series, T: steps, F: channels.
"""

from typing import Any

import numpy as np
import numpy.typing as npt


def channel_spread(series: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Return the standard deviation of each channel of (N, T, F), missing values left out, (F,).

    That of a constant channel is 1, so that it can be divided by.

    >>> channel_spread(np.array([[[0.0, 5.0], [2.0, 5.0]], [[np.nan, 5.0], [4.0, 5.0]]])).round(3)
    array([1.633, 1.   ])
    """
    deviation = np.nanstd(series.astype(np.float64), axis=(0, 1))
    return np.where(deviation > 0, deviation, 1.0)
