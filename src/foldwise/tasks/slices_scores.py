"""How each metric of a slice is found from an evaluation's out-of-fold predictions.

N: out-of-fold predictions, H: steps ahead.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.metrics.classification import Codes, Mask
from foldwise.metrics.macro_slices import MacroMetric, macro_scores
from foldwise.metrics.slices import (
    SliceScore,
    Slicing,
    loss_scores,
    share_scores,
)
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.slices_columns import SliceColumn

Score = Callable[[Slicing], list[SliceScore]]


class Predicted(NamedTuple):
    """The out-of-fold predictions as slices see them."""

    table: pd.DataFrame  # the samples' table, a row per distinct sample
    sample: Codes  # (N,), the row there
    units: Codes  # (N,), what was drawn independently
    scores: dict[str, Score]

    def slicing(self, column: SliceColumn, min_size: int) -> tuple[Slicing, list[int]]:
        """Return the slices of a column that are large enough, and the numbers of all of these."""
        sizes = np.bincount(column.codes[column.codes >= 0], minlength=len(column.names))
        kept = np.flatnonzero(sizes >= min_size)
        place = np.full(len(column.names) + 1, -1, dtype=np.int64)  # the last: in no slice
        place[kept] = np.arange(len(kept))
        units = self.sample if column.is_group else self.units
        return Slicing(place[column.codes][self.sample], len(kept), units), kept.tolist()


def predictions_of(
    evaluation: Evaluation | RegressionEvaluation, samples: Samples, groups: pd.Series | None
) -> Predicted:
    """Return the out-of-fold predictions, and how each metric of a slice is found."""
    ids = evaluation.parts["oof"].rows.ids
    distinct, sample = np.unique(ids, return_inverse=True)
    table = samples.table.iloc[samples.positions(pd.Series(distinct))].reset_index(drop=True)
    units = independent_units(ids, groups)
    units = np.arange(len(ids), dtype=np.int64) if units is None else units
    if isinstance(evaluation, RegressionEvaluation):
        scores = _of_numbers(evaluation)
    else:
        scores = _of_classes(evaluation)
    return Predicted(table, sample.astype(np.int64), units, scores)


def _of_classes(evaluation: Evaluation) -> dict[str, Score]:
    """Return how the metrics are found; of two classes also those of the positive one."""
    rows, config = evaluation.parts["oof"].rows, evaluation.config
    target, predicted = rows.target, rows.probabilities.argmax(axis=1).astype(np.int64)
    num_classes = len(evaluation.classes)

    def share(successes: Mask, trials: Mask, *, as_f1: bool = False) -> Score:
        method = config.proportion_interval
        return lambda slicing: share_scores(
            successes, trials, slicing, config.confidence, method=method, as_f1=as_f1
        )

    def mean(metric: MacroMetric) -> Score:
        return lambda slicing: macro_scores(
            metric, target, predicted, num_classes, slicing, config.confidence
        )

    accuracy = share(target == predicted, np.ones(len(target), dtype=bool))
    scores = {"accuracy": accuracy, "balanced_accuracy": mean("balanced_accuracy")}
    if evaluation.positive is None:
        return scores | {"macro_f1": mean("macro_f1")}
    positive, called = target == evaluation.positive, predicted == evaluation.positive
    return scores | {
        "recall": share(positive & called, positive),
        "specificity": share(~positive & ~called, ~positive),
        "precision": share(positive & called, called),
        "f1": share(positive & called, positive | called, as_f1=True),
    }


def _of_numbers(evaluation: RegressionEvaluation) -> dict[str, Score]:
    outcomes, confidence = evaluation.parts["oof"].rows.outcomes, evaluation.config.confidence
    errors = outcomes.prediction - outcomes.target  # (N, H)
    sizes, squares = np.abs(errors).mean(axis=1), (errors**2).mean(axis=1)
    return {
        "mae": lambda slicing: loss_scores(sizes, slicing, confidence),
        "rmse": lambda slicing: loss_scores(squares, slicing, confidence, as_root=True),
    }
