"""Mean and deviation of each series by itself.

N: series, T: steps, F: channels.
"""

import numpy as np
import numpy.typing as npt

Double = npt.NDArray[np.float64]

CONSTANT = 10 * float(np.finfo(np.float32).eps)  # of the mean's size: below, it is rounding


def window_moments(values: Double, is_there: npt.NDArray[np.bool_]) -> tuple[Double, Double]:
    """Return mean and deviation (N, F) of each channel of each series over what is there.

    Where there is nothing, the mean is NaN and the deviation 0, as it is where all are alike.

    Args:
        values: (N, T, F), of which only what is there counts.
        is_there: (N, T, F), neither padding nor missing.
    """
    counts = is_there.sum(axis=1)
    totals = np.where(is_there, values, 0.0).sum(axis=1)
    mean = np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    centred = np.where(is_there, values - mean[:, np.newaxis], 0.0)
    std = np.sqrt((centred**2).sum(axis=1) / np.maximum(counts, 1))
    std[~(std > CONSTANT * np.abs(mean))] = 0.0
    return mean, std
