"""Classification metrics from codes, probabilities or a confusion matrix.

Conventions, used everywhere in the project:

- K classes are coded 0..K-1; `confusion[i, j]` counts samples of class i predicted as class j.
- Of class k against the rest: TP are its hits, FN its other targets, FP its other predictions
  and TN all further samples. n = TP + FN + FP + TN.
- Recall = TP / (TP + FN) is sensitivity and true-positive rate; specificity = TN / (TN + FP) is
  true-negative rate; precision = TP / (TP + FP) is positive, npv = TN / (TN + FN) negative
  predictive value.
- F-beta = (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP), named with its b: `f1`, `f2`, `f0.5`. It
  is 0 for a class that occurs and is never hit, undefined only for a class that occurs neither
  among the targets nor among the predictions.
- Undefined is NaN, never 0: recall without targets, precision without predictions, specificity
  without samples of other classes, npv without predictions of other classes, rank metrics without
  samples on both sides.
- Macro is the mean over the classes that occur among the targets, weighted the mean by their
  numbers of targets; both are undefined where one of those classes is. Micro adds up TP, FN, FP
  and TN over all classes first; of one label per sample that makes micro precision, recall and
  F-beta the accuracy.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.agreement import AGREEMENT_METRICS

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CLASS_METRICS = ("precision", "recall", "specificity", "npv", "f1")
RANK_METRICS = ("roc_auc", "average_precision")


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


def f_beta_name(beta: float) -> str:
    """Return the name of F-beta.

    >>> f_beta_name(2.0), f_beta_name(0.5)
    ('f2', 'f0.5')
    """
    return f"f{beta:g}"


def class_metrics(margins: Array, beta: float = 2.0) -> dict[str, Array]:
    """Return the metrics of each class against the rest, shape (..., K), from its margins.

    They are `CLASS_METRICS` and F-beta; the formulas stand at the top of the file.
    """
    hits, targets, predictions = np.moveaxis(margins, -2, 0)
    return _metrics_of_counts(hits, targets, predictions, targets.sum(-1, keepdims=True), beta)


def average_metrics(
    margins: Array, supported: Mask | None = None, beta: float = 2.0
) -> dict[str, Array]:
    """Return accuracy, averages over the classes and agreement, each of shape (...,).

    Args:
        margins: Hits, targets and predictions per class, shape (..., 3, K).
        supported: The classes to average over; those that occur among the targets if None, for
            which `margins` has to be one matrix.
        beta: Of F-beta.
    """
    if supported is None:
        supported = margins[1] > 0
    metrics = {k: values[..., supported] for k, values in class_metrics(margins, beta).items()}
    weights = margins[..., 1, :][..., supported]
    accuracy = _ratio(margins[..., 0, :].sum(-1), margins[..., 1, :].sum(-1))
    result = {"accuracy": accuracy, "balanced_accuracy": _mean(metrics["recall"])}
    result |= {f"macro_{name}": _mean(values) for name, values in metrics.items()}
    result |= {
        f"weighted_{name}": _ratio((weights * values).sum(-1), weights.sum(-1))
        for name, values in metrics.items()
    }
    result |= {
        f"micro_{name}": micro_metric(name, accuracy, margins.shape[-1]) for name in metrics
    }
    return result | {name: metric(margins) for name, metric in AGREEMENT_METRICS.items()}


def micro_metric(name: str, accuracy: Array, num_classes: int) -> Array:
    """Return a metric of the counts of all classes together, a rising function of the accuracy.

    Each sample is one target and one prediction. So FN and FP both add up to the number of errors,
    TP to n accuracy and TN to n (K - 2 + accuracy): specificity = npv =
    (K - 2 + accuracy) / (K - 1), and all others are the accuracy.
    """
    if name in ("specificity", "npv"):
        return np.asarray((num_classes - 2 + accuracy) / (num_classes - 1))
    return accuracy


def class_gradients(margins: Array, beta: float = 2.0) -> dict[str, Array]:
    """Return how each metric of each class changes with its counts, shape (4, K).

    The counts are its hits, targets and predictions and the number of all samples.

    Args:
        margins: Hits, targets and predictions per class, shape (3, K).
        beta: Of F-beta.
    """
    counts = np.concatenate([margins, np.broadcast_to(margins[1].sum(), margins[:1].shape)])
    found = []
    # Central differences, relative to the count: the metrics are smooth ratios of counts.
    for row in range(4):
        step = np.zeros_like(counts)
        step[row] = np.maximum(counts[row], 1.0) * 1e-5
        above, below = (_metrics_of_rows(counts + sign * step, beta) for sign in (1, -1))
        found.append({name: (above[name] - below[name]) / (2 * step[row]) for name in above})
    return {name: np.stack([gradient[name] for gradient in found]) for name in found[0]}


def _metrics_of_rows(counts: Array, beta: float) -> dict[str, Array]:
    hits, targets, predictions, total = counts
    return _metrics_of_counts(hits, targets, predictions, total, beta)


def _metrics_of_counts(
    hits: Array, targets: Array, predictions: Array, total: Array, beta: float
) -> dict[str, Array]:
    others, uncalled = total - targets, total - predictions
    rejected = others - (predictions - hits)  # TN
    weight = beta**2
    return {
        "precision": _ratio(hits, predictions),
        "recall": _ratio(hits, targets),
        "specificity": _ratio(rejected, others),
        "npv": _ratio(rejected, uncalled),
        "f1": _ratio(2 * hits, targets + predictions),
        f_beta_name(beta): _ratio((1 + weight) * hits, weight * targets + predictions),
    }


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
