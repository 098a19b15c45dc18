"""Every metric of one set of predictions, with its interval and how that was found."""

from dataclasses import dataclass

import numpy as np

from foldwise.metrics.agreement import AGREEMENT_METRICS
from foldwise.metrics.classification import Array, Codes, average_metrics, class_metrics
from foldwise.metrics.confusion import Confusion
from foldwise.metrics.count_estimates import count_estimates, margin_counts
from foldwise.metrics.estimate import Estimate, Resampling
from foldwise.metrics.loss_estimates import loss_bounds, loss_estimates
from foldwise.metrics.rank_estimates import rank_averages, rank_estimates
from foldwise.metrics.ranking import rank_metrics
from foldwise.metrics.scoring_rules import losses

__all__ = [
    "MIN_UNITS",
    "Estimate",
    "Estimates",
    "Resampling",
    "confusion_estimates",
    "estimate",
    "few_units_warning",
    "margin_counts",
    "metric_bounds",
    "point_metrics",
]

MIN_UNITS = 30  # below it a bootstrap over units is not to be trusted


@dataclass(frozen=True)
class Estimates:
    """All metrics of one set of predictions."""

    counts: Confusion
    averages: dict[str, Estimate]  # accuracy, macro_f1, macro_roc_auc, log_loss, ...
    classes: dict[str, list[Estimate]]  # metric -> per class
    num_units: int | None  # independent units if there are fewer than samples

    @property
    def confusion(self) -> Codes:
        """The whole confusion matrix, (K, K), targets by predictions; 8 K^2 bytes."""
        return self.counts.matrix()


def estimate(
    target: Codes,
    probabilities: Array,
    units: Codes | None,
    resampling: Resampling,
    *,
    beta: float = 2.0,
) -> Estimates:
    """Compute every metric with its interval.

    Args:
        target: Class codes, shape (N,).
        probabilities: Shape (N, K).
        units: The number of the independent unit of each sample, shape (N,); None if each sample
            is one.
        resampling: How intervals are made.
        beta: Of F-beta.
    """
    num_classes = probabilities.shape[1]
    predicted = probabilities.argmax(1).astype(np.int64)
    codes = np.arange(len(target)) if units is None else np.unique(units, return_inverse=True)[1]
    confusion = Confusion.of(target, predicted, num_classes)
    counts = margin_counts(target, predicted, codes, num_classes)
    averages, classes = count_estimates(confusion, counts, resampling, beta)
    rank_averages, rank_classes = rank_estimates(target, probabilities, codes, resampling)
    of_losses = loss_estimates(target, probabilities, codes, resampling)
    num_units = int(codes.max()) + 1
    return Estimates(
        confusion,
        averages | rank_averages | of_losses,
        classes | rank_classes,
        num_units if num_units < len(target) else None,
    )


def point_metrics(
    target: Codes, probabilities: Array, *, beta: float = 2.0
) -> tuple[dict[str, float], dict[str, Array]]:
    """Return the averages and the metrics of each class (K,), without intervals."""
    confusion = Confusion.of(target, probabilities.argmax(1), probabilities.shape[1])
    totals = confusion.margins()
    ranks = rank_metrics(target, probabilities)
    averages = {name: float(value) for name, value in average_metrics(totals, beta=beta).items()}
    averages |= rank_averages(ranks, target)
    averages |= {
        name: float(values.mean()) for name, values in losses(target, probabilities).items()
    }
    return averages, class_metrics(totals, beta) | ranks.classes


def metric_bounds(name: str, num_classes: int) -> tuple[float, float]:
    """Return the limits that no value of a metric of classes can cross."""
    if name in AGREEMENT_METRICS:
        return -1.0, 1.0
    return loss_bounds(num_classes).get(name, (0.0, 1.0))


def few_units_warning(num_units: int | None) -> str | None:
    """Say so where there are too few units for intervals over them."""
    if num_units is None or num_units >= MIN_UNITS:
        return None
    return (
        f"There are only {num_units} independent groups of samples: intervals over fewer than "
        f"{MIN_UNITS} are rough and tend to be too narrow."
    )


def confusion_estimates(
    target: Codes,
    predicted: Codes,
    num_classes: int,
    resampling: Resampling,
    *,
    units: Codes | None = None,
    beta: float = 2.0,
) -> tuple[dict[str, Estimate], dict[str, list[Estimate]]]:
    """Return averages and metrics per class from codes alone: those of ranks and losses cost more.

    Each sample is an independent unit where `units` (N,) does not number them.
    """
    units = np.arange(len(target)) if units is None else units
    counts = margin_counts(target, predicted, units, num_classes)
    confusion = Confusion.of(target, predicted, num_classes)
    return count_estimates(confusion, counts, resampling, beta)
