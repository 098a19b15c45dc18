"""How much more often one of two predictors is right than the other, on the same samples.

N: samples.
"""

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Codes
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.intervals import UNDEFINED, Interval

Mask = npt.NDArray[np.bool_]


def paired_difference(first: Mask, second: Mask, units: Codes, confidence: float) -> Estimate:
    """Return the share of hits of the first less that of the second, with a t interval.

    The variance is that of a ratio of sums over independent units, U / (U - 1) times the sum of
    (s - d n)^2 over N^2, where s is a unit's difference in hits and n its size.

    Args:
        first: Hits of one predictor, (N,).
        second: Hits of the other one, (N,).
        units: Which samples are not independent of one another, (N,), 0..U-1.
        confidence: Of the interval.
    """
    from scipy.special import stdtrit

    difference = first.astype(np.float64) - second
    sums, sizes = np.bincount(units, difference), np.bincount(units).astype(np.float64)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    if len(sizes) < 2:
        value = float(difference.mean()) if len(difference) else float("nan")
        return Estimate.of(value, UNDEFINED)
    value = float(difference.mean())
    residuals = sums - value * sizes
    variance = len(sizes) / (len(sizes) - 1) * np.square(residuals).sum() / sizes.sum() ** 2
    half = float(stdtrit(len(sizes) - 1, 0.5 + confidence / 2) * np.sqrt(variance))
    limits = Interval(max(-1.0, value - half), min(1.0, value + half), "paired, t over units")
    return Estimate.of(value, limits)
