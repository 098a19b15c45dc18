"""The models of one data set: their scores, and how each pair differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.training_sizes import noted_training_sizes
from foldwise.metrics.estimates import Resampling
from foldwise.metrics.fold_intervals import fold_deviation, fold_mean
from foldwise.seeds import derive_seed
from foldwise.tasks.compare_models_config import CompareConfig
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.model_pairs import Basis, fold_differences, pair_tests
from foldwise.tasks.named_predictions import NamedPredictions
from foldwise.tasks.paired_scores import (
    CLASS_METRICS,
    NUMBER_METRICS,
    ClassPart,
    Part,
    fold_scores,
    parts_of,
)
from foldwise.tasks.predictions_table import PredictionsError

_PREFIX = {"oof": "", "test": "test_"}


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
    pairs: pd.DataFrame  # one row per pair: `model` less `against`; see `pair_tests`
    pair_folds: pd.DataFrame  # model, against, repeat, fold, difference

    @property
    def best(self) -> str:
        """The model with the best out-of-fold score, the first of equal ones."""
        values = self.scores.set_index("model")["value"].astype("float64")
        return str(values.idxmin() if self.metric in LOWER_IS_BETTER else values.idxmax())


def compare_data_set(
    group: Sequence[NamedPredictions],
    metric: str,
    config: CompareConfig,
    evaluation: EvaluateConfig,
    position: int,
) -> DataSetComparison:
    """Score models that predict the same data, and test the differences of all pairs.

    Args:
        group: The models, the reference first.
        metric: That is compared.
        config: The level.
        evaluation: Confidence, resamples and seed.
        position: Of the data set among all of them; it has draws of its own.

    Raises:
        PredictionsError: The models have other classes or targets.
    """
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
    pair_folds = fold_differences(of_folds)
    oof = next(iter(parts.values()))["oof"]
    codes = independent_units(np.asarray(oof.ids, dtype=object), units)
    return DataSetComparison(
        name=group[0].data_name,
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
        pairs=pair_tests(parts, pair_folds, basis, ratio, metric, 1 - config.alpha, resampling),
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
        record |= {"fold_mean": fold_mean(values), "fold_std": fold_deviation(values)}
        others = NUMBER_METRICS if metric in NUMBER_METRICS else CLASS_METRICS
        record |= {other: found["oof"][other].value for other in others if other != metric}
        records.append(record)
    return pd.DataFrame(records)


def _fold_table(of_folds: dict[str, pd.Series]) -> pd.DataFrame:
    tables = [
        values.rename("value").reset_index().assign(model=name)
        for name, values in of_folds.items()
    ]
    return pd.concat(tables, ignore_index=True)[["model", "repeat", "fold", "value"]]
