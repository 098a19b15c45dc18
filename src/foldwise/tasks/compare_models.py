"""From the predictions of several models to the differences of all pairs.

Only predictions tables and folds are read, so any models can be compared by writing a table.
M: models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from foldwise.data.training_sizes import noted_training_sizes
from foldwise.errors import UserError
from foldwise.metrics import intervals
from foldwise.metrics.classification import Array
from foldwise.metrics.estimates import Resampling, few_units_warning
from foldwise.metrics.paired_tests import (
    DecisionTest,
    PairedTest,
    corrected_resampled_t,
    holm,
    mcnemar,
)
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.compare_data_sets import OverDataSets, over_data_sets
from foldwise.tasks.compare_models_config import CompareConfig
from foldwise.tasks.evaluate import EvaluateConfig, independent_units
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.metric_choice import LOWER_IS_BETTER, chosen_metric
from foldwise.tasks.named_predictions import NamedPredictions
from foldwise.tasks.paired_scores import (
    CLASS_METRICS,
    NUMBER_METRICS,
    ClassPart,
    Part,
    fold_scores,
    pair_differences,
    parts_of,
)
from foldwise.tasks.predictions_table import PredictionsError, check_predictions
from foldwise.tasks.regression_table import check_regression_predictions, is_regression
from foldwise.tasks.same_folds import by_data

Basis = Literal["folds", "samples"]  # what the test of a difference takes for repetitions

_PREFIX = {"oof": "", "test": "test_"}


class CompareError(UserError):
    """Models cannot be compared as asked."""


@dataclass(frozen=True)
class DataSetComparison:
    """The models of one data set: their scores, and how each pair differs."""

    name: str  # the experiment, or the file
    models: tuple[str, ...]  # as they were named, the reference first
    methods: tuple[str, ...]  # the same without the experiment
    metric: str
    basis: Basis
    test_to_train: float  # n_test / n_train of a fold
    num_samples: int  # out of fold
    num_units: int | None  # independent ones, if there are fewer than samples
    folds_hash: str | None
    scores: pd.DataFrame  # one row per model: value, low, high, test_value, ..., fold_mean
    folds: pd.DataFrame  # model, repeat, fold, value
    pairs: pd.DataFrame  # one row per pair: `model` less `against`; see `_pair`
    pair_folds: pd.DataFrame  # model, against, repeat, fold, difference

    @property
    def best(self) -> str:
        """The model with the best out-of-fold score, the first of equal ones."""
        values = self.scores.set_index("model")["value"].astype("float64")
        return str(values.idxmin() if self.metric in LOWER_IS_BETTER else values.idxmax())


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
        _compare_data_set(group, metric, config, evaluation, position)
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
        f"{model.name!r} predicts {_data_name(model)}" for group in groups for model in group
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


def _data_name(model: NamedPredictions) -> str:
    return model.experiment or str(model.path)


# -- one data set ---------------------------------------------------------------------------------


def _compare_data_set(
    group: Sequence[NamedPredictions],
    metric: str,
    config: CompareConfig,
    evaluation: EvaluateConfig,
    position: int,
) -> DataSetComparison:
    folds = next((model.folds for model in group if model.folds is not None), None)
    units = None if folds is None else folds.units
    parts = {model.name: parts_of(model.table, units) for model in group}
    _require_same_classes(group, parts)
    names = tuple(parts)
    seed = derive_seed(evaluation.seed, "compare", position)
    resampling = Resampling(evaluation.confidence, evaluation.num_resamples, seed)
    of_folds = {model.name: fold_scores(model.table, metric) for model in group}
    num_folds = len(next(iter(of_folds.values())))
    basis: Basis = "folds" if num_folds > 1 else "samples"
    training = None if group[0].folds is None else noted_training_sizes(group[0].folds)
    ratio = held_out_ratio(group[0].table, training)
    pair_folds = _pair_folds(of_folds)
    oof = next(iter(parts.values()))["oof"]
    codes = independent_units(np.asarray(oof.ids, dtype=object), units)
    return DataSetComparison(
        name=_data_name(group[0]),
        models=names,
        methods=_methods(group),
        metric=metric,
        basis=basis,
        test_to_train=ratio,
        num_samples=len(set(oof.ids)),
        num_units=None if codes is None else int(codes.max()) + 1,
        folds_hash=None if folds is None else folds.content_hash,
        scores=_scores(parts, of_folds, metric, resampling),
        folds=_fold_table(of_folds),
        pairs=_pairs(parts, pair_folds, basis, ratio, metric, 1 - config.alpha, resampling),
        pair_folds=pair_folds,
    )


def _methods(group: Sequence[NamedPredictions]) -> tuple[str, ...]:
    """Return what the models are called on other data: their full names where two share one."""
    methods = [model.method for model in group]
    return tuple(
        model.method if methods.count(model.method) == 1 else model.name for model in group
    )


def _require_same_classes(
    group: Sequence[NamedPredictions], parts: dict[str, dict[str, Part]]
) -> None:
    """Raise unless all models have the same classes, targets and, of numbers, steps."""

    def meaning(model: NamedPredictions) -> list[str]:
        return sorted(str(name) for name in model.table if str(name).startswith("p_"))

    first = group[0]
    for model in group[1:]:
        if meaning(model) != meaning(first):
            raise PredictionsError(
                f"{model.name!r} has other classes than {first.name!r}: "
                f"{', '.join(sorted(set(meaning(model)) ^ set(meaning(first))))} are columns of "
                "one of them alone."
            )
        one, other = parts[first.name]["oof"], parts[model.name]["oof"]
        if not _same_targets(one, other):
            raise PredictionsError(
                f"{model.name!r} has other targets than {first.name!r} for the same samples: the "
                "labels have changed between the two. Run the stage 'train' of both again."
            )


def _same_targets(one: Part, other: Part) -> bool:
    if isinstance(one, ClassPart) and isinstance(other, ClassPart):
        return np.array_equal(one.rows.target, other.rows.target)
    assert not isinstance(one, ClassPart)
    assert not isinstance(other, ClassPart)
    return np.array_equal(one.rows.outcomes.target, other.rows.outcomes.target)


def _scores(
    parts: dict[str, dict[str, Part]],
    of_folds: dict[str, pd.Series],
    metric: str,
    resampling: Resampling,
) -> pd.DataFrame:
    """Return one row per model: the metric with its limits, its mean over folds, other metrics."""
    records = []
    for name, of_model in parts.items():
        record: dict[str, Any] = {"model": name, "metric": metric}
        found = {part: rows.estimates(resampling) for part, rows in of_model.items()}
        for part, prefix in _PREFIX.items():
            if part in found:
                entry = found[part][metric]._asdict()
                record |= {f"{prefix}{key}": entry[key] for key in ("value", "low", "high")}
                record[f"{prefix}interval"] = entry["method"]
        values = of_folds[name].unstack("fold").to_numpy(np.float64)  # (repeats, folds)
        record |= {"fold_mean": _mean(values), "fold_std": intervals.fold_deviation(values)}
        others = NUMBER_METRICS if metric in NUMBER_METRICS else CLASS_METRICS
        record |= {other: found["oof"][other].value for other in others if other != metric}
        records.append(record)
    return pd.DataFrame(records)


def _mean(values: Array) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _fold_table(of_folds: dict[str, pd.Series]) -> pd.DataFrame:
    tables = [
        values.rename("value").reset_index().assign(model=name)
        for name, values in of_folds.items()
    ]
    return pd.concat(tables, ignore_index=True)[["model", "repeat", "fold", "value"]]


# -- pairs ----------------------------------------------------------------------------------------


def _pair_folds(of_folds: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the difference of each pair in each fold: a later model less an earlier one."""
    names = list(of_folds)
    columns = ["model", "against", "repeat", "fold", "difference"]
    tables = [
        (of_folds[model] - of_folds[against])
        .rename("difference")
        .reset_index()
        .assign(model=model, against=against)
        for i, against in enumerate(names)
        for model in names[i + 1 :]
    ]
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def _pairs(
    parts: dict[str, dict[str, Part]],
    pair_folds: pd.DataFrame,
    basis: Basis,
    ratio: float,
    metric: str,
    confidence: float,
    resampling: Resampling,
) -> pd.DataFrame:
    names = list(parts)
    if len(names) == 1:
        return pd.DataFrame(columns=["model", "against", "p_value", "p_holm", "is_significant"])
    pooled = {
        part: {
            (names[first], names[second]): test
            for first, second, test in pair_differences(
                [parts[name][part] for name in names],
                metric,
                resampling.num_resamples,
                confidence,
                numpy_generator(resampling.seed, "pairs", part),
            )
        }
        for part in parts[names[0]]
    }
    by_pair = dict(tuple(pair_folds.groupby(["against", "model"], sort=False)))
    records = []
    for against, model in pooled["oof"]:
        if basis == "folds":
            values = by_pair[against, model]["difference"].to_numpy(np.float64)
            judged = _within(corrected_resampled_t(values, ratio, confidence), metric)
        else:
            judged = pooled["oof"][against, model]
        of_parts = {part: tests[against, model] for part, tests in pooled.items()}
        decisions = _decisions(parts[model]["oof"], parts[against]["oof"])
        records.append(_pair(model, against, judged, of_parts, decisions))
    return pd.DataFrame(records)


