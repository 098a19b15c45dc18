"""From the predictions table to scores with intervals.

Only the table is read, so any model, ours or not, can be scored by writing one.
K: classes, S: samples, M: models (one per fold and repeat).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from foldwise.config import Config
from foldwise.metrics.classification import Array, Codes, Mask, curve
from foldwise.metrics.estimates import (
    Estimate,
    Estimates,
    Resampling,
    estimate,
    few_units_warning,
    metric_bounds,
    point_metrics,
)
from foldwise.metrics.fold_intervals import fold_interval
from foldwise.metrics.intervals import ProportionMethod
from foldwise.seeds import derive_seed
from foldwise.tasks.calibration_config import CalibrationConfig
from foldwise.tasks.fold_spread import fold_spread, single_models, undefined_mean_notes
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.json_number import json_number
from foldwise.tasks.mistakes_config import MistakesConfig
from foldwise.tasks.operating_point_config import Costs, OperatingPointConfig
from foldwise.tasks.predictions_table import (
    PARTS,
    PredictionsError,
    Scored,
    check_predictions,
    ensemble,
    pooled,
    scored_rows,
    shown_names,
)
from foldwise.tasks.slices_config import SlicesConfig

_CURVE_POINTS = 200  # per class
_MAX_CURVES = 100  # classes with curves; of more, those that are ranked worst
_MAX_NAMES = 10  # classes that a note names


class EvaluateConfig(Config):
    """How predictions are scored."""

    confidence: float = Field(0.95, ge=0.5, lt=1)  # of every interval
    num_resamples: int = Field(2000, ge=100, le=100_000)  # of the bootstrap
    proportion_interval: ProportionMethod = "wilson"  # of recall, precision, accuracy, ...
    beta: float = Field(2.0, gt=0, le=100)  # of F-beta: a miss counts beta^2 times a false alarm
    positive_class: str | None = None  # of a task with two classes; the rarer one by default
    calibration: CalibrationConfig = CalibrationConfig()
    operating_point: OperatingPointConfig | None = None  # the threshold that is wanted
    costs: Costs | None = None  # of wrong decisions: "actual>decided" or actual -> decided
    slices: SlicesConfig = SlicesConfig()
    mistakes: MistakesConfig = MistakesConfig()
    seed: int = Field(0, ge=0)

    def resampling(self, seed: int) -> Resampling:
        """Return how intervals are made, with a seed derived from that of the parameters."""
        return Resampling(self.confidence, self.num_resamples, seed, self.proportion_interval)


@dataclass(frozen=True)
class PartScores:
    """The scores of the out-of-fold predictions or of the held-out part."""

    rows: Scored  # pooled over the folds, or averaged over the models
    estimates: Estimates
    models: pd.DataFrame  # repeat, fold, num_samples, num_classes, metrics of each model alone


@dataclass(frozen=True)
class Evaluation:
    """The scores of one predictions table."""

    classes: tuple[str, ...]
    positive: int | None  # code of the positive class of a binary task
    parts: dict[str, PartScores]  # oof, and test if there is a held-out part
    metrics: dict[str, Any]  # JSON: part -> metric -> value, low, high, method, ...
    per_class: pd.DataFrame  # one row per part and class
    notes: tuple[str, ...]  # what the reader of the figures has to know
    config: EvaluateConfig


def evaluate(
    predictions: pd.DataFrame, groups: pd.Series | None, config: EvaluateConfig
) -> Evaluation:
    """Score a predictions table; the order of its rows does not matter.

    Out-of-fold predictions are pooled and, beside that, scored fold by fold. For the held-out
    part the probabilities of the fold models are averaged per sample (an ensemble) and, beside
    that, each model is scored alone.

    Args:
        predictions: Columns `sample_id, repeat, fold, part, target` and one `p_<class>` per class.
        groups: What was not drawn independently, by sample id; a missing value stands alone.
        config: Confidence, resamples, positive class and seed.

    Raises:
        PredictionsError: It names the column and the row.
    """
    classes = check_predictions(predictions)
    rows = {"oof": pooled(predictions, classes)}
    if (predictions["part"] == "test").any():
        rows["test"] = ensemble(predictions, classes)
    positive, notes = _positive_class(rows["oof"].target, classes, config.positive_class)
    parts = {}
    for part, scored in rows.items():
        seed = derive_seed(config.seed, "evaluate", part)
        units = independent_units(scored.ids, groups)
        found = estimate(
            scored.target, scored.probabilities, units, config.resampling(seed), beta=config.beta
        )
        members = predictions[predictions["part"] == part]
        parts[part] = PartScores(scored, found, _models(members, classes, positive, config.beta))
    notes += _notes(parts, classes)
    return Evaluation(
        classes=classes,
        positive=positive,
        parts=parts,
        metrics=_metrics(parts, classes, positive, notes, config),
        per_class=_per_class(parts, classes),
        notes=tuple(notes),
        config=config,
    )


def confusion_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return one row per out-of-fold prediction: `actual` and `predicted` class."""
    rows = evaluation.parts["oof"].rows
    names = np.array(evaluation.classes, dtype=object)
    predicted = rows.probabilities.argmax(axis=1)
    return pd.DataFrame({"actual": names[rows.target], "predicted": names[predicted]})


