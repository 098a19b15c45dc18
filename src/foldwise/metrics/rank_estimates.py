"""Metrics of the ranking, with their intervals.

K: classes, N: samples, U: units (see `intervals`), B: resamples, b: resamples at a time.
Beside the K classes stands one more column, of all pairs (sample, class) together: micro.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foldwise.metrics import intervals
from foldwise.metrics.bootstrap import bca_interval, bootstrap
from foldwise.metrics.classification import RANK_METRICS, Array, Codes, Mask
from foldwise.metrics.count_estimates import mean_unit_size
from foldwise.metrics.effective_size import design_effect, few_units_factor, unit_sums
from foldwise.metrics.estimate import Estimate, Resampling
from foldwise.metrics.intervals import UNDEFINED
from foldwise.metrics.ranking import RankMetrics, rank_metrics
from foldwise.seeds import numpy_generator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Averages = dict[str, Estimate]
Classes = dict[str, list[Estimate]]

_MIN_RANKED = 30  # positives, negatives and misranked positives that a rank bootstrap needs
_MAX_BINS = 256  # of scores, per class; only resamples are binned, the metrics are exact
_MAX_WORK = 5e9  # cells of samples and bins up to which ranks are resampled: half a minute


def rank_estimates(
    target: Codes, probabilities: Array, units: Codes, resampling: Resampling
) -> tuple[Averages, Classes]:
    """Return averages and metrics of each class.

    Where there are too many classes and samples to resample, all intervals are closed forms, and
    those of the averages combine the classes' own.
    """
    values = rank_metrics(target, probabilities)
    size, num_classes = probabilities.shape
    cells = (size + 2 * _MAX_BINS) * num_classes
    if cells * resampling.num_resamples > _MAX_WORK:
        return _closed_forms(values, target, units, resampling)
    return _resampled(values, target, probabilities, units, resampling)


def rank_averages(values: RankMetrics, target: Codes) -> dict[str, float]:
    """Return macro, weighted and micro averages without intervals."""
    found = {}
    for name, of_classes in values.classes.items():
        defined = np.isfinite(of_classes)
        sizes = np.bincount(target, minlength=len(of_classes))
        for average, weights in (("macro", defined * 1.0), ("weighted", defined * 1.0 * sizes)):
            found[f"{average}_{name}"] = _weighted_mean(of_classes, weights)
    return found | {f"micro_{name}": value for name, value in values.micro.items()}


def _weighted_mean(values: Array, weights: Array) -> float:
    used = weights > 0
    if not used.any():
        return float("nan")
    return float((values[used] * weights[used]).sum() / weights[used].sum())


# -- without resampling ---------------------------------------------------------------------------


def _closed_forms(
    values: RankMetrics, target: Codes, units: Codes, resampling: Resampling
) -> tuple[Averages, Classes]:
    """Take samples of one unit for copies of one another: the least they can be worth."""
    size, num_classes = len(target), len(values.classes[RANK_METRICS[0]])
    num_units = int(units.max()) + 1
    shrink = 1.0
    if num_units < size:
        copies = mean_unit_size(np.bincount(units))
        shrink = few_units_factor(num_units, resampling.confidence) / copies
    counts = np.bincount(target, minlength=num_classes)
    sides = [_Side(int(n), size - int(n), True, 1.0) for n in counts]
    points = rank_averages(values, target)
    averages, classes = {}, {}
    for name in RANK_METRICS:
        found = [
            _scarce_estimate(name, float(value), side, shrink, resampling.confidence)
            for value, side in zip(values.classes[name], sides, strict=True)
        ]
        classes[name] = found
        value, low, high = np.array([estimate[:3] for estimate in found]).T
        for average, weights in (("macro", np.ones(num_classes)), ("weighted", counts)):
            used = np.isfinite(value) & (weights > 0)
            full = f"{average}_{name}"
            averages[full] = Estimate.of(points[full], UNDEFINED)
            if used.any():
                columns = (each[used] for each in (value, low, high, weights))
                averages[full] = _doubled(points[full], intervals.mean_interval(*columns))
        micro = _Side(size, size, True, 1.0)  # the pairs of a sample are no more than one draw
        averages[f"micro_{name}"] = _scarce_estimate(
            name, values.micro[name], micro, shrink, resampling.confidence
        )
    return averages, classes


def _doubled(value: float, limits: tuple[float, float]) -> Estimate:
    """Return limits for twice the variance.

    A sample is a positive of its class and a negative of all others, so the classes are not
    independent; of two parts that depend on each other the variance of the sum is at most twice
    the sum of the variances.
    """
    low, high = (value + np.sqrt(2) * (limit - value) for limit in limits)
    method = "MOVER over the classes, doubled variance"
    return Estimate(value, max(0.0, float(low)), min(1.0, float(high)), method)


# -- with resampling ------------------------------------------------------------------------------


class _Binned(NamedTuple):
    """All scores in bins, as cells of a table (2, K + 1, bins): negatives and positives."""

    shape: tuple[int, int, int]
    cells: Codes  # (N, 2 K): of each sample, its cell in each class, then in the last column
    counts: "csr_array"  # of each unit, (U, cells)

    @classmethod
    def of(cls, positive: Mask, scores: Array, units: Codes) -> "_Binned":
        from scipy.sparse import coo_array

        size, num_classes = scores.shape
        columns = [_score_bins(positive[:, k], scores[:, k]) for k in range(num_classes)]
        micro = _score_bins(positive.ravel(), scores.ravel()).reshape(size, num_classes)
        bins = np.concatenate([np.stack(columns, axis=1), micro], axis=1)
        shape = (2, num_classes + 1, int(bins.max()) + 1)
        side = np.concatenate([positive, positive], axis=1).astype(np.int64)
        code = np.concatenate([np.arange(num_classes), np.full(num_classes, num_classes)])
        cells = np.ravel_multi_index((side, code[None], bins), shape)
        rows = np.repeat(units, 2 * num_classes)
        ones = np.ones(cells.size, dtype=np.int64)
        table = (int(units.max()) + 1, int(np.prod(shape)))
        return cls(shape, cells, coo_array((ones, (rows, cells.ravel())), shape=table).tocsr())

    def per_sample(self, gradient: Array) -> Array:
        """Return the derivative of each column's metric by the weight of each sample, (N, K + 1).

        Args:
            gradient: Of the metric of each column by the counts, (2, K + 1, bins).
        """
        found = gradient.ravel()[self.cells]
        num_classes = self.shape[1] - 1
        micro = found[:, num_classes:].sum(axis=1, keepdims=True)
        return np.concatenate([found[:, :num_classes], micro], axis=1)


def _resampled(
    values: RankMetrics, target: Codes, probabilities: Array, units: Codes, resampling: Resampling
) -> tuple[Averages, Classes]:
    num_classes = probabilities.shape[1]
    positive = target[:, None] == np.arange(num_classes)
    binned = _Binned.of(positive, probabilities, units)
    num_units = binned.counts.shape[0]

    def statistic(resampled: Array) -> Array:
        drawn = resampled.reshape(-1, *binned.shape)
        return np.concatenate([_rank_statistic(drawn), drawn[:, 1:].sum(-1)], axis=1)

    totals = np.asarray(binned.counts.sum(axis=0), dtype=np.float64).reshape(binned.shape)
    rng = numpy_generator(resampling.seed, "ranks")
    replicates = bootstrap(binned.counts, statistic, resampling.num_resamples, rng)
    at_bins, gradient = _rank_statistic(totals[None])[0], _rank_gradient(totals)
    sides = [_Side.of(positive[:, k], probabilities[:, k], units) for k in range(num_classes)]
    sides.append(_Side.of_pairs(positive, probabilities, units))
    own_units = unit_sums(units, positive.astype(np.float64), num_units)
    averages, classes = {}, {}
    for i, name in enumerate(RANK_METRICS):
        exact = np.append(values.classes[name], values.micro[name])
        per_sample = binned.per_sample(gradient[i])
        drawn = replicates[:, i] + (exact - at_bins[i])  # (B, K + 1), centred on the exact value
        influence = unit_sums(units, per_sample, num_units)
        *classes[name], averages[f"micro_{name}"] = (
            _rank_estimate(
                name,
                float(exact[k]),
                drawn[:, k],
                per_sample[:, k],
                influence[:, k],
                side,
                resampling.confidence,
            )
            for k, side in enumerate(sides)
        )
        own = _Own(classes[name], drawn[:, :-1], influence[:, :-1])
        sizes = replicates[:, 2, :-1]
        averages |= _rank_averages(name, own, sizes, own_units, resampling.confidence)
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
        copies = mean_unit_size(np.bincount(units[positive]))
        return cls(num_positive, num_negative, least < _MIN_RANKED, copies)

    @classmethod
    def of_pairs(cls, positive: Mask, scores: Array, units: Codes) -> "_Side":
        """Return what all pairs (sample, class) offer; those of a sample are one draw."""
        rows = np.repeat(units, scores.shape[1])
        found = cls.of(positive.ravel(), scores.ravel(), rows)
        return found._replace(negatives=found.positives)


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
        return Estimate.of(value, UNDEFINED)
    limits = bca_interval(value, replicates, influence, confidence)
    if limits is not None and not side.is_scarce:
        return Estimate(value, *limits, "BCa bootstrap")
    shrink = 1.0
    if len(influence) < len(sample_influence):
        variance = float((sample_influence**2).sum())
        effect = design_effect(influence, variance, side.copies)
        shrink = few_units_factor(len(influence), confidence) / effect
    return _scarce_estimate(name, value, side, shrink, confidence)


def _scarce_estimate(
    name: str, value: float, side: _Side, shrink: float, confidence: float
) -> Estimate:
    """Return the closed form at the number of independent positives and negatives."""
    if not np.isfinite(value):
        return Estimate.of(value, UNDEFINED)
    positives, negatives = side.positives * shrink, side.negatives * shrink
    if name == "roc_auc":
        interval = intervals.auc_interval(value, positives, negatives, confidence)
    else:
        interval = intervals.average_precision_interval(value, positives, confidence)
    return Estimate.of(value, interval)


class _Own(NamedTuple):
    """What the averages of one metric are made of."""

    classes: list[Estimate]
    replicates: Array  # (B, K)
    influence: Array  # (U, K)


def _rank_averages(
    name: str, own: _Own, sizes: Array, own_units: Array, confidence: float
) -> Averages:
    """Return the macro and the weighted average.

    Args:
        name: The metric.
        own: Of each class.
        sizes: Positives of each class in the resamples, (B, K).
        own_units: Positives of each class in the units, (U, K).
        confidence: E.g. 0.95.
    """
    defined = np.array([np.isfinite(estimate.value) for estimate in own.classes])
    if not defined.any():
        undefined = Estimate.of(float("nan"), UNDEFINED)
        return {f"{average}_{name}": undefined for average in ("macro", "weighted")}
    own = _Own(
        [estimate for estimate in own.classes if np.isfinite(estimate.value)],
        own.replicates[:, defined],
        own.influence[:, defined],
    )
    equal = np.ones(int(defined.sum()))
    macro = _average_estimate(
        own, equal, own.replicates.mean(1), own.influence.mean(1), confidence
    )
    sizes, own_units = sizes[:, defined], own_units[:, defined]
    weights = own_units.sum(axis=0)
    values = np.array([estimate.value for estimate in own.classes])
    mean = (weights * values).sum() / weights.sum()
    influence = own.influence @ weights + own_units @ (values - mean)
    drawn = (own.replicates * sizes).sum(1) / sizes.sum(1)
    weighted = _average_estimate(own, weights, drawn, influence / weights.sum(), confidence)
    return {f"macro_{name}": macro, f"weighted_{name}": weighted}


def _average_estimate(
    own: _Own, weights: Array, replicates: Array, influence: Array, confidence: float
) -> Estimate:
    """Average over the classes; where one is scarce, widen the bootstrap to what they say."""
    values, lows, highs = np.array([estimate[:3] for estimate in own.classes]).T
    value = float((weights * values).sum() / weights.sum())
    limits = bca_interval(value, replicates, influence, confidence)
    bootstrapped = all(estimate.method == "BCa bootstrap" for estimate in own.classes)
    if limits is not None and bootstrapped:
        return Estimate(value, *limits, "BCa bootstrap")
    low, high = intervals.mean_interval(values, lows, highs, weights)
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
