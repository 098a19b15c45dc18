"""Classification metrics from codes, probabilities or a confusion matrix.

Conventions, used everywhere in the project:

- K classes are coded 0..K-1; `confusion[i, j]` counts samples of class i predicted as class j.
- Recall is sensitivity and true-positive rate; specificity is true-negative rate.
- Undefined is NaN, never 0: recall without targets, precision without predictions, specificity
  without samples of other classes, rank metrics without samples on both sides.
- F1 is 2 TP / (2 TP + FP + FN): 0 for a class that occurs and is never hit, undefined only for a
  class that occurs neither among the targets nor among the predictions.
- Averages run over the classes that occur among the targets; they are undefined where one of
  those classes is.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CLASS_METRICS = ("precision", "recall", "specificity", "f1")
RANK_METRICS = ("roc_auc", "average_precision")
AVERAGES = (
    "accuracy",
    "balanced_accuracy",
    *(f"{average}_{metric}" for average in ("macro", "weighted") for metric in CLASS_METRICS),
)


class Curve(NamedTuple):
    """Points of the ROC and of the precision-recall curve of one class, by falling threshold."""

    threshold: Array  # NaN for the first point, at which nothing is predicted
    false_positive_rate: Array
    recall: Array
    precision: Array  # 1 at the first point, by scikit-learn's convention


def confusion_matrix(target: Codes, predicted: Codes, num_classes: int) -> Codes:
    """Count targets by predictions, shape (K, K).

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    cells = np.bincount(target * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).astype(np.int64)


def macro_f1(confusion: npt.ArrayLike) -> float:
    """Return the mean F1 over the classes that occur among the targets."""
    totals = margins(np.asarray(confusion, dtype=np.float64))
    return float(average_metrics(totals)["macro_f1"])


def margins(confusion: npt.ArrayLike) -> Array:
    """Return hits, targets and predictions of each class, shape (..., 3, K).

    Every metric of a confusion matrix (..., K, K) here is a function of these.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.stack([hits, counts.sum(-1), counts.sum(-2)], axis=-2)


def class_metrics(margins: Array) -> dict[str, Array]:
    """Return the metrics of each class against the rest, shape (..., K), from its margins."""
    hits, targets, predictions = np.moveaxis(margins, -2, 0)
    others = targets.sum(-1, keepdims=True) - targets
    return {
        "precision": _ratio(hits, predictions),
        "recall": _ratio(hits, targets),
        "specificity": _ratio(others - (predictions - hits), others),
        "f1": _ratio(2 * hits, targets + predictions),
    }


def average_metrics(margins: Array, supported: Mask | None = None) -> dict[str, Array]:
    """Return `AVERAGES`, each of shape (...,), from margins of shape (..., 3, K).

    Args:
        margins: Hits, targets and predictions per class.
        supported: The classes to average over; those that occur among the targets if None, for
            which `margins` has to be one matrix.
    """
    if supported is None:
        supported = margins[1] > 0
    metrics = {name: values[..., supported] for name, values in class_metrics(margins).items()}
    weights = margins[..., 1, :][..., supported]
    total = margins[..., 1, :].sum(-1)
    result = {
        "accuracy": _ratio(margins[..., 0, :].sum(-1), total),
        "balanced_accuracy": _mean(metrics["recall"]),
    }
    result |= {f"macro_{name}": _mean(values) for name, values in metrics.items()}
    result |= {
        f"weighted_{name}": _ratio((weights * values).sum(-1), weights.sum(-1))
        for name, values in metrics.items()
    }
    return result


def rank_metrics(target: Codes, probabilities: Array) -> dict[str, Array]:
    """Return ROC AUC and average precision of each class against the rest, shape (K,).

    Args:
        target: Class codes, shape (N,).
        probabilities: Shape (N, K).
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive = target[:, None] == np.arange(probabilities.shape[1])
    defined = positive.any(axis=0) & ~positive.all(axis=0)
    result = {name: np.full(len(defined), np.nan) for name in RANK_METRICS}
    if defined.any():
        chosen = positive[:, defined].astype(np.int8), probabilities[:, defined]
        result["roc_auc"][defined] = roc_auc_score(*chosen, average=None)
        result["average_precision"][defined] = average_precision_score(*chosen, average=None)
    return result


def curve(positive: Mask, scores: Array, max_points: int = 200) -> Curve | None:
    """Return the ROC and precision-recall curves of one class, thinned to `max_points`.

    The points that stay are spread evenly along the length of both curves; the ends always stay.
    Without samples on both sides there is no curve.
    """
    from sklearn.metrics import roc_curve

    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if num_positive == 0 or num_negative == 0:
        return None
    fpr, recall, threshold = roc_curve(positive, scores, drop_intermediate=False)
    predicted = recall * num_positive + fpr * num_negative
    precision = np.divide(
        recall * num_positive, predicted, out=np.ones_like(recall), where=predicted > 0
    )
    threshold = np.where(np.isfinite(threshold), threshold, np.nan)
    keep = _thin(np.stack([fpr, recall, precision]), max_points)
    return Curve(threshold[keep], fpr[keep], recall[keep], precision[keep])


def _thin(points: Array, max_points: int) -> Codes:
    """Return at most `max_points` positions, even along the polyline `points` (axes, N)."""
    size = points.shape[1]
    if size <= max_points:
        return np.arange(size, dtype=np.int64)
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(points, axis=1)).sum(0))])
    wanted = np.linspace(0.0, length[-1], max_points)
    keep = np.searchsorted(length, wanted)
    keep[-1] = size - 1
    return np.unique(keep).astype(np.int64)


def _ratio(numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _mean(values: Array) -> Array:
    # Not np.mean: that warns where there is no class at all.
    return _ratio(values.sum(-1), np.full(values.shape[:-1], float(values.shape[-1])))
