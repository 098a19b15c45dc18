"""From the predictions of several models to the differences of all pairs.

Only predictions tables and folds are read, so any models can be compared by writing a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from foldwise.errors import UserError
from foldwise.metrics.classification import Array
from foldwise.metrics.estimates import few_units_warning
from foldwise.metrics.paired_tests import holm
from foldwise.tasks.compare_data_sets import OverDataSets, over_data_sets
from foldwise.tasks.compare_models_config import CompareConfig
from foldwise.tasks.data_set_comparison import DataSetComparison, compare_data_set
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.metric_choice import LOWER_IS_BETTER, chosen_metric
from foldwise.tasks.named_predictions import NamedPredictions
from foldwise.tasks.predictions_table import PredictionsError, check_predictions
from foldwise.tasks.regression_table import check_regression_predictions, is_regression
from foldwise.tasks.same_folds import by_data


class CompareError(UserError):
    """Models cannot be compared as asked."""


@dataclass(frozen=True)
class ModelsComparison:
    """The comparisons of all data sets, and over them."""

    config: CompareConfig
    metric: str
    confidence: float  # of the intervals of scores
    data_sets: tuple[DataSetComparison, ...]
    over: OverDataSets | None  # None: there is one data set, or nothing to pair over several
    notes: tuple[str, ...]

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.metric in LOWER_IS_BETTER


def compare_models(
    models: Sequence[NamedPredictions], config: CompareConfig, evaluation: EvaluateConfig
) -> ModelsComparison:
    """Score the models and test the differences of all pairs, data set by data set.

    - Over several folds, a difference is tested by the corrected resampled t-test (Nadeau and
      Bengio); with one fold by a paired bootstrap over independent samples.
    - Beside that stand the paired bootstrap of the pooled predictions, and of classes McNemar's
      test of the decisions.
    - p-values are adjusted (Holm) over all pairs of all data sets.
    - Where the same methods are there on several data sets: Wilcoxon's signed ranks over data
      sets, and average ranks (Demsar 2006).

    Args:
        models: The predictions.
        config: The metric, the reference and the level.
        evaluation: Confidence and resamples of the scores' intervals.

    Raises:
        CompareError: Classes stand beside numbers, the reference is unknown, or there is no pair.
        MetricError: The metric is not one of such predictions.
        FoldsDifferError: Predictions of the same data were made on different folds.
        PredictionsError: A table is wrong.
    """
    for model in models:
        _check(model)
    metric = _metric(models, config)
    groups = [_reference_first(group, config) for group in by_data(models)]
    _require_reference(models, config)
    if all(len(group) == 1 for group in groups):
        _require_pairs_over(groups)
    found = [
        compare_data_set(group, metric, config, evaluation, position)
        for position, group in enumerate(groups)
    ]
    data_sets = _adjusted(found, config.alpha)
    over = over_data_sets(
        {of.name: dict(zip(of.methods, _means(of), strict=True)) for of in data_sets},
        lower_is_better=metric in LOWER_IS_BETTER,
        alpha=config.alpha,
    )
    notes = _notes(data_sets, over)
    return ModelsComparison(
        config, metric, evaluation.confidence, tuple(data_sets), over, tuple(notes)
    )


# -- what is compared -----------------------------------------------------------------------------


def _check(model: NamedPredictions) -> None:
    check = check_regression_predictions if is_regression(model.table) else check_predictions
    try:
        check(model.table)
    except PredictionsError as error:
        raise PredictionsError(f"{model.name!r} ({model.path}): {error}") from None


def _metric(models: Sequence[NamedPredictions], config: CompareConfig) -> str:
    kinds = {model.name: is_regression(model.table) for model in models}
    if len(set(kinds.values())) > 1:
        numbers = ", ".join(repr(name) for name, of_numbers in kinds.items() if of_numbers)
        raise CompareError(
            f"compare.models names models that predict numbers ({numbers}) beside models that "
            "predict classes: no metric fits both."
        )
    return chosen_metric(config.metric, "compare.metric", of_numbers=any(kinds.values()))


def _require_reference(models: Sequence[NamedPredictions], config: CompareConfig) -> None:
    if config.reference is None:
        return
    names = list(dict.fromkeys(name for model in models for name in (model.name, model.method)))
    if config.reference not in names:
        raise CompareError(
            f"compare.reference is {config.reference!r}, but the models are "
            f"{', '.join(map(repr, names))}."
        )


def _require_pairs_over(groups: Sequence[Sequence[NamedPredictions]]) -> None:
    """Raise: no two models predict the same data."""
    of_data = "; ".join(
        f"{model.name!r} predicts {model.data_name}" for group in groups for model in group
    )
    raise CompareError(
        f"No two of compare.models predict the same samples: {of_data}. A paired comparison takes "
        "two models of one data set, or the same models on several: "
        '"one/cnn;one/mlp;two/cnn;two/mlp".'
    )


def _reference_first(
    group: Sequence[NamedPredictions], config: CompareConfig
) -> list[NamedPredictions]:
    wanted = config.reference
    return sorted(group, key=lambda model: wanted not in (model.name, model.method))


# -- all data sets --------------------------------------------------------------------------------


def _adjusted(found: Sequence[DataSetComparison], alpha: float) -> list[DataSetComparison]:
    """Adjust the p-values of all pairs of all data sets as one family, each kind of test alone."""
    tables = [of.pairs.copy() for of in found]
    for raw, adjusted in (("p_value", "p_holm"), ("mcnemar_p", "mcnemar_p_holm")):
        with_pairs = [table for table in tables if len(table) and raw in table]
        if not with_pairs:
            continue
        values = np.concatenate([table[raw].to_numpy(np.float64) for table in with_pairs])
        ends = np.cumsum([len(table) for table in with_pairs])[:-1]
        for table, of_table in zip(with_pairs, np.split(holm(values), ends), strict=True):
            table[adjusted] = of_table
    for table in tables:
        table["is_significant"] = table["p_holm"].astype("float64") <= alpha  # NaN is not
    return [replace(of, pairs=table) for of, table in zip(found, tables, strict=True)]


def _means(data_set: DataSetComparison) -> Array:
    """Return the mean score of each model over its folds."""
    return data_set.scores["fold_mean"].to_numpy(np.float64)


# -- notes ----------------------------------------------------------------------------------------


def _notes(data_sets: Sequence[DataSetComparison], over: OverDataSets | None) -> list[str]:
    notes = []
    for of in data_sets:
        where = f"{of.name}: " if len(data_sets) > 1 else ""
        if of.basis == "samples" and len(of.pairs):
            notes.append(
                f"{where}One fold: the tests ask whether a difference is more than the luck of "
                "which samples were held out. They are blind to the randomness of training."
            )
        if of.num_units is not None and "mcnemar_p" in of.pairs:
            notes.append(
                f"{where}The {of.num_samples} samples come in {of.num_units} independent units: "
                "McNemar's test would take copies for new samples, so the signs of whole units "
                "are flipped instead."
            )
        if of.folds_hash is None and len(of.pairs):
            notes.append(
                f"{where}There is no folds.json beside these predictions: each sample counts as "
                "independent, and training parts as all that a fold does not hold out."
            )
        if warning := few_units_warning(of.num_units):
            notes.append(f"{where}{warning}")
        undefined = of.pairs[of.pairs["p_value"].isna()] if len(of.pairs) else of.pairs
        notes += [
            f"{where}No p-value for {row['model']} and {row['against']}: the differences do not "
            "vary, or there are too few to tell."
            for row in undefined.to_dict("records")
        ]
    return notes + ([] if over is None else list(over.notes))
