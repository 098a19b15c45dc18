"""Where to decide: thresholds of a score, and the class of the least expected cost.

A sample is called positive if its score is at least the threshold. Undefined is NaN, as in
`classification`. N: samples, K: classes, P: points of a curve.

Elkan, C. (2001). The foundations of cost-sensitive learning. IJCAI.
"""

from typing import Literal, NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes, Mask

OperatingMetric = Literal["precision", "recall", "specificity", "f1", "youden"]


class ThresholdCurve(NamedTuple):
    """The metrics of calling positive what scores at least a threshold, by falling threshold."""

    threshold: Array
    precision: Array
    recall: Array
    specificity: Array
    f1: Array
    called: Array  # share of the samples that are called positive

    @property
    def youden(self) -> Array:
        """Recall + specificity - 1."""
        return self.recall + self.specificity - 1


class PointRule(NamedTuple):
    """The best of one metric among the points where another is high enough."""

    maximise: OperatingMetric
    least: tuple[OperatingMetric, float] | None = None


def threshold_curve(positive: Mask, scores: Array) -> ThresholdCurve:
    """Return the metrics at each distinct score; nothing called positive is no point.

    The threshold of a point lies halfway down to the next score, as far from what it divides as
    can be: on other samples the same share may be expected on either side.

    >>> curve = threshold_curve(np.array([True, False, True]), np.array([0.9, 0.5, 0.1]))
    >>> curve.threshold.tolist(), curve.recall.tolist(), curve.precision.round(2).tolist()
    ([0.7, 0.3, 0.0], [0.5, 0.5, 1.0], [1.0, 0.5, 0.67])
    """
    order = np.argsort(-scores, kind="stable")
    ordered, size = scores[order], len(scores)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[:size])
    hits = np.cumsum(positive[order])[ends].astype(np.float64)
    called = np.asarray(ends + 1.0, dtype=np.float64)
    num_positive = float(positive.sum())
    below = np.append(ordered[ends[1:]], -ordered[-1:])
    # Halves first: the sum of two scores of 1 and their mean are exact either way.
    threshold = np.asarray(ordered[ends] / 2 + below / 2, dtype=np.float64)
    return _curve(threshold, hits, called, num_positive, float(size))


def metrics_at(positive: Mask, called: Mask) -> ThresholdCurve:
    """Return the metrics of given decisions as a curve of one point without a threshold."""
    counts = (float((positive & called).sum()), float(called.sum()))
    hits, calls = (np.array([count]) for count in counts)
    return _curve(np.array([np.nan]), hits, calls, float(positive.sum()), float(len(called)))


def choose_threshold(positive: Mask, scores: Array, rule: PointRule) -> float | None:
    """Return the threshold that the rule asks for, or None if none does.

    Of equally good points the one with the most recall is taken, then the one with the most
    precision.
    """
    if not positive.any() or positive.all():
        return None
    curve = threshold_curve(positive, scores)
    wanted = np.asarray(getattr(curve, rule.maximise))
    allowed = np.isfinite(wanted)
    if rule.least is not None:
        name, value = rule.least
        with np.errstate(invalid="ignore"):
            allowed &= getattr(curve, name) >= value - 1e-12
    if not allowed.any():
        return None
    keys = (curve.precision[allowed], curve.recall[allowed], wanted[allowed])
    return float(curve.threshold[allowed][np.lexsort(keys)[-1]])


def thin_curve(curve: ThresholdCurve, max_points: int) -> ThresholdCurve:
    """Return at most `max_points` points, evenly along the metrics; both ends stay."""
    size = len(curve.threshold)
    if size <= max_points:
        return curve
    moved = np.nan_to_num(np.stack(curve))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(moved, axis=1)).sum(axis=0))])
    keep = np.searchsorted(length, np.linspace(0.0, length[-1], max_points))
    keep[-1] = size - 1
    keep = np.unique(keep)
    return ThresholdCurve(*(values[keep] for values in curve))


def expected_costs(probabilities: Array, costs: Array) -> Array:
    """Return what deciding for each class is expected to cost, (N, K).

    Args:
        probabilities: Shape (N, K).
        costs: Of actual class i decided as class j, (K, K).
    """
    return np.asarray(probabilities @ costs)


def least_cost(probabilities: Array, costs: Array) -> Codes:
    """Return the class of the least expected cost, (N,); of equal ones the most probable.

    >>> least_cost(np.array([[0.8, 0.2]]), np.array([[0.0, 1.0], [10.0, 0.0]])).tolist()
    [1]
    """
    expected = expected_costs(probabilities, costs)
    least = expected.min(axis=1, keepdims=True)
    is_least = expected <= least + 1e-12 * np.abs(costs).max()
    decided: Codes = np.where(is_least, probabilities, -1.0).argmax(axis=1).astype(np.int64)
    return decided


def paid(target: Codes, decided: Codes, costs: Array) -> Array:
    """Return what each decision cost, (N,)."""
    return np.asarray(costs[target, decided])


def _curve(
    threshold: Array, hits: Array, called: Array, num_positive: float, size: float
) -> ThresholdCurve:
    others = size - num_positive
    return ThresholdCurve(
        threshold,
        _ratio(hits, called),
        _ratio(hits, np.full_like(hits, num_positive)),
        _ratio(others - (called - hits), np.full_like(hits, others)),
        _ratio(2 * hits, called + num_positive),
        called / size,
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
