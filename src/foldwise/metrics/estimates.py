"""Every metric of one set of predictions, with its interval and how that was found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics import intervals
from foldwise.metrics.classification import (
    CLASS_METRICS,
    RANK_METRICS,
    Array,
    Codes,
    Mask,
    average_metrics,
    class_metrics,
    confusion_matrix,
    margins,
    rank_metrics,
)
from foldwise.metrics.intervals import UNDEFINED, Interval
from foldwise.seeds import numpy_generator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Statistic = Callable[[Array], Array]  # cells (b, C) -> metrics (b, M)

_PROPORTIONS = ("accuracy", "weighted_recall")  # averages that are proportions themselves
_MIN_UNITS = 30  # below it a bootstrap over units is not to be trusted
_MIN_SEEN = 0.8  # share of the smoothed variance that a bootstrap has to see
_MIN_RANKED = 30  # positives, negatives and misranked positives that a rank bootstrap needs
_MAX_BINS = 256  # of scores, per class; only resamples are binned, the metrics are exact


class Estimate(NamedTuple):
    """A metric, its limits and how they were found; NaN where undefined."""

    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Resampling:
    """How intervals are made."""

    confidence: float
    num_resamples: int
    seed: int


@dataclass(frozen=True)
class Estimates:
    """All metrics of one set of predictions."""

    confusion: Codes  # (K, K), targets by predictions
    averages: dict[str, Estimate]  # accuracy, macro_f1, macro_roc_auc, ...
    classes: dict[str, list[Estimate]]  # metric -> per class
    num_units: int | None  # independent units if there are fewer than samples


def estimate(
    target: Codes, probabilities: Array, units: Codes | None, resampling: Resampling
) -> Estimates:
    """Compute every metric with its interval.

    Args:
        target: Class codes, shape (N,).
        probabilities: Shape (N, K).
        units: The number of the independent unit of each sample, shape (N,); None if each sample
            is one.
        resampling: Confidence, number of resamples and seed.
    """
    num_classes = probabilities.shape[1]
    predicted = probabilities.argmax(1).astype(np.int64)
    codes = np.arange(len(target)) if units is None else np.unique(units, return_inverse=True)[1]
    confusion = confusion_matrix(target, predicted, num_classes)
    counts = margin_counts(target, predicted, codes, num_classes)
    averages, classes = _count_estimates(confusion, counts, resampling)
    rank_averages, rank_classes = _rank_estimates(target, probabilities, codes, resampling)
    num_units = int(codes.max()) + 1
    return Estimates(
        confusion,
        averages | rank_averages,
        classes | rank_classes,
        num_units if num_units < len(target) else None,
    )


def point_metrics(
    target: Codes, probabilities: Array
) -> tuple[dict[str, float], dict[str, Array]]:
    """Return the averages and the metrics of each class (K,), without intervals."""
    confusion = confusion_matrix(target, probabilities.argmax(1), probabilities.shape[1])
    totals = margins(confusion)
    ranks = rank_metrics(target, probabilities)
    averages = {name: float(value) for name, value in average_metrics(totals).items()}
    averages |= {f"macro_{name}": _mean_defined(values) for name, values in ranks.items()}
    return averages, class_metrics(totals) | ranks


def few_units_warning(num_units: int | None) -> str | None:
    """Say so where there are too few units for intervals over them."""
    if num_units is None or num_units >= _MIN_UNITS:
        return None
    return (
        f"There are only {num_units} independent groups of samples: intervals over fewer than "
        f"{_MIN_UNITS} are rough and tend to be too narrow."
    )


def confusion_estimates(
    target: Codes, predicted: Codes, num_classes: int, resampling: Resampling
) -> tuple[dict[str, Estimate], dict[str, list[Estimate]]]:
    """Return averages and metrics per class of independent samples from codes alone."""
    counts = margin_counts(target, predicted, np.arange(len(target)), num_classes)
    return _count_estimates(confusion_matrix(target, predicted, num_classes), counts, resampling)


# -- metrics of the confusion matrix --------------------------------------------------------------


def margin_counts(target: Codes, predicted: Codes, units: Codes, num_classes: int) -> "csr_array":
    """Return what each unit adds to hits, targets and predictions, shape (U, 3 K)."""
    hit = target == predicted
    columns = [target[hit], num_classes + target, 2 * num_classes + predicted]
    return _sparse([units[hit], units, units], columns, (int(units.max()) + 1, 3 * num_classes))


def _count_estimates(
    confusion: Codes, counts: "csr_array", resampling: Resampling
) -> tuple[dict[str, Estimate], dict[str, list[Estimate]]]:
    classes = _class_intervals(confusion, counts, resampling.confidence)
    averages = _average_intervals(confusion, counts, resampling)
    return averages, classes


def _class_intervals(
    confusion: Codes, counts: "csr_array", confidence: float
) -> dict[str, list[Estimate]]:
    num_classes = len(confusion)
    values = class_metrics(margins(confusion))
    columns = counts.tocsc()
    sizes = _unit_sizes(counts)
    result: dict[str, list[Estimate]] = {name: [] for name in CLASS_METRICS}
    for code in range(num_classes):
        hits, targets, predictions = columns[:, code::num_classes].toarray().T.astype(np.float64)
        others = sizes - targets
        found = {
            "precision": intervals.proportion_interval(hits, predictions, confidence),
            "recall": intervals.proportion_interval(hits, targets, confidence),
            "specificity": intervals.proportion_interval(
                others - (predictions - hits), others, confidence
            ),
            "f1": intervals.f1_interval(hits, targets + predictions - hits, confidence),
        }
        for name, interval in found.items():
            result[name].append(_estimate(values[name][code], interval))
    return result


def _average_intervals(
    confusion: Codes, counts: "csr_array", resampling: Resampling
) -> dict[str, Estimate]:
    totals = margins(confusion)
    supported = totals[1] > 0
    names = list(average_metrics(totals))

    def statistic(cells: Array) -> Array:
        metrics = average_metrics(cells.reshape(len(cells), 3, -1), supported)
        return np.stack([metrics[name] for name in names], axis=1)

    value = statistic(totals.reshape(1, -1))[0]
    rng = numpy_generator(resampling.seed, "confusion")
    replicates = intervals.bootstrap(counts, statistic, resampling.num_resamples, rng)
    gradient = _gradient(statistic, totals.ravel())
    influence = counts @ gradient
    smoothed = _Smoothed.of(confusion, statistic)
    result = {}
    for i, name in enumerate(names):
        if name in _PROPORTIONS:
            interval = _accuracy_interval(counts, resampling.confidence)
        elif not np.isfinite(value[i]):
            interval = UNDEFINED
        else:
            seen = _cell_variance(confusion, gradient[:, i])
            interval = _average_interval(
                float(value[i]),
                replicates[:, i],
                influence[:, i],
                (float(smoothed.value[i]), float(smoothed.variance[i]), seen),
                _copies(_unit_sizes(counts)),
                resampling.confidence,
            )
        result[name] = _estimate(value[i], interval)
    return result


def _average_interval(
    value: float,
    replicates: Array,
    influence: Array,
    variances: tuple[float, float, float],
    copies: float,
    confidence: float,
) -> Interval:
    """Take the bootstrap unless it is blind to most of the smoothed variance."""
    smoothed_value, smoothed_variance, seen = variances
    limits = intervals.bca_interval(value, replicates, influence, confidence)
    if limits is not None and seen >= _MIN_SEEN * smoothed_variance:
        return Interval(*limits, "BCa bootstrap")
    effect = intervals.design_effect(influence, seen, copies)
    return intervals.linear_variance_interval(
        value, smoothed_value, smoothed_variance * effect, confidence, len(influence)
    )


def _accuracy_interval(counts: "csr_array", confidence: float) -> Interval:
    num_classes = counts.shape[1] // 3
    hits = np.asarray(counts[:, :num_classes].sum(axis=1), dtype=np.float64)
    return intervals.proportion_interval(hits, _unit_sizes(counts), confidence)


def _unit_sizes(counts: "csr_array") -> Array:
    num_classes = counts.shape[1] // 3
    return np.asarray(counts[:, num_classes : 2 * num_classes].sum(axis=1), dtype=np.float64)


class _Smoothed(NamedTuple):
    """Averages and their variances with 2 / K hits and misses added to each class.

    The counts that Price and Bonett (2004, Comput. Stat. Data Anal. 45) add for linear functions
    of proportions.
    """

    value: Array
    variance: Array

    @classmethod
    def of(cls, confusion: Codes, statistic: Statistic) -> "_Smoothed":
        supported = confusion.sum(1) > 0
        num_classes = max(int(supported.sum()), 2)
        added = np.full(confusion.shape, 2 / num_classes / (num_classes - 1))
        np.fill_diagonal(added, 2 / num_classes)
        cells = confusion + added * np.outer(supported, supported)
        totals = margins(cells).ravel()
        gradient = _gradient(statistic, totals)
        variance = [_cell_variance(cells, column) for column in gradient.T]
        return cls(statistic(totals[None])[0], np.array(variance))


# -- metrics of the ranking -----------------------------------------------------------------------


def _rank_estimates(
    target: Codes, probabilities: Array, units: Codes, resampling: Resampling
) -> tuple[dict[str, Estimate], dict[str, list[Estimate]]]:
    num_classes = probabilities.shape[1]
    values = rank_metrics(target, probabilities)
    positive = target[:, None] == np.arange(num_classes)
    bins = np.stack([_score_bins(positive[:, k], probabilities[:, k]) for k in range(num_classes)])
    cells = (positive.T.astype(np.int64), np.arange(num_classes)[:, None], bins)  # each (K, N)
    shape = (2, num_classes, int(bins.max()) + 1)
    num_units = int(units.max()) + 1
    columns = np.ravel_multi_index(cells, shape)
    counts = _sparse([units] * num_classes, list(columns), (num_units, int(np.prod(shape))))

    def statistic(resampled: Array) -> Array:
        return _rank_statistic(resampled.reshape(-1, *shape))

    totals = np.asarray(counts.sum(axis=0), dtype=np.float64).reshape(shape)
    rng = numpy_generator(resampling.seed, "ranks")
    replicates = intervals.bootstrap(counts, statistic, resampling.num_resamples, rng)
    binned, gradient = _rank_statistic(totals[None])[0], _rank_gradient(totals)
    averages, classes = {}, {}
    for i, name in enumerate(RANK_METRICS):
        per_sample = gradient[i][cells].T
        drawn = replicates[:, i] + (values[name] - binned[i])  # (B, K), centred on the exact value
        influence = intervals.unit_sums(units, per_sample, num_units)
        classes[name] = [
            _rank_estimate(
                name,
                float(values[name][k]),
                drawn[:, k],
                per_sample[:, k],
                influence[:, k],
                _Side.of(positive[:, k], probabilities[:, k], units),
                resampling.confidence,
            )
            for k in range(num_classes)
        ]
        averages[f"macro_{name}"] = _macro_rank_estimate(
            classes[name], drawn, influence, resampling.confidence
        )
    return averages, classes


class _Side(NamedTuple):
    """What a class offers to rank: its positives and negatives, and how they are tied."""

    positives: int
    negatives: int
    is_scarce: bool  # too few independent ones, or misranked ones, for a bootstrap
    copies: float  # mean size of the unit of a positive

    @classmethod
    def of(cls, positive: Mask, scores: Array, units: Codes) -> "_Side":
        num_positive = int(positive.sum())
        num_negative = len(positive) - num_positive
        if num_positive == 0 or num_negative == 0:
            return cls(num_positive, num_negative, True, 1.0)
        # Samples on the wrong side of some sample of the other kind; all lie in these two.
        low_positives = positive & (scores <= scores[~positive].max())
        high_negatives = ~positive & (scores >= scores[positive].min())
        least = min(len(np.unique(units[side])) for side in (low_positives, high_negatives))
        copies = _copies(np.bincount(units[positive]))
        return cls(num_positive, num_negative, least < _MIN_RANKED, copies)


def _rank_estimate(
    name: str,
    value: float,
    replicates: Array,
    sample_influence: Array,
    influence: Array,
    side: _Side,
    confidence: float,
) -> Estimate:
    """Take the bootstrap unless the class is scarce, or ranked so well that it sees no errors."""
    if not np.isfinite(value):
        return _estimate(value, UNDEFINED)
    limits = intervals.bca_interval(value, replicates, influence, confidence)
    if limits is not None and not side.is_scarce:
        return Estimate(value, *limits, "BCa bootstrap")
    shrink = 1.0
    if len(influence) < len(sample_influence):
        variance = float((sample_influence**2).sum())
        effect = intervals.design_effect(influence, variance, side.copies)
        shrink = intervals.few_units_factor(len(influence), confidence) / effect
    if name == "roc_auc":
        positives, negatives = side.positives * shrink, side.negatives * shrink
        interval = intervals.auc_interval(value, positives, negatives, confidence)
    else:
        interval = intervals.average_precision_interval(value, side.positives * shrink, confidence)
    return _estimate(value, interval)


def _macro_rank_estimate(
    classes: list[Estimate], replicates: Array, influence: Array, confidence: float
) -> Estimate:
    """Average over the classes; where one is scarce, widen the bootstrap to what they say."""
    defined = np.array([np.isfinite(estimate.value) for estimate in classes])
    if not defined.any():
        return _estimate(float("nan"), UNDEFINED)
    values, lows, highs = np.array([e[:3] for e in classes if np.isfinite(e.value)]).T
    value = float(values.mean())
    limits = intervals.bca_interval(
        value, replicates[:, defined].mean(1), influence[:, defined].mean(1), confidence
    )
    bootstrapped = all(e.method == "BCa bootstrap" for e in classes if np.isfinite(e.value))
    if limits is not None and bootstrapped:
        return Estimate(value, *limits, "BCa bootstrap")
    low, high = intervals.mean_interval(values, lows, highs)
    if limits is None:
        return Estimate(value, low, high, "MOVER over the classes")
    return Estimate(
        value, min(low, limits[0]), max(high, limits[1]), "BCa bootstrap, widened by MOVER"
    )


def _score_bins(positive: Mask, scores: Array) -> Codes:
    """Return the bin of each sample, (N,); bin 0 holds the highest scores.

    Equal scores share a bin. Where there are more distinct scores than bins, the bins share out
    the positives and the negatives alike.
    """
    distinct, group = np.unique(-scores, return_inverse=True)
    if len(distinct) <= _MAX_BINS:
        return group.astype(np.int64)
    num_positive, num_negative = max(int(positive.sum()), 1), max(int((~positive).sum()), 1)
    mass = np.bincount(group, np.where(positive, 0.5 / num_positive, 0.5 / num_negative))
    start = np.cumsum(mass) - mass
    return np.minimum((start * _MAX_BINS).astype(np.int64), _MAX_BINS - 1)[group]


def _rank_statistic(counts: Array) -> Array:
    """Return ROC AUC and average precision of each class, (b, 2, K).

    Args:
        counts: Negatives and positives of each class in each bin of scores, (b, 2, K, bins).
    """
    negative, positive = counts[:, 0], counts[:, 1]
    num_positive, num_negative = positive.sum(-1), negative.sum(-1)
    above = np.cumsum(positive, axis=-1)
    called = above + np.cumsum(negative, axis=-1)
    precision = above / np.maximum(called, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = (negative * (above - positive / 2)).sum(-1) / (num_positive * num_negative)
        average_precision = (positive * precision).sum(-1) / num_positive
    return np.stack([auc, np.where(num_negative > 0, average_precision, np.nan)], axis=1)


def _rank_gradient(counts: Array) -> Array:
    """Return the derivatives of `_rank_statistic` by each count (2, K, bins), (2, 2, K, bins)."""
    negative, positive = counts
    num_positive = positive.sum(-1, keepdims=True)
    num_negative = negative.sum(-1, keepdims=True)
    above = np.cumsum(positive, axis=-1)
    called = np.maximum(above + np.cumsum(negative, axis=-1), 1)
    auc, average_precision = _rank_statistic(counts[None])[0][..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        below = num_negative - np.cumsum(negative, axis=-1) + negative / 2
        auc_negative = ((above - positive / 2) / num_positive - auc) / num_negative
        auc_positive = (below / num_negative - auc) / num_positive
        gain = _reverse_cumsum(positive * (called - above) / called**2)
        loss = _reverse_cumsum(positive * above / called**2)
        ap_positive = (above / called + gain - average_precision) / num_positive
        ap_negative = -loss / num_positive
    return np.stack([[auc_negative, auc_positive], [ap_negative, ap_positive]])


def _reverse_cumsum(values: Array) -> Array:
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


# -- helpers --------------------------------------------------------------------------------------


def _gradient(statistic: Statistic, cells: Array) -> Array:
    """Return the derivatives of the statistics by each cell, shape (cells, M)."""
    # Central differences, relative to the cell: the statistics are smooth ratios of counts.
    steps = np.maximum(cells, 1.0) * 1e-5
    shifts = np.diag(steps)
    return (statistic(cells + shifts) - statistic(cells - shifts)) / (2 * steps[:, None])


def _cell_variance(confusion: Array | Codes, gradient: Array) -> float:
    """Return the variance of a metric over independent samples, from its gradient (3 K,)."""
    hits, targets, predictions = gradient.reshape(3, -1)
    influence = targets[:, None] + predictions[None, :] + np.diag(hits)
    return float((confusion * influence**2).sum())


def _sparse(rows: list[Codes], columns: list[Codes], shape: tuple[int, int]) -> "csr_array":
    from scipy.sparse import coo_array

    row, column = np.concatenate(rows), np.concatenate(columns)
    return coo_array((np.ones(len(row), dtype=np.int64), (row, column)), shape=shape).tocsr()


def _copies(sizes: npt.ArrayLike) -> float:
    """Return the mean size of the unit of a sample, from the sizes of the units."""
    counts = np.asarray(sizes, dtype=np.float64)
    return float((counts**2).sum() / counts.sum())


def _estimate(value: float | np.floating[Any], interval: Interval) -> Estimate:
    return Estimate(float(value), *interval)


def _mean_defined(values: Array) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")
