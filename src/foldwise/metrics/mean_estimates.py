"""Means of what each sample adds, such as costs or differences of losses, with intervals.

Hall, P. (1992). On the removal of skewness by transformation. J. Roy. Stat. Soc. B 54.
Zhou, X.-H., Gao, S. (2000). One-sided confidence intervals for means of positively skewed
    distributions. American Statistician 54 (its inverse, and how often it holds).
N: samples, L: quantities, U: units (see `intervals`).
"""

import numpy as np

from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.effective_size import unit_sums
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.intervals import UNDEFINED, Interval


def mean_estimates(values: Array, units: Codes | None, confidence: float) -> list[Estimate]:
    """Return the mean of each quantity with a t interval over units, corrected for skewness.

    With t the studentised mean and g its skewness, t + g t^2 / 3 + g^2 t^3 / 27 + g / (6 U) has
    none in the first order: its limits are those of Student's t, carried back. That is as good as
    a BCa bootstrap for a mean and needs no draws. Where all samples agree there is no interval.

    Args:
        values: Shape (N, L).
        units: The number of the independent unit of each sample, (N,); None if each is one.
        confidence: E.g. 0.95.
    """
    size = len(values)
    means = values.mean(axis=0)
    sums = values - means
    if units is not None:
        codes = np.unique(units, return_inverse=True)[1]
        sums = unit_sums(codes, sums, int(codes.max()) + 1)
    ranges = np.ptp(values, axis=0)
    found = []
    for value, span, of_unit in zip(means, ranges, sums.T, strict=True):
        is_constant = span <= 1e-12 * max(1.0, abs(value)) or len(of_unit) < 2
        interval = UNDEFINED if is_constant else _interval(value, of_unit, size, confidence)
        found.append(Estimate.of(value, interval))
    return found


def _interval(value: float, deviations: Array, size: int, confidence: float) -> Interval:
    """Return the limits from each unit's sum of deviations from the mean, (U,)."""
    from scipy.special import stdtrit

    num_units = len(deviations)
    square = float((deviations**2).mean())
    if square <= 0:
        return UNDEFINED
    skewness = float((deviations**3).mean()) / square**1.5
    error = np.sqrt(square * num_units / (num_units - 1) * num_units) / size
    quantile = float(stdtrit(num_units - 1, 0.5 + confidence / 2))
    steps = np.array([quantile, -quantile]) / np.sqrt(num_units)
    low, high = value - error * np.sqrt(num_units) * _unskewed(steps, skewness, num_units)
    return Interval(float(min(low, value)), float(max(high, value)), "t, skewness corrected")


def _unskewed(steps: Array, skewness: float, num_units: int) -> Array:
    """Return Hall's transformation backwards."""
    if abs(skewness) < 1e-6:
        return steps
    inner = 1 + skewness * (steps - skewness / (6 * num_units))
    return np.asarray(3 / skewness * (np.cbrt(inner) - 1))
