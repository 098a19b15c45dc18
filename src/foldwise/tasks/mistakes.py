"""The worst predictions, and the labels that are likely wrong.

N: samples, K: classes, H: steps ahead.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.metrics.classification import Array
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.label_errors import find_label_errors
from foldwise.tasks.mistakes_config import MistakesConfig

_MAX_ROWS = 1000  # of each table: more nobody looks at one by one
_LABEL_ERRORS = ("sample_id", "source", "label", "suggested_label", "quality", "p_label",
                 "p_suggested", "fold")  # fmt: skip


@dataclass(frozen=True)
class Mistakes:
    """The worst out-of-fold predictions, averaged over repeats."""

    table: pd.DataFrame  # sample_id, source, target, prediction, probability or error, fold
    num_mistakes: int  # in all, of classes; or all predictions, of numbers
    num_samples: int
    label_errors: pd.DataFrame | None  # `_LABEL_ERRORS`; None: of numbers, or of one class only
    num_label_errors: int
    config: MistakesConfig


def find_mistakes(
    evaluation: Evaluation | RegressionEvaluation,
    samples: Samples,
    folds: Folds,
    config: MistakesConfig,
) -> Mistakes:
    """Return the most confident mistakes and the likely label errors, or the largest errors.

    Args:
        evaluation: The scores, whose out-of-fold predictions are looked at.
        samples: Whose sources are told.
        folds: Whose folds are told.
        config: How many are shown.
    """
    if isinstance(evaluation, RegressionEvaluation):
        return _of_numbers(evaluation, samples, folds, config)
    return _of_classes(evaluation, samples, folds, config)


def label_error_table(mistakes: Mistakes) -> pd.DataFrame:
    """Return the likely label errors; no row where labels are not examined."""
    if mistakes.label_errors is None:
        return pd.DataFrame(columns=list(_LABEL_ERRORS))
    return mistakes.label_errors


def _of_classes(
    evaluation: Evaluation, samples: Samples, folds: Folds, config: MistakesConfig
) -> Mistakes:
    rows = evaluation.parts["oof"].rows
    ids, (probabilities,) = _averaged(rows.ids, [rows.probabilities])
    target = np.empty(len(ids), dtype=np.int64)
    target[np.unique(rows.ids, return_inverse=True)[1]] = rows.target
    names = np.array(evaluation.classes, dtype=object)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(ids)), predicted]
    wrong = np.flatnonzero(predicted != target)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:_MAX_ROWS]
    table = _described(ids[shown], samples, folds)
    table.insert(2, "target", names[target[shown]])
    table.insert(3, "prediction", names[predicted[shown]])
    table.insert(4, "probability", confidence[shown])
    errors = find_label_errors(target, probabilities)
    is_defined = len(np.unique(target)) > 1
    suspects = errors.rows[:_MAX_ROWS]
    found = _described(ids[suspects], samples, folds)
    suggested = errors.suggested[:_MAX_ROWS]
    found = found.assign(
        label=names[target[suspects]],
        suggested_label=names[suggested],
        quality=errors.quality[:_MAX_ROWS],
        p_label=probabilities[suspects, target[suspects]],
        p_suggested=probabilities[suspects, suggested],
    )
    return Mistakes(
        table=table,
        num_mistakes=len(wrong),
        num_samples=len(ids),
        label_errors=found[list(_LABEL_ERRORS)] if is_defined else None,
        num_label_errors=len(errors.rows),
        config=config,
    )


def _of_numbers(
    evaluation: RegressionEvaluation, samples: Samples, folds: Folds, config: MistakesConfig
) -> Mistakes:
    rows = evaluation.parts["oof"].rows
    outcomes = rows.outcomes
    ids, (target, prediction) = _averaged(rows.ids, [outcomes.target, outcomes.prediction])
    errors = prediction - target  # (N, H)
    worst = np.abs(errors).argmax(axis=1)
    largest = errors[np.arange(len(ids)), worst]
    shown = np.argsort(-np.abs(largest), kind="stable")[:_MAX_ROWS]
    table = _described(ids[shown], samples, folds)
    table.insert(2, "target", target[shown, worst[shown]])
    table.insert(3, "prediction", prediction[shown, worst[shown]])
    table.insert(4, "error", largest[shown])
    if target.shape[1] > 1:
        table.insert(5, "step", worst[shown] + 1)
    return Mistakes(table, len(ids), len(ids), None, 0, config)


def _averaged(
    ids: npt.NDArray[np.object_], values: list[Array]
) -> tuple[npt.NDArray[np.object_], list[Array]]:
    """Average the rows of each sample over repeats; sorted by sample."""
    distinct, sample = np.unique(ids, return_inverse=True)
    num_repeats = len(ids) // len(distinct)
    order = np.argsort(sample, kind="stable")
    shape = (len(distinct), num_repeats)
    means = [array[order].reshape(*shape, *array.shape[1:]).mean(axis=1) for array in values]
    return distinct, means


def _described(ids: npt.NDArray[np.object_], samples: Samples, folds: Folds) -> pd.DataFrame:
    """Return who the samples are, where they come from and in which fold they were held out."""
    rows = samples.table.iloc[samples.positions(ids)]
    table = folds.table[folds.table["sample_id"].isin(ids)].sort_values("repeat", kind="stable")
    of_sample = table.groupby("sample_id", sort=False)["fold"]
    fold = of_sample.agg(lambda numbers: " ".join(map(str, numbers)))
    return pd.DataFrame(
        {
            "sample_id": ids,
            "source": rows["source"].to_numpy(dtype=object),
            "fold": fold.reindex(ids).to_numpy(dtype=object),
        }
    )
