"""How differently the groups of the columns that the user calls sensitive are treated."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from foldwise.metrics.fairness import (
    Decisions,
    Gap,
    demographic_parity_difference,
    equalised_odds_difference,
)
from foldwise.metrics.slices import Slicing
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.slices_columns import sensitive_columns
from foldwise.tasks.slices_config import SlicesConfig
from foldwise.tasks.slices_scores import Predicted

FAIRNESS_COLUMNS = ("column", "measure", "value", "low", "high", "method", "detail")

Record = dict[str, Any]


def fairness_gaps(
    evaluation: Evaluation | RegressionEvaluation, predicted: Predicted, config: SlicesConfig
) -> pd.DataFrame:
    """Return the gaps between the groups of each sensitive column, and each worst group.

    Groups below `min_size` are left out. Of numbers there are only the worst groups: demographic
    parity and equalised odds are about decisions.

    Args:
        evaluation: The scores of the out-of-fold predictions.
        predicted: The same as slices see them.
        config: The columns, and how many samples a group needs.

    Raises:
        SlicesError: A column is not there, or cannot be cut into groups.
    """
    records: list[Record] = []
    for column in sensitive_columns(predicted.table, config):
        slicing, kept = predicted.slicing(column, config.min_size)
        names = [column.names[number] for number in kept]
        if len(names) < 2:
            continue
        found = [*_worst_groups(predicted, slicing, names)]
        if isinstance(evaluation, Evaluation):
            found = [*_gaps(evaluation, slicing, names), *found]
        records += [{"column": column.name, **record} for record in found]
    return pd.DataFrame(records, columns=list(FAIRNESS_COLUMNS))


def _gaps(evaluation: Evaluation, slicing: Slicing, names: list[str]) -> Iterator[Record]:
    rows, confidence = evaluation.parts["oof"].rows, evaluation.config.confidence
    called = rows.probabilities.argmax(axis=1).astype(np.int64)
    num_classes = len(evaluation.classes)
    decisions = Decisions(rows.target, called, num_classes, slicing.codes, slicing.units)
    positive = evaluation.positive
    classes = np.arange(num_classes) if positive is None else np.array([positive])
    for measure, find in (
        ("demographic parity difference", demographic_parity_difference),
        ("equalised odds difference", equalised_odds_difference),
    ):
        gap = find(decisions, classes, confidence)
        limits = {"low": gap.low, "high": gap.high, "method": gap.method}
        detail = _told(gap, names, evaluation.classes)
        yield {"measure": measure, "value": gap.value, **limits, "detail": detail}


def _told(gap: Gap, names: list[str], classes: tuple[str, ...]) -> str:
    if gap.code < 0:
        return "fewer than two groups have ten samples to compare"
    what = f"{gap.rate} of class {classes[gap.code]!r}"
    return f"{what}: highest for {names[gap.highest]}, lowest for {names[gap.lowest]}"


def _worst_groups(predicted: Predicted, slicing: Slicing, names: list[str]) -> Iterator[Record]:
    for metric, score in predicted.scores.items():
        found = score(slicing)
        values = np.array([group.value for group in found])
        if not np.isfinite(values).any():
            continue
        worst = int(np.nanargmax(values) if metric in LOWER_IS_BETTER else np.nanargmin(values))
        low, high, method = found[worst].low, found[worst].high, found[worst].method
        limits = {"low": low, "high": high, "method": method}
        measure = f"worst group's {metric_label(metric)}"
        yield {"measure": measure, "value": values[worst], **limits, "detail": names[worst]}
