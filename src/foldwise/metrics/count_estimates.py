"""Metrics of the confusion matrix, with their intervals.

K: classes, U: units (see `intervals`), M: metrics.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics import intervals
from foldwise.metrics.agreement import AGREEMENT_METRICS, agreement_gradients
from foldwise.metrics.bootstrap import bca_interval, bootstrap
from foldwise.metrics.classification import (
    Array,
    Codes,
    Mask,
    average_metrics,
    class_gradients,
    class_metrics,
    f_beta_name,
    micro_metric,
)
from foldwise.metrics.confusion import Confusion
from foldwise.metrics.effective_size import TrialSums, design_effect
from foldwise.metrics.estimate import Estimate, Resampling
from foldwise.metrics.intervals import UNDEFINED, Interval
from foldwise.seeds import numpy_generator

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

_MIN_SEEN = 0.8  # share of the smoothed variance that a bootstrap has to see
_MICRO = "micro_"


def margin_counts(target: Codes, predicted: Codes, units: Codes, num_classes: int) -> "csr_array":
    """Return what each unit adds to hits, targets and predictions, shape (U, 3 K)."""
    from scipy.sparse import coo_array

    hit = target == predicted
    rows = np.concatenate([units[hit], units, units])
    columns = [target[hit], num_classes + target, 2 * num_classes + predicted]
    cells = (np.ones(len(rows), dtype=np.int64), (rows, np.concatenate(columns)))
    return coo_array(cells, shape=(int(units.max()) + 1, 3 * num_classes)).tocsr()


def count_estimates(
    confusion: Confusion, counts: "csr_array", resampling: Resampling, beta: float
) -> tuple[dict[str, Estimate], dict[str, list[Estimate]]]:
    """Return averages and metrics of each class with their intervals.

    Args:
        confusion: Of all samples.
        counts: Of each unit, from `margin_counts`.
        resampling: How intervals are made.
        beta: Of F-beta.
    """
    classes = _class_estimates(confusion, counts, resampling, beta)
    return _average_estimates(confusion, counts, resampling, beta), classes


def smoothing_counts(num_supported: int) -> tuple[float, float]:
    """Return the hits and the misses per other class that are added to each class.

    2 / K of both: the counts that Price and Bonett (2004, Comput. Stat. Data Anal. 45) add for
    linear functions of proportions.
    """
    num_classes = max(num_supported, 2)
    return 2 / num_classes, 2 / num_classes / (num_classes - 1)


def sees_enough(seen: float, smoothed: float) -> bool:
    """Tell whether a bootstrap sees most of the variance that smoothed counts have."""
    return seen >= _MIN_SEEN * smoothed


# -- each class -----------------------------------------------------------------------------------


class _UnitCounts(NamedTuple):
    """A linear function of what a unit adds to a class, for all units and classes.

    cells[u, k] + sizes[u]: where `sizes` is not None, most entries are the size of the unit.
    """

    cells: "csc_array"  # (U, K)
    sizes: Array | None = None  # (U,)

    def total(self) -> Array:
        found = np.asarray(self.cells.sum(axis=0), dtype=np.float64)
        return found if self.sizes is None else found + self.sizes.sum()

    def products(self, other: "_UnitCounts") -> Array:
        """Return the sum over units of the products with another, (K,)."""
        found = np.asarray(self.cells.multiply(other.cells).sum(axis=0), dtype=np.float64)
        if self.sizes is not None:
            found = found + other.cells.T @ self.sizes
        if other.sizes is not None:
            found = found + self.cells.T @ other.sizes
        if self.sizes is not None and other.sizes is not None:
            found = found + self.sizes @ other.sizes
        return np.asarray(found)

    def num_units(self) -> Array:
        """Return how many units have any, (K,)."""
        if self.sizes is None:
            return np.asarray((self.cells > 0).sum(axis=0), dtype=np.float64)
        # Units that are wholly of the class have none outside it.
        whole = self.cells.tocoo()
        is_whole = whole.data == -self.sizes[whole.row]
        lost = np.bincount(whole.col[is_whole], minlength=self.cells.shape[1])
        return np.asarray(len(self.sizes) - lost, dtype=np.float64)


def _class_estimates(
    confusion: Confusion, counts: "csr_array", resampling: Resampling, beta: float
) -> dict[str, list[Estimate]]:
    values = class_metrics(confusion.margins(), beta)
    num_classes = confusion.num_classes
    columns = counts.astype(np.float64).tocsc()
    hits, targets, predictions = (
        columns[:, i * num_classes : (i + 1) * num_classes] for i in range(3)
    )
    sizes = _unit_sizes(counts)
    rejected = _UnitCounts(hits - targets - predictions, sizes)
    confidence, method = resampling.confidence, resampling.proportion_interval
    pairs = {
        "precision": (_UnitCounts(hits), _UnitCounts(predictions)),
        "recall": (_UnitCounts(hits), _UnitCounts(targets)),
        "specificity": (rejected, _UnitCounts(-targets, sizes)),
        "npv": (rejected, _UnitCounts(-predictions, sizes)),
    }
    found = {
        name: intervals.proportion_intervals(_trial_sums(*pair), confidence, method)
        for name, pair in pairs.items()
    }
    for of_errors in (1.0, beta):
        sums, scale = _f_beta_sums(hits, targets, predictions, of_errors)
        name = f_beta_name(of_errors)
        found[name] = intervals.f_beta_intervals(sums, scale, confidence, method)
    return {
        name: [Estimate.of(*pair) for pair in zip(values[name], found[name], strict=True)]
        for name in values
    }


def _trial_sums(successes: _UnitCounts, trials: _UnitCounts) -> TrialSums:
    total = trials.total()
    return TrialSums(
        successes.total(),
        total,
        successes.products(successes),
        successes.products(trials),
        trials.products(trials),
        trials.num_units(),
        total,
    )


def _f_beta_sums(
    hits: "csc_array", targets: "csc_array", predictions: "csc_array", beta: float
) -> tuple[TrialSums, Array]:
    """Return hits among hits and errors, an error counting as its share of the mean error."""
    of_miss, of_alarm = beta**2 / (1 + beta**2), 1 / (1 + beta**2)
    misses, alarms = targets - hits, predictions - hits
    # Half an error of either kind: none of them seen does not mean that none can happen.
    num_misses, num_alarms = (np.asarray(kind.sum(axis=0)) + 0.5 for kind in (misses, alarms))
    scale = (of_miss**2 * num_misses + of_alarm**2 * num_alarms) / (
        of_miss * num_misses + of_alarm * num_alarms
    )
    errors = (of_miss * misses + of_alarm * alarms).multiply(1 / scale[None]).tocsc()
    sums = _trial_sums(_UnitCounts(hits), _UnitCounts(hits + errors))
    union = np.asarray((targets + predictions - hits).sum(axis=0))
    return sums._replace(samples=union), scale


# -- averages -------------------------------------------------------------------------------------


def _average_estimates(
    confusion: Confusion, counts: "csr_array", resampling: Resampling, beta: float
) -> dict[str, Estimate]:
    totals = confusion.margins()
    supported = totals[1] > 0
    values = average_metrics(totals, supported, beta)
    accuracy = _accuracy_interval(counts, resampling)
    names = [name for name in values if not _is_of_accuracy(name)]

    def statistic(cells: Array) -> Array:
        metrics = average_metrics(cells.reshape(len(cells), 3, -1), supported, beta)
        return np.stack([metrics[name] for name in names], axis=1)

    rng = numpy_generator(resampling.seed, "confusion")
    replicates = bootstrap(counts, statistic, resampling.num_resamples, rng)
    gradients = average_gradients(totals, supported, beta)
    gradient = np.stack([gradients[name].ravel() for name in names], axis=1)
    influence = counts @ gradient
    smoothed = _Smoothed.of(confusion, totals, supported, beta)
    copies = mean_unit_size(_unit_sizes(counts))
    result = {}
    for name, value in values.items():
        if _is_of_accuracy(name):
            interval = _of_accuracy(name, accuracy, confusion.num_classes)
        elif not np.isfinite(value):
            interval = UNDEFINED
        else:
            column = names.index(name)
            variances = (
                smoothed.values[name],
                smoothed.variances[name],
                _cell_variance(confusion, gradients[name]),
            )
            interval = _average_interval(
                float(value),
                replicates[:, column],
                influence[:, column],
                variances,
                copies,
                resampling.confidence,
                lowest=-1.0 if name in AGREEMENT_METRICS else 0.0,
            )
        result[name] = Estimate.of(float(value), interval)
    return result


def average_gradients(margins: Array, supported: Mask, beta: float = 2.0) -> dict[str, Array]:
    """Return how balanced accuracy, averages and agreement change with each count, (3, K) each.

    The number of samples is taken as the sum of the targets.

    Args:
        margins: Hits, targets and predictions per class, shape (3, K).
        supported: The classes to average over.
        beta: Of F-beta.
    """
    metrics, gradients = class_metrics(margins, beta), class_gradients(margins, beta)
    weights = np.where(supported, margins[1], 0.0)
    weights = weights / max(weights.sum(), 1.0)
    equal = supported / max(supported.sum(), 1)
    found = {}
    for average, shares in (("macro", equal), ("weighted", weights)):
        for name, gradient in gradients.items():
            own = np.where(supported, gradient * shares, 0.0)
            change = own[:3]
            change[1] += own[3].sum()  # each target is one more sample
            if average == "weighted":
                mean = (weights * np.where(supported, metrics[name], 0.0)).sum()
                heavier = np.where(supported, metrics[name] - mean, 0.0)
                change[1] += heavier / max(margins[1][supported].sum(), 1.0)
            found[f"{average}_{name}"] = change
    found["balanced_accuracy"] = found["macro_recall"]
    return found | agreement_gradients(margins)


def _average_interval(
    value: float,
    replicates: Array,
    influence: Array,
    variances: tuple[float, float, float],
    copies: float,
    confidence: float,
    lowest: float,
) -> Interval:
    """Take the bootstrap unless it is blind to most of the smoothed variance.

    Args:
        value: The metric, from `lowest` to 1.
        replicates: Of resamples, (B,).
        influence: Of each unit, (U,).
        variances: The smoothed metric, its variance, and the variance that the sample shows.
        copies: Mean size of the unit of a sample.
        confidence: E.g. 0.95.
        lowest: The least possible value.
    """
    smoothed_value, smoothed_variance, seen = variances
    limits = bca_interval(value, replicates, influence, confidence, (lowest, 1.0))
    if limits is not None and sees_enough(seen, smoothed_variance):
        return Interval(*limits, "BCa bootstrap")
    effect = design_effect(influence, seen, copies)
    span = 1 - lowest
    low, high, method = intervals.linear_variance_interval(
        (value - lowest) / span,
        (smoothed_value - lowest) / span,
        smoothed_variance * effect / span**2,
        confidence,
        len(influence),
    )
    return Interval(lowest + span * low, lowest + span * high, method)


def _is_of_accuracy(name: str) -> bool:
    return name in ("accuracy", "weighted_recall") or name.startswith(_MICRO)


def _accuracy_interval(counts: "csr_array", resampling: Resampling) -> Interval:
    num_classes = counts.shape[1] // 3
    hits = np.asarray(counts[:, :num_classes].sum(axis=1), dtype=np.float64)
    return intervals.proportion_interval(
        hits, _unit_sizes(counts), resampling.confidence, resampling.proportion_interval
    )


def _of_accuracy(name: str, accuracy: Interval, num_classes: int) -> Interval:
    """Return the interval of a rising function of the accuracy."""
    kind = name.removeprefix(_MICRO)
    low, high = (float(micro_metric(kind, np.array(limit), num_classes)) for limit in accuracy[:2])
    is_same = (low, high) == accuracy[:2]
    return Interval(low, high, accuracy.method if is_same else f"{accuracy.method}, of accuracy")


def _unit_sizes(counts: "csr_array") -> Array:
    num_classes = counts.shape[1] // 3
    return np.asarray(counts[:, num_classes : 2 * num_classes].sum(axis=1), dtype=np.float64)


def mean_unit_size(sizes: npt.ArrayLike) -> float:
    """Return the mean size of the unit of a sample, from the sizes of the units."""
    counts = np.asarray(sizes, dtype=np.float64)
    return float((counts**2).sum() / counts.sum())


def _cell_variance(confusion: Confusion, gradient: Array) -> float:
    """Return the variance of a metric over independent samples, from its gradient (3, K)."""
    hits, targets, predictions = gradient
    influence = targets[confusion.targets] + predictions[confusion.predictions]
    influence = influence + np.where(
        confusion.targets == confusion.predictions, hits[confusion.targets], 0.0
    )
    return float((confusion.counts * influence**2).sum())


class _Smoothed(NamedTuple):
    """Averages and their variances with a few hits and misses added to each class."""

    values: dict[str, float]
    variances: dict[str, float]

    @classmethod
    def of(cls, confusion: Confusion, totals: Array, supported: Mask, beta: float) -> "_Smoothed":
        """Add to the classes that occur; the cells that this fills are summed in closed form."""
        num_supported = int(supported.sum())
        hit, miss = smoothing_counts(num_supported)
        row = hit + miss * (num_supported - 1)
        cells = totals + np.array([[hit], [row], [row]]) * supported
        gradients = average_gradients(cells, supported, beta)
        variances = {}
        for name, gradient in gradients.items():
            hits, targets, predictions = gradient[:, supported]
            everywhere = num_supported * float((targets**2 + predictions**2).sum())
            everywhere += 2 * float(targets.sum() * predictions.sum())
            diagonal = targets + predictions
            variances[name] = (
                _cell_variance(confusion, gradient)
                + miss * (everywhere - float((diagonal**2).sum()))
                + hit * float(((diagonal + hits) ** 2).sum())
            )
        metrics = average_metrics(cells, supported, beta)
        return cls({name: float(value) for name, value in metrics.items()}, variances)
