"""Mean, deviation and limits of a metric over folds.

Values have the shape (repeats, folds), NaN where undefined. Repeats see the same samples again:
they steady a mean and its spread but add no degrees of freedom.
"""

import numpy as np

from foldwise.metrics.classification import Array


def fold_mean(values: Array) -> float:
    """Return the mean of (repeats, folds) as far as they are defined."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def fold_interval(
    values: Array, confidence: float, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float] | None:
    """Return t limits for the mean over folds; None where fewer than two folds differ.

    Args:
        values: Shape (repeats, folds).
        confidence: E.g. 0.95.
        bounds: Of the metric; no limit crosses them.
    """
    from scipy.special import stdtrit

    num_folds = int(np.isfinite(values).sum(1).min(initial=values.shape[1]))
    if num_folds < 2:
        return None
    deviation = fold_deviation(values)
    if not deviation > 0:
        return None
    centre = float(np.nanmean(values))
    half = float(stdtrit(num_folds - 1, 0.5 + confidence / 2)) * deviation / np.sqrt(num_folds)
    return max(bounds[0], centre - half), min(bounds[1], centre + half)


def fold_deviation(values: Array) -> float:
    """Return the standard deviation between folds (ddof 1) within repeats, of (repeats, folds)."""
    enough = np.isfinite(values).sum(1) >= 2
    if not enough.any():
        return float("nan")
    return float(np.sqrt(np.nanvar(values[enough], axis=1, ddof=1).mean()))