def _within(test: PairedTest, metric: str) -> PairedTest:
    """Keep the limits of a difference of scores within what a difference can be."""
    if metric in NUMBER_METRICS:
        return test
    return test._replace(low=max(test.low, -1.0), high=min(test.high, 1.0))


def _pair(
    model: str,
    against: str,
    judged: PairedTest,
    of_parts: dict[str, PairedTest],
    decisions: DecisionTest | None,
) -> dict[str, Any]:
    """Return one row: the test that counts, the pooled differences, and McNemar's test."""
    record: dict[str, Any] = {"model": model, "against": against, **judged._asdict()}
    record |= {"p_holm": np.nan, "is_significant": False}
    for part, name in (("oof", "pooled"), ("test", "test")):
        if part in of_parts:
            found = of_parts[part]._asdict()
            wanted = ("difference", "low", "high", "p_value")
            record |= {f"{name}_{key}": found[key] for key in wanted}
    if decisions is not None:
        record |= {
            "only_model_right": decisions.num_only_first,
            "only_against_right": decisions.num_only_second,
            "mcnemar_p": decisions.p_value,
            "mcnemar_p_holm": np.nan,
            "mcnemar_method": decisions.method,
        }
    return record


def _decisions(model: Part, against: Part) -> DecisionTest | None:
    """Test the decisions of a pair; None for numbers. Repeats are averaged within a sample."""
    if not isinstance(model, ClassPart) or not isinstance(against, ClassPart):
        return None
    ids = np.unique(model.rows.ids)
    units = independent_units(ids, model.units)
    return mcnemar(model.is_right, against.is_right, units)


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
