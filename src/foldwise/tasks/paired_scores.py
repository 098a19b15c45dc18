"""Scores of one predictions table, of classes or of numbers, and paired differences of several.

S: samples, H: steps ahead, K: classes, U: independent units.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldwise.metrics import estimates, regression_intervals
from foldwise.metrics.classification import Array, Codes, Mask, average_metrics
from foldwise.metrics.confusion import Confusion
from foldwise.metrics.count_estimates import average_gradients
from foldwise.metrics.effective_size import unit_sums
from foldwise.metrics.estimates import Estimate, Resampling
from foldwise.metrics.paired_tests import PairedTest, paired_bootstraps
from foldwise.metrics.regression_intervals import Outcomes
from foldwise.tasks import predictions_table, regression_table
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.predictions_table import Scored
from foldwise.tasks.regression_table import RegressionRows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CLASS_METRICS = ("macro_f1", "balanced_accuracy", "accuracy", "weighted_f1")
NUMBER_METRICS = ("mae", "rmse", "r2")


@dataclass(frozen=True)
class ClassPart:
    """One part of a predictions table of classes."""

    rows: Scored  # pooled over the folds, or averaged over the models
    units: pd.Series | None

    def estimates(self, resampling: Resampling) -> dict[str, Estimate]:
        """Return the metrics with their intervals."""
        found, _ = estimates.confusion_estimates(
            self.rows.target, self._predicted, self.num_classes, resampling, units=self._units
        )
        return {name: found[name] for name in CLASS_METRICS}

    @property
    def ids(self) -> list[str]:
        """The samples, in order."""
        return list(self.rows.ids)

    @property
    def is_right(self) -> Mask:
        """Whether the most probable class is the target; over repeats, by mean probabilities."""
        ids, first = np.unique(self.rows.ids, return_index=True)
        size = len(ids)
        probabilities = self.rows.probabilities.reshape(-1, size, self.num_classes).mean(axis=0)
        return np.asarray(probabilities.argmax(axis=1) == self.rows.target[first])

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.rows.probabilities.shape[1])

    @property
    def _units(self) -> Codes | None:
        return independent_units(self.rows.ids, self.units)

    @property
    def _predicted(self) -> Codes:
        return np.asarray(self.rows.probabilities.argmax(axis=1), dtype=np.int64)

    def counts(self) -> "csr_array":
        """Return hits, targets and predictions of each class that each unit adds, (U, 3 K)."""
        units = self._units
        units = np.arange(len(self.rows.ids)) if units is None else units
        return estimates.margin_counts(self.rows.target, self._predicted, units, self.num_classes)


@dataclass(frozen=True)
class NumberPart:
    """One part of a predictions table of numbers."""

    rows: RegressionRows
    units: pd.Series | None

    def estimates(self, resampling: Resampling) -> dict[str, Estimate]:
        """Return the metrics with their intervals."""
        units = independent_units(self.rows.ids, self.units)
        found = regression_intervals.estimate(self.rows.outcomes, units, resampling).pooled
        return {name: found[name] for name in NUMBER_METRICS}

    @property
    def ids(self) -> list[str]:
        """The samples, in order."""
        return list(self.rows.ids)


Part = ClassPart | NumberPart
Metric = Callable[[Array], Array]  # from cells (b, C) to the metric (b,), in [0, 1]


def pair_differences(
    parts: Sequence[Part],
    metric: str,
    num_resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> Iterator[tuple[int, int, PairedTest]]:
    """Compare all pairs of predictions of the same samples by a bootstrap over their units.

    Args:
        parts: Of several methods, all of classes or all of numbers.
        metric: Its name.
        num_resamples: Of the bootstrap.
        confidence: Of the intervals.
        rng: The draws.

    Yields:
        The positions of two methods, and the test of the second one's metric less the first one's.
    """
    of_classes = [part for part in parts if isinstance(part, ClassPart)]
    of_numbers = [part for part in parts if isinstance(part, NumberPart)]
    gradient, size = None, 1.0
    if of_classes:
        counts, scored, gradient = _class_cells(of_classes, metric)
    else:
        counts, scored, size = _number_cells(of_numbers, metric)
    for first, second, found in paired_bootstraps(
        counts, scored, num_resamples, confidence, rng, gradient
    ):
        sized = {name: getattr(found, name) * size for name in ("difference", "low", "high")}
        yield first, second, found._replace(**sized)


def _class_cells(
    parts: Sequence[ClassPart], metric: str
) -> tuple[list["csr_array"], Metric, Metric]:
    """Return the counts of each unit, the metric of summed counts, and its derivatives."""
    num_classes = parts[0].num_classes
    supported = np.bincount(parts[0].rows.target, minlength=num_classes) > 0

    def scored(cells: Array) -> Array:
        return np.asarray(
            average_metrics(cells.reshape(len(cells), 3, num_classes), supported)[metric]
        )

    def gradient(cells: Array) -> Array:
        margins = cells.reshape(3, num_classes)
        if metric != "accuracy":
            return average_gradients(margins, supported)[metric].ravel()
        hits, num_samples = margins[0].sum(), margins[1].sum()
        by_count = np.array([1 / num_samples, -hits / num_samples**2, 0.0])
        return np.repeat(by_count, num_classes)

    return [part.counts() for part in parts], scored, gradient


def _number_cells(
    parts: Sequence[NumberPart], metric: str
) -> tuple[list["csr_array"], Metric, float]:
    """Return summed losses and numbers of targets of each unit, and what losses are divided by."""
    from scipy.sparse import csr_array

    known = independent_units(parts[0].rows.ids, parts[0].units)
    units = np.arange(len(parts[0].rows.ids)) if known is None else known
    errors = [_absolute_errors(part.rows.outcomes) for part in parts]
    # The bootstrap takes metrics within [0, 1], and single precision loses no digits.
    size = max(float(np.max(errors)), np.finfo(np.float64).tiny)
    power = 2 if metric == "rmse" else 1
    targets = np.full(len(units), float(errors[0].shape[1]))

    def cells_of(error: Array) -> "csr_array":
        columns = np.stack([((error / size) ** power).sum(axis=1), targets], axis=1)
        return csr_array(unit_sums(units, columns, int(units.max()) + 1))

    def scored(cells: Array) -> Array:
        return np.asarray((cells[:, 0] / cells[:, 1]) ** (1 / power), dtype=np.float64)

    return [cells_of(error) for error in errors], scored, size


def parts_of(table: pd.DataFrame, units: pd.Series | None) -> dict[str, Part]:
    """Return the out-of-fold predictions and, where there are any, those of the test part.

    Raises:
        PredictionsError: The table is not one of predictions; it names the column and the row.
    """
    has_test = bool((table["part"] == "test").any())
    if regression_table.is_regression(table):
        columns = regression_table.check_regression_predictions(table)
        numbers: dict[str, Part] = {
            "oof": NumberPart(regression_table.pooled(table, columns), units)
        }
        if has_test:
            rows = regression_table.ensemble(table, columns)
            numbers["test"] = NumberPart(rows, units)
        return numbers
    classes = predictions_table.check_predictions(table)
    found: dict[str, Part] = {"oof": ClassPart(predictions_table.pooled(table, classes), units)}
    if has_test:
        found["test"] = ClassPart(predictions_table.ensemble(table, classes), units)
    return found


def fold_scores(table: pd.DataFrame, metric: str) -> pd.Series:
    """Return a metric of each outer fold, indexed by repeat and fold."""
    oof = table[table["part"] == "oof"]
    if regression_table.is_regression(table):
        errors = (oof["prediction"] - oof["target"]).abs()
        power = 2 if metric == "rmse" else 1
        means = (errors**power).groupby([oof["repeat"], oof["fold"]]).mean()
        return means ** (1 / power)
    classes = tuple(str(n).removeprefix("p_") for n in table if str(n).startswith("p_"))
    values = {}
    for key, members in oof.groupby(["repeat", "fold"], sort=True):
        rows = predictions_table.scored_rows(members, classes)
        predicted = rows.probabilities.argmax(axis=1)
        counts = Confusion.of(rows.target, predicted, len(classes)).margins()
        values[key] = float(average_metrics(counts)[metric])
    found = pd.Series(values)
    found.index.names = ["repeat", "fold"]
    return found


def _absolute_errors(outcomes: Outcomes) -> Array:
    return np.abs(outcomes.prediction - outcomes.target)