def curves_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return the points of the out-of-fold ROC and precision-recall curves of each class.

    Of more than a hundred classes it is those with the lowest average precision.
    """
    rows = evaluation.parts["oof"].rows
    columns = ["class", "threshold", "false_positive_rate", "recall", "precision"]
    tables = []
    ranked = evaluation.parts["oof"].estimates.classes["average_precision"]
    worst = np.argsort([found.value for found in ranked], kind="stable")  # NaN last
    for code in np.sort(worst[:_MAX_CURVES]):
        points = curve(rows.target == code, rows.probabilities[:, code], _CURVE_POINTS)
        if points is not None:
            curves = {"class": evaluation.classes[code], **points._asdict()}
            tables.append(pd.DataFrame(curves)[columns])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _positive_class(
    target: Codes, classes: Sequence[str], wanted: str | None
) -> tuple[int | None, list[str]]:
    """Return the code of the positive class of a binary task, and what to tell of the choice.

    Raises:
        PredictionsError: The name is unknown, or there are more than two classes.
    """
    allowed = shown_names(classes)
    if wanted is not None and wanted not in classes:
        raise PredictionsError(
            f"evaluate.positive_class is {wanted!r}, but the classes are {allowed}."
        )
    if len(classes) > 2:
        if wanted is not None:
            raise PredictionsError(
                f"evaluate.positive_class is {wanted!r}, but it is meant for two classes and "
                f"there are {len(classes)}. Use evaluate.positive_class=null."
            )
        return None, []
    if wanted is not None:
        return classes.index(wanted), [f"The positive class is {wanted!r}, as configured."]
    counts = np.bincount(target, minlength=2)
    code = int(counts[1] <= counts[0])
    return code, [
        f"The positive class is {classes[code]!r}, the rarer one ({counts[code]} of "
        f"{counts.sum()}), because evaluate.positive_class names none."
    ]


def _models(
    rows: pd.DataFrame, classes: Sequence[str], positive: int | None, beta: float
) -> pd.DataFrame:
    """Score each model by itself, sorted by repeat and fold."""
    records = []
    for (repeat, fold), members in rows.groupby(["repeat", "fold"], sort=True):
        # Sorted, as the last digits of a mean depend on the order.
        scored = scored_rows(members.sort_values("sample_id"), classes)
        metrics, per_class = point_metrics(scored.target, scored.probabilities, beta=beta)
        if positive is not None:
            metrics |= {name: float(values[positive]) for name, values in per_class.items()}
        head = {"repeat": repeat, "fold": fold, "num_samples": len(members)}
        head["num_classes"] = len(np.unique(scored.target))
        records.append(head | metrics)
    return pd.DataFrame(records)


# -- tables and JSON ------------------------------------------------------------------------------


def _metrics(
    parts: dict[str, PartScores],
    classes: Sequence[str],
    positive: int | None,
    notes: list[str],
    config: EvaluateConfig,
) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "info": {
            "intervals": f"{config.confidence:.0%}",
            "proportion_interval": config.proportion_interval,
            "positive_class": None if positive is None else classes[positive],
            "notes": notes,
        }
    }
    for part, scores in parts.items():
        estimates = scores.estimates
        named: dict[str, Estimate] = {}
        if positive is not None:
            named = {name: values[positive] for name, values in estimates.classes.items()}
        named |= estimates.averages
        metrics[part] = {"num_samples": len(np.unique(scores.rows.ids))}
        if estimates.num_units is not None:
            metrics[part]["num_independent_units"] = estimates.num_units
        for name, found in named.items():
            within = partial(fold_interval, bounds=metric_bounds(name, len(classes)))
            spread = (
                fold_spread(scores.models, name, config.confidence, within)
                if part == "oof"
                else single_models(scores.models, name)
            )
            metrics[part][name] = json_entry(found) | spread
    return metrics


def json_entry(found: Estimate) -> dict[str, Any]:
    """Return a metric with its interval; None where undefined."""
    numbers = {name: json_number(getattr(found, name)) for name in ("value", "low", "high")}
    return {**numbers, "method": found.method}


def _per_class(parts: dict[str, PartScores], classes: Sequence[str]) -> pd.DataFrame:
    tables = []
    for part, scores in parts.items():
        rows, estimates = scores.rows, scores.estimates
        first = ~pd.Series(rows.ids).duplicated().to_numpy()
        columns: dict[str, Any] = {
            "part": part,
            "class": list(classes),
            "support": np.bincount(rows.target[first], minlength=len(classes)),
            "predicted": estimates.counts.margins()[2].astype(np.int64),
        }
        for metric, found in estimates.classes.items():
            names = (metric, f"{metric}_low", f"{metric}_high", f"{metric}_method")
            columns |= dict(zip(names, zip(*found, strict=True), strict=True))
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _notes(parts: dict[str, PartScores], classes: Sequence[str]) -> list[str]:
    """Say what is undefined and why, and what is not to be trusted."""
    notes = []
    for part, scores in parts.items():
        where = PARTS[part].capitalize()
        _, targets, predictions = scores.estimates.counts.margins()
        absent, unpredicted = targets == 0, predictions == 0
        if absent.any():
            notes.append(f"{where}: no sample of {_list(classes, absent)}; not in the averages.")
        if (unpredicted & ~absent).any():
            notes.append(
                f"{where}: never predicted: {_list(classes, unpredicted & ~absent)}; precision "
                "there and the averages of precision are undefined."
            )
        notes += [f"{where}: {note}" for note in _single_class_notes(targets, predictions)]
        warning = few_units_warning(scores.estimates.num_units)
        if warning:
            notes.append(f"{where}: {warning}")
            warnings.warn(f"{where}: {warning}", stacklevel=3)
    oof = parts["oof"]
    return notes + _fold_notes(oof.models, len(np.unique(oof.rows.target)))


def _single_class_notes(targets: Array, predictions: Array) -> list[str]:
    """Say what has no meaning where all targets, or all predictions, are of one class."""
    notes = []
    if (targets > 0).sum() == 1:
        notes.append(
            "all targets are of one class; specificity, ROC AUC and Matthews correlation are "
            "undefined, and nothing is known of telling classes apart."
        )
    if (predictions > 0).sum() == 1:
        notes.append(
            "all predictions are of one class; its NPV, the averages of NPV and Matthews "
            "correlation are undefined."
        )
    return notes


def _fold_notes(models: pd.DataFrame, num_classes: int) -> list[str]:
    notes = []
    lacking = int((models["num_classes"] < num_classes).sum())
    if lacking:
        notes.append(
            f"In {lacking} of {len(models)} folds a class has no sample; the averages of such a "
            "fold leave the class out."
        )
    return notes + undefined_mean_notes(models)


def _list(classes: Sequence[str], chosen: Mask) -> str:
    return shown_names([classes[int(code)] for code in np.flatnonzero(chosen)], _MAX_NAMES)
