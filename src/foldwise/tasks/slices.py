"""Scores of parts of the samples, each beside the rest: where does the model fail?

N: out-of-fold predictions, V: slices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.metrics.slices import Slicing, corrected
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.slices_columns import SliceColumn, slice_columns
from foldwise.tasks.slices_config import SlicesConfig
from foldwise.tasks.slices_fairness import fairness_gaps
from foldwise.tasks.slices_scores import Predicted, predictions_of

_KEYS = ("column", "slice")
_COLUMNS = (
    *_KEYS, "metric", "num_samples", "num_units", "value", "low", "high", "method", "rest",
    "difference", "p_value", "p_corrected", "is_worse",
)  # fmt: skip


@dataclass(frozen=True)
class Slices:
    """Scores of parts of the samples, out of fold."""

    table: pd.DataFrame  # one row per slice and metric, the worst slices first
    metrics: tuple[str, ...]
    overall: dict[str, dict[str, Any]]  # metric -> value, low, high, method of all samples
    fairness: pd.DataFrame  # one row per sensitive column and measure; none: no such column
    num_small: int  # slices that are too small to be shown
    notes: tuple[str, ...]  # what was left out, and why
    confidence: float
    config: SlicesConfig

    @property
    def num_slices(self) -> int:
        """How many slices were scored."""
        return len(self.table) // max(len(self.metrics), 1)

    @property
    def failures(self) -> pd.DataFrame:
        """The rows that are worse than the rest by more than chance allows, the worst first."""
        found = self.table[self.table["is_worse"] & (self.table["p_corrected"] < self.level)]
        return found.iloc[np.argsort(-_deficits(found), kind="stable")]

    @property
    def level(self) -> float:
        """The error that the tests may make."""
        return 1 - self.confidence


def find_slices(
    evaluation: Evaluation | RegressionEvaluation,
    samples: Samples,
    groups: pd.Series | None,
    config: SlicesConfig,
) -> Slices:
    """Score each part of the samples that a column cuts out, and test it against the rest.

    Args:
        evaluation: The scores of the out-of-fold predictions.
        samples: Whose columns cut.
        groups: What was not drawn independently, by sample id, as for the evaluation.
        config: Which slices, and how they are tested.
    """
    predicted = predictions_of(evaluation, samples, groups)
    columns = slice_columns(predicted.table, config)
    tables, num_small = [], 0
    for column in columns.columns:
        slicing, kept = predicted.slicing(column, config.min_size)
        num_small += len(column.names) - len(kept)
        if kept:
            tables.append(_scored(column, slicing, kept, predicted))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)
    metrics = evaluation.metrics["oof"]
    return Slices(
        table=_ordered(table, config, 1 - evaluation.config.confidence),
        metrics=tuple(predicted.scores),
        overall={name: dict(metrics[name]) for name in predicted.scores},
        fairness=fairness_gaps(evaluation, predicted, config),
        num_small=num_small,
        notes=tuple(columns.notes),
        confidence=evaluation.config.confidence,
        config=config,
    )


def _scored(
    column: SliceColumn, slicing: Slicing, kept: list[int], predicted: Predicted
) -> pd.DataFrame:
    """Return one row per slice and metric."""
    inside = slicing.codes >= 0
    of_slice = slicing.codes[inside]
    pairs = np.unique(np.stack([of_slice, predicted.sample[inside]]), axis=1)
    num_samples = np.bincount(pairs[0], minlength=len(kept))
    pairs = np.unique(np.stack([of_slice, slicing.units[inside]]), axis=1)
    num_units = np.bincount(pairs[0], minlength=len(kept))
    records = []
    for metric, score in predicted.scores.items():
        for i, found in enumerate(score(slicing)):
            head = {"column": column.name, "slice": column.names[kept[i]], "metric": metric}
            sizes = {"num_samples": int(num_samples[i]), "num_units": int(num_units[i])}
            records.append({**head, **sizes, **found._asdict()})
    return pd.DataFrame(records)


def _ordered(table: pd.DataFrame, config: SlicesConfig, level: float) -> pd.DataFrame:
    """Add differences and corrected p-values, and sort: the worst slices first."""
    table = table.assign(difference=table["value"] - table["rest"])
    p_values = table["p_value"].to_numpy(dtype=np.float64)
    table["p_corrected"] = corrected(p_values, config.correction)
    is_loss = table["metric"].isin(LOWER_IS_BETTER)
    table["is_worse"] = (table["difference"] < 0) ^ is_loss & table["difference"].ne(0)
    table["is_worse"] &= table["difference"].notna()
    if table.empty:
        return table[list(_COLUMNS)]
    significant = table["is_worse"] & (table["p_corrected"] < level)
    keys = pd.DataFrame(
        {
            "deficit": -_deficits(table).where(significant, 0.0),
            "p": table["p_value"].where(table["is_worse"], 2.0).fillna(2.0),
        }
    )
    of_slices = keys.groupby([table[name] for name in _KEYS], sort=False).transform("min")
    order = of_slices.assign(column=table["column"], slice=table["slice"])
    order["metric"] = pd.factorize(table["metric"])[0]
    order = order.sort_values(["deficit", "p", "column", "slice", "metric"], kind="stable")
    return table.loc[order.index, list(_COLUMNS)].reset_index(drop=True)


def _deficits(table: pd.DataFrame) -> pd.Series:
    """Return by how much each row is off the rest; of losses, relative to the rest."""
    size = table["difference"].abs()
    return size.where(~table["metric"].isin(LOWER_IS_BETTER), size / table["rest"])
