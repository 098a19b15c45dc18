"""Scores of one predictions table, of classes or of numbers, and paired differences of two.

S: samples, H: steps ahead, K: classes, U: independent units.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldwise.metrics import estimates, intervals, regression_intervals
from foldwise.metrics.classification import Array, average_metrics, confusion_matrix, margins
from foldwise.metrics.estimates import Estimate, Resampling
from foldwise.metrics.paired_tests import PairedTest, paired_bootstrap
from foldwise.metrics.regression_intervals import Outcomes
from foldwise.seeds import numpy_generator
from foldwise.tasks import predictions_table, regression_table
from foldwise.tasks.evaluate import independent_units
from foldwise.tasks.predictions_table import Scored
from foldwise.tasks.regression_table import RegressionRows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

CLASS_METRICS = ("macro_f1", "balanced_accuracy", "accuracy", "weighted_f1")
NUMBER_METRICS = ("mae", "rmse", "r2")
LOWER_IS_BETTER = ("mae", "rmse")


@dataclass(frozen=True)
class ClassPart:
    """One part of a predictions table of classes."""

    rows: Scored  # pooled over the folds, or averaged over the models
    units: pd.Series

    def estimates(self, resampling: Resampling) -> dict[str, Estimate]:
        """Return the metrics with their intervals."""
        target, probabilities, units = self.rows.target, self.rows.probabilities, self._units
        if units is None:  # without the ranking metrics, which would cost ten times as much
            predicted = probabilities.argmax(axis=1).astype(np.int64)
            found = estimates.confusion_estimates(
                target, predicted, probabilities.shape[1], resampling
            )[0]
        else:
            found = estimates.estimate(target, probabilities, units, resampling).averages
        return {name: found[name] for name in CLASS_METRICS}

    def difference(self, other: "ClassPart", metric: str, resampling: Resampling) -> PairedTest:
        """Compare with another table's predictions of the same samples; its metric minus mine."""
        from scipy.sparse import hstack

        num_classes = self.rows.probabilities.shape[1]
        supported = np.bincount(self.rows.target, minlength=num_classes) > 0

        def difference(cells: Array) -> Array:
            both = cells.reshape(len(cells), 2, 3, num_classes)
            values = average_metrics(both, supported)[metric]
            return np.asarray(values[:, 1] - values[:, 0], dtype=np.float64)

        return paired_bootstrap(
            hstack([self._counts(), other._counts()], format="csr"),
            difference,
            resampling.num_resamples,
            resampling.confidence,
            numpy_generator(resampling.seed, "pairs"),
        )

    @property
    def ids(self) -> list[str]:
        """The samples, in order."""
        return list(self.rows.ids)

    @property
    def _units(self) -> "np.ndarray | None":
        return independent_units(self.rows.ids, self.units)

    def _counts(self) -> "csr_array":
        units = np.arange(len(self.rows.ids)) if self._units is None else self._units
        probabilities = self.rows.probabilities
        predicted = probabilities.argmax(axis=1).astype(np.int64)
        return estimates.margin_counts(self.rows.target, predicted, units, probabilities.shape[1])


@dataclass(frozen=True)
class NumberPart:
    """One part of a predictions table of numbers."""

    rows: RegressionRows
    units: pd.Series

    def estimates(self, resampling: Resampling) -> dict[str, Estimate]:
        """Return the metrics with their intervals."""
        units = independent_units(self.rows.ids, self.units)
        found = regression_intervals.estimate(self.rows.outcomes, units, resampling).pooled
        return {name: found[name] for name in NUMBER_METRICS}

    def difference(self, other: "NumberPart", metric: str, resampling: Resampling) -> PairedTest:
        """Compare with another table's predictions of the same samples; its metric minus mine."""
        from scipy.sparse import csr_array

        known = independent_units(self.rows.ids, self.units)
        units = np.arange(len(self.rows.ids)) if known is None else known
        errors = [_absolute_errors(part.rows.outcomes) for part in (self, other)]
        # The bootstrap takes differences within [-1, 1], and single precision loses no digits.
        size = max(float(np.max(errors)), np.finfo(np.float64).tiny)
        power = 2 if metric == "rmse" else 1
        losses = [((error / size) ** power).sum(axis=1) for error in errors]
        counts = np.full(len(units), float(errors[0].shape[1]))
        columns = np.stack([*losses, counts], axis=1)

        def difference(cells: Array) -> Array:
            means = (cells[:, :2] / cells[:, 2:]) ** (1 / power)
            return np.asarray(means[:, 1] - means[:, 0], dtype=np.float64)

        found = paired_bootstrap(
            csr_array(intervals.unit_sums(units, columns, int(units.max()) + 1)),
            difference,
            resampling.num_resamples,
            resampling.confidence,
            numpy_generator(resampling.seed, "pairs"),
        )
        return found._replace(
            difference=found.difference * size, low=found.low * size, high=found.high * size
        )

    @property
    def ids(self) -> list[str]:
        """The samples, in order."""
        return list(self.rows.ids)


Part = ClassPart | NumberPart


def parts_of(table: pd.DataFrame, units: pd.Series) -> dict[str, Part]:
    """Return the out-of-fold predictions and, where there are any, those of the test part.

    Raises:
        PredictionsError: The table is not one of predictions; it names the column and the row.
    """
    has_test = bool((table["part"] == "test").any())
    if regression_table.is_regression(table):
        columns = regression_table.check_regression_predictions(table)
        numbers: dict[str, Part] = {"oof": NumberPart(_pooled(table, columns), units)}
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
    groups = oof.groupby(["repeat", "fold"], sort=True)
    if regression_table.is_regression(table):
        errors = (oof["prediction"] - oof["target"]).abs()
        power = 2 if metric == "rmse" else 1
        means = (errors**power).groupby([oof["repeat"], oof["fold"]]).mean()
        return means ** (1 / power)
    classes = tuple(str(n).removeprefix("p_") for n in table if str(n).startswith("p_"))
    values = {}
    for key, members in groups:
        rows = predictions_table.scored_rows(members, classes)
        predicted = rows.probabilities.argmax(axis=1)
        confusion = confusion_matrix(rows.target, predicted, len(classes))
        values[key] = float(average_metrics(margins(confusion))[metric])
    found = pd.Series(values)
    found.index.names = ["repeat", "fold"]
    return found


def _pooled(table: pd.DataFrame, columns: regression_table.RegressionColumns) -> RegressionRows:
    return regression_table.pooled(table, columns)


def _absolute_errors(outcomes: Outcomes) -> Array:
    return np.abs(outcomes.prediction - outcomes.target)
