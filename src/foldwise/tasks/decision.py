"""Decide by weighed probabilities, with weights tuned where the network was not fitted.

N: samples, K: classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from foldwise.data.balance.config import DecisionMetric

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_MOST_PASSES = 20  # over all classes; two to four are usual
_WIDEST = np.log(1e4)  # of a weight's logarithm: more than any share of classes asks for
_LEAST_GAP = 1e-9  # between two log weights that are told apart


def fit_decision_weights(
    probabilities: Array, labels: Codes, metric: DecisionMetric
) -> tuple[float, ...]:
    """Return the weight of each class, (K,), for which the decisions score best.

    Coordinate ascent: class by class, the best weight while the others stay, until none gets
    better. The score changes only where a sample changes its class, so each step is exact. A
    class without a sample keeps the weight 1. On these samples the score is never below that of
    equal weights; on others it may be, the more so the fewer they are.

    Args:
        probabilities: (N, K), of samples that the network was not fitted on.
        labels: (N,), class indices.
        metric: Its mean is over the classes that occur among the labels, as everywhere here.
    """
    num_classes = probabilities.shape[1]
    log_p = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    log_weights = np.zeros(num_classes)
    for _ in range(_MOST_PASSES):
        before = log_weights.copy()
        for number in np.unique(labels):
            log_weights[number] = _best(log_p, log_weights, labels, int(number), metric)
        if (log_weights == before).all():
            break
    weights = tuple(float(weight) for weight in np.exp(log_weights))
    plain, tuned = (
        _decided(apply_decision_weights(probabilities, each), labels, metric)
        for each in ((1.0,) * num_classes, weights)
    )
    return weights if tuned > plain else (1.0,) * num_classes


def apply_decision_weights(probabilities: Array, weights: Sequence[float]) -> Array:
    """Multiply by the weights of the classes and divide by the sum, (N, K) -> (N, K).

    The greatest is the decision. What comes out is no better calibrated than what went in: it
    says what the probabilities would be if the classes were weights times as common.

    >>> apply_decision_weights(np.array([[0.6, 0.4]]), [1, 3]).round(3).tolist()
    [[0.333, 0.667]]
    """
    weighed = probabilities * np.asarray(weights)
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True), dtype=np.float64)


def _best(
    log_p: Array, log_weights: Array, labels: Codes, number: int, metric: DecisionMetric
) -> float:
    """Return the best log weight of one class; the present one unless another is better."""
    weighed = log_p + log_weights
    weighed[:, number] = -np.inf
    rivals = weighed.argmax(axis=1)
    # The log weight above which a sample is decided for this class.
    needed = weighed.max(axis=1) - log_p[:, number]
    order = np.argsort(needed, kind="stable")
    scores = _scores(labels[order], rivals[order], number, log_p.shape[1], metric)
    needed = needed[order]
    low = np.concatenate([needed[:1] - 1, needed])
    high = np.concatenate([needed, needed[-1:] + 1])
    low, high = low.clip(-_WIDEST, _WIDEST), high.clip(-_WIDEST, _WIDEST)
    present = float(log_weights[number])
    score = scores[np.searchsorted(needed, present)]
    scores[high - low < _LEAST_GAP] = -np.inf
    if scores.max() <= score + _LEAST_GAP:
        return present
    middles = (low + high)[scores >= scores.max() - _LEAST_GAP] / 2
    return float(middles[np.abs(middles - present).argmin()])


def _scores(
    labels: Codes, rivals: Codes, number: int, num_classes: int, metric: DecisionMetric
) -> Array:
    """Return the score if the first 0, 1, .. N samples are decided for a class, (N + 1,).

    Args:
        labels: (N,).
        rivals: (N,), what a sample is decided for otherwise.
        number: The class.
        num_classes: K.
        metric: What is scored.
    """
    every = np.arange(num_classes)
    targets = np.bincount(labels, minlength=num_classes)
    lost = np.zeros((len(labels) + 1, num_classes), dtype=np.int64)  # decisions for the rivals
    np.cumsum(rivals[:, None] == every, axis=0, out=lost[1:])
    missed = np.zeros_like(lost)  # of these, right ones
    np.cumsum((rivals == labels)[:, None] & (rivals[:, None] == every), axis=0, out=missed[1:])
    predictions, hits = lost[-1] - lost, missed[-1] - missed
    predictions[:, number] = np.arange(len(labels) + 1)
    hits[1:, number] = np.cumsum(labels == number)
    return _score(hits, targets, predictions, metric)


def _score(hits: Codes, targets: Codes, predictions: Codes, metric: DecisionMetric) -> Array:
    """Return the mean over the classes that occur, (..., K) -> (...)."""
    occurs = targets > 0
    if metric == "balanced_accuracy":
        return np.asarray((hits[..., occurs] / targets[occurs]).mean(axis=-1))
    both = targets[occurs] + predictions[..., occurs]
    return np.asarray((2 * hits[..., occurs] / both).mean(axis=-1))


def _decided(probabilities: Array, labels: Codes, metric: DecisionMetric) -> float:
    num_classes = probabilities.shape[1]
    decided = probabilities.argmax(axis=1)
    hits = np.bincount(labels[decided == labels], minlength=num_classes)
    targets, predictions = (np.bincount(a, minlength=num_classes) for a in (labels, decided))
    return float(_score(hits, targets, predictions, metric))
