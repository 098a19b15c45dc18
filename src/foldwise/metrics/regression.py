"""Regression and forecast metrics of targets y and predictions p.

Conventions, used everywhere in the project:

- The error is e = p - y: a positive bias is a forecast that is too high.
- Relative errors are fractions, not percents.
- Undefined is NaN, never infinite: MAPE where a target is 0, R2 where all targets are equal, MASE
  where the scale is 0, any mean of nothing.
- Arrays are of shape (N,), quantiles of shape (N, Q) with their levels (Q,) in rising order.

Sources:
    Hyndman, R. J., Koehler, A. B. (2006). Another look at measures of forecast accuracy. Int. J.
        Forecasting 22 (MASE).
    Makridakis, S. (1993). Accuracy measures: theoretical and practical concerns. Int. J.
        Forecasting 9 (sMAPE, here within [0, 2]).
    Koenker, R., Bassett, G. (1978). Regression quantiles. Econometrica 46 (pinball loss).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array, Mask

Numbers = npt.ArrayLike

HIGHER_IS_BETTER = ("r2",)  # of the metrics that rank models, all others are errors
# Limits that no value can cross.
BOUNDS = {"r2": (-np.inf, 1.0), "bias": (-np.inf, np.inf), "smape": (0.0, 2.0)}
_NOT_NEGATIVE = (0.0, np.inf)


class QuantilePair(NamedTuple):
    """Two quantiles that enclose an interval with equal tails."""

    low: int  # position among the levels
    high: int
    percent: str  # how much of the targets it should hold, e.g. "90"


def mean_absolute_error(target: Numbers, prediction: Numbers) -> float:
    """Return MAE = mean |e|.

    >>> mean_absolute_error([1, 2, 3], [1, 3, 1])
    1.0
    """
    return _mean(np.abs(errors(target, prediction)))


def root_mean_squared_error(target: Numbers, prediction: Numbers) -> float:
    """Return RMSE = sqrt(mean e^2).

    >>> root_mean_squared_error([0, 0], [3, 4])
    3.5355339059327378
    """
    return float(np.sqrt(_mean(errors(target, prediction) ** 2)))


def bias(target: Numbers, prediction: Numbers) -> float:
    """Return the mean error, mean e: above 0 if predictions are too high.

    >>> bias([1, 2], [2, 5])
    2.0
    """
    return _mean(errors(target, prediction))


def r2(target: Numbers, prediction: Numbers) -> float:
    """Return R2 = 1 - sum e^2 / sum (y - mean y)^2, the share of the variance that is explained.

    >>> r2([1, 2, 3], [1, 2, 4])
    0.5
    """
    values = _floats(target)
    if not len(values):
        return float("nan")
    total = float(((values - values.mean()) ** 2).sum())
    if total == 0:
        return float("nan")
    return 1 - float((errors(target, prediction) ** 2).sum()) / total


def mape(target: Numbers, prediction: Numbers) -> float:
    """Return MAPE = mean |e / y|; NaN where a target is 0.

    >>> mape([1, 2], [2, 1])
    0.75
    """
    return _mean(absolute_percentage_errors(target, prediction))


def smape(target: Numbers, prediction: Numbers) -> float:
    """Return sMAPE = mean 2 |e| / (|y| + |p|), within [0, 2]; 0 where y = p = 0.

    >>> smape([1, 0, 0], [3, 0, 5])
    1.0
    """
    return _mean(symmetric_percentage_errors(target, prediction))


def mase(target: Numbers, prediction: Numbers, scale: Numbers) -> float:
    """Return MASE = mean |e| / scale; below 1 is better than the naive forecast was in training.

    Args:
        target: y.
        prediction: p.
        scale: `naive_scale` of the training part, one number or one for each target.

    >>> mase([1, 2], [2, 4], 3.0)
    0.5
    """
    return _mean(scaled_errors(target, prediction, scale))


def naive_scale(series: Numbers, season: int = 1) -> float:
    """Return the in-sample MAE of the naive forecast, mean |y_t - y_(t - season)|.

    >>> naive_scale([1, 2, 4, 1])
    2.0
    """
    values = _floats(series)
    return _mean(np.abs(values[season:] - values[:-season]))


def pinball_loss(target: Numbers, quantiles: Numbers, levels: Numbers) -> Array:
    """Return the pinball loss of each quantile, mean max(a (y - q), (a - 1) (y - q)), shape (Q,).

    >>> pinball_loss([1.0, 1.0], [[0.0], [3.0]], [0.9]).round(4).tolist()
    [0.55]
    """
    losses = pinball_losses(target, quantiles, levels)
    return np.array([_mean(column) for column in losses.T])


def coverage(target: Numbers, low: Numbers, high: Numbers) -> float:
    """Return the share of targets with low <= y <= high.

    >>> coverage([1, 2, 3, 4], [0, 2, 4, 4], [1, 3, 5, 4])
    0.75
    """
    return _mean(inside(target, low, high).astype(np.float64))


def mean_width(low: Numbers, high: Numbers) -> float:
    """Return the mean of high - low.

    >>> mean_width([0, 1], [1, 4])
    2.0
    """
    return _mean(_floats(high) - _floats(low))


def quantile_pairs(levels: Numbers) -> list[QuantilePair]:
    """Return the intervals with equal tails that there are quantiles for, the narrowest first.

    >>> [pair.percent for pair in quantile_pairs([0.05, 0.25, 0.5, 0.75, 0.95])]
    ['50', '90']
    """
    known = _floats(levels)
    pairs = []
    for low in np.flatnonzero(known < 0.5)[::-1]:
        (high,) = np.nonzero(np.isclose(known, 1 - known[low]))
        if len(high):
            percent = f"{round(100 * (1 - 2 * known[low]), 6):g}"
            pairs.append(QuantilePair(int(low), int(high[0]), percent))
    return pairs


def bounds_of(metric: str) -> tuple[float, float]:
    """Return the limits that no value of a metric can cross."""
    if metric.startswith("coverage_"):
        return 0.0, 1.0
    return BOUNDS.get(metric, _NOT_NEGATIVE)


# -- of each target -------------------------------------------------------------------------------


def errors(target: Numbers, prediction: Numbers) -> Array:
    """Return e = p - y, (N,)."""
    return _floats(prediction) - _floats(target)


def absolute_percentage_errors(target: Numbers, prediction: Numbers) -> Array:
    """Return |e / y|, (N,); NaN where y is 0."""
    size = np.abs(_floats(target))
    return _ratio(np.abs(errors(target, prediction)), size, np.nan)


def symmetric_percentage_errors(target: Numbers, prediction: Numbers) -> Array:
    """Return 2 |e| / (|y| + |p|), (N,); 0 where both are 0."""
    size = np.abs(_floats(target)) + np.abs(_floats(prediction))
    return _ratio(2 * np.abs(errors(target, prediction)), size, 0.0)


def scaled_errors(target: Numbers, prediction: Numbers, scale: Numbers) -> Array:
    """Return |e| / scale, (N,); NaN where the scale is 0 or unknown."""
    sizes = np.broadcast_to(_floats(scale), _floats(target).shape)
    return _ratio(np.abs(errors(target, prediction)), sizes, np.nan)


def pinball_losses(target: Numbers, quantiles: Numbers, levels: Numbers) -> Array:
    """Return max(a (y - q), (a - 1) (y - q)), (N, Q)."""
    below = _floats(target)[:, None] - _floats(quantiles)
    level = _floats(levels)
    return np.maximum(level * below, (level - 1) * below)


def inside(target: Numbers, low: Numbers, high: Numbers) -> Mask:
    """Tell which targets have low <= y <= high, (N,)."""
    values = _floats(target)
    return (_floats(low) <= values) & (values <= _floats(high))


def _ratio(numerator: Array, denominator: Array, undefined: float) -> Array:
    found = np.full(numerator.shape, undefined)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _floats(values: Numbers) -> Array:
    return np.asarray(values, dtype=np.float64)
