"""From the predictions table of a regression or a forecast to scores with intervals.

Only the table is read, so any model, ours or not, can be scored by writing one; what more there
is to know of the samples (their moments) is told beside it. S: samples, H: steps ahead.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.estimates import few_units_warning
from foldwise.metrics.regression import quantile_pairs
from foldwise.metrics.regression_intervals import (
    RegressionEstimates,
    estimate,
    fold_limits,
    point_metrics,
)
from foldwise.seeds import derive_seed
from foldwise.tasks.evaluate import EvaluateConfig, json_entry
from foldwise.tasks.fold_spread import fold_spread, single_models, undefined_mean_notes
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.regression_table import (
    RegressionColumns,
    RegressionRows,
    Scales,
    check_regression_predictions,
    ensemble,
    pooled,
    regression_rows,
)

_CURVE_POINTS = 200


@dataclass(frozen=True)
class RegressionScores:
    """The scores of the out-of-fold predictions or of the held-out part."""

    rows: RegressionRows  # pooled over the folds, or averaged over the models
    estimates: RegressionEstimates
    models: pd.DataFrame  # repeat, fold, num_samples, metrics of each model alone


@dataclass(frozen=True)
class RegressionEvaluation:
    """The scores of one predictions table of numbers."""

    columns: RegressionColumns
    parts: dict[str, RegressionScores]  # oof, and test if there is a held-out part
    metrics: dict[str, Any]  # JSON: part -> metric -> value, low, high, method, ...
    steps: pd.DataFrame  # one row per part and step ahead
    forecast: pd.DataFrame | None  # of the last fold, by time; None: the samples have none
    notes: tuple[str, ...]  # what the reader of the figures has to know
    config: EvaluateConfig


def evaluate_regression(
    predictions: pd.DataFrame,
    groups: pd.Series | None,
    config: EvaluateConfig,
    *,
    scales: Scales | None = None,
    samples: pd.DataFrame | None = None,
) -> RegressionEvaluation:
    """Score a predictions table of numbers; the order of its rows does not matter.

    Out-of-fold predictions are pooled and, beside that, scored fold by fold. For the held-out
    part the predictions and the quantiles of the fold models are averaged per sample (an
    ensemble) and, beside that, each model is scored alone.

    Args:
        predictions: Columns `sample_id, repeat, fold, part, step, target, prediction` and one
            `q_<level>` per quantile, in the units of the targets.
        groups: What was not drawn independently, by sample id; a missing value stands alone.
        config: Confidence, resamples and seed; `positive_class` and `beta` have no meaning here.
        scales: Of MASE by (repeat, fold); None leaves MASE out.
        samples: `sample_id`, `time`, perhaps `time_end` and `series`, to show forecasts by time.

    Raises:
        PredictionsError: It names the column and the row.
    """
    columns = check_regression_predictions(predictions)
    rows = {"oof": pooled(predictions, columns, scales)}
    if (predictions["part"] == "test").any():
        rows["test"] = ensemble(predictions, columns, scales)
    parts = {}
    for part, scored in rows.items():
        seed = derive_seed(config.seed, "evaluate", part)
        units = independent_units(scored.ids, groups)
        found = estimate(scored.outcomes, units, config.resampling(seed))
        members = predictions[predictions["part"] == part]
        parts[part] = RegressionScores(scored, found, _models(members, columns, scales))
    notes = _notes(parts, columns)
    return RegressionEvaluation(
        columns=columns,
        parts=parts,
        metrics=_metrics(parts, columns, notes, config),
        steps=_steps(parts),
        forecast=_forecast(predictions, samples),
        notes=tuple(notes),
        config=config,
    )


def outcomes_table(evaluation: RegressionEvaluation) -> pd.DataFrame:
    """Return one row per out-of-fold prediction: `actual` and `predicted` value, and the step."""
    outcomes = evaluation.parts["oof"].rows.outcomes
    steps = np.tile(np.arange(1, evaluation.columns.num_steps + 1), len(outcomes.target))
    return pd.DataFrame(
        {
            "actual": outcomes.target.ravel(),
            "predicted": outcomes.prediction.ravel(),
            "step": steps,
        }
    )


def forecast_curves(evaluation: RegressionEvaluation) -> pd.DataFrame:
    """Return the forecasts of the last fold by time; without a time, points of two curves.

    These have the columns `curve, x, y`: of `errors` x is a share of the out-of-fold predictions
    and y the size that so many errors do not exceed; of `calibration` x is the level of a
    quantile and y the share of targets that do not exceed it.
    """
    if evaluation.forecast is not None:
        return evaluation.forecast
    outcomes = evaluation.parts["oof"].rows.outcomes
    sizes = np.abs(outcomes.prediction - outcomes.target).ravel()
    shares = np.linspace(0, 1, min(_CURVE_POINTS, len(sizes)))
    curves = [pd.DataFrame({"curve": "errors", "x": shares, "y": np.quantile(sizes, shares)})]
    if len(outcomes.levels):
        observed = calibration(outcomes.target, outcomes.quantiles)
        points = {"curve": "calibration", "x": outcomes.levels, "y": observed}
        curves.append(pd.DataFrame(points))
    return pd.concat(curves, ignore_index=True)


def calibration(target: Array, quantiles: Array) -> Array:
    """Return the share of targets (S, H) that do not exceed each quantile (S, H, Q), (Q,)."""
    return np.asarray((target[..., None] <= quantiles).mean(axis=(0, 1)))


def _models(rows: pd.DataFrame, columns: RegressionColumns, scales: Scales | None) -> pd.DataFrame:
    """Score each model by itself, sorted by repeat and fold."""
    records = []
    for (repeat, fold), members in rows.groupby(["repeat", "fold"], sort=True):
        ids, outcomes = regression_rows(
            members.sort_values(["sample_id", "step"]), columns, scales
        )
        head = {"repeat": repeat, "fold": fold, "num_samples": len(ids)}
        records.append(head | point_metrics(outcomes))
    return pd.DataFrame(records)


def _forecast(predictions: pd.DataFrame, samples: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the forecasts of the last fold for the series that it holds most of, by time."""
    if samples is None or "time" not in samples:
        return None
    oof = predictions[(predictions["part"] == "oof") & (predictions["repeat"] == 0)]
    rows = oof[oof["fold"] == oof["fold"].max()].drop(columns=["repeat", "part"])
    known = samples.set_index("sample_id").loc[rows["sample_id"]]
    moment = "time_end" if "time_end" in known else "time"
    rows = rows.assign(time=known[moment].to_numpy())
    if "series" in known:
        series = known["series"].to_numpy(dtype=object)
        sizes = pd.Series(series).value_counts()
        if len(sizes):
            longest = min(sizes.index[sizes == sizes.max()])
            rows = rows.assign(series=series)[series == longest]
    rows = rows.dropna(subset="time").sort_values(["time", "sample_id", "step"])
    head = [name for name in ("series", "fold", "time", "sample_id", "step") if name in rows]
    return rows[[*head, *rows.columns.drop(head)]].reset_index(drop=True) if len(rows) else None


# -- tables and JSON ------------------------------------------------------------------------------


def _metrics(
    parts: dict[str, RegressionScores],
    columns: RegressionColumns,
    notes: list[str],
    config: EvaluateConfig,
) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "info": {
            "intervals": f"{config.confidence:.0%}",
            "proportion_interval": config.proportion_interval,
            "quantiles": list(columns.levels),
            "notes": notes,
        }
    }
    for part, scores in parts.items():
        num_samples = len(np.unique(scores.rows.ids))
        metrics[part] = {"num_samples": num_samples}
        if scores.estimates.num_units is not None:
            metrics[part]["num_independent_units"] = scores.estimates.num_units
        for name, found in scores.estimates.pooled.items():
            spread = (
                fold_spread(
                    scores.models, name, config.confidence, partial(fold_limits, metric=name)
                )
                if part == "oof"
                else single_models(scores.models, name)
            )
            metrics[part][name] = json_entry(found) | spread
    return metrics


def _steps(parts: dict[str, RegressionScores]) -> pd.DataFrame:
    records = []
    for part, scores in parts.items():
        for step, estimates in enumerate(scores.estimates.steps, start=1):
            record: dict[str, Any] = {
                "part": part,
                "step": step,
                "num_samples": len(np.unique(scores.rows.ids)),
            }
            for metric, (value, low, high, method) in estimates.items():
                record |= {metric: value, f"{metric}_low": low, f"{metric}_high": high}
                record[f"{metric}_method"] = method
            records.append(record)
    return pd.DataFrame(records)


def _notes(parts: dict[str, RegressionScores], columns: RegressionColumns) -> list[str]:
    """Say what is undefined and why, and what is not to be trusted."""
    notes = []
    for part, scores in parts.items():
        where = PARTS[part].capitalize()
        notes += [f"{where}: {note}" for note in _undefined(scores)]
        notes += [f"{where}: {note}" for note in _coverage_notes(scores, columns)]
        warning = few_units_warning(scores.estimates.num_units)
        if warning:
            notes.append(f"{where}: {warning}")
            warnings.warn(f"{where}: {warning}", stacklevel=3)
    return notes + undefined_mean_notes(parts["oof"].models)


def _undefined(scores: RegressionScores) -> list[str]:
    target = scores.rows.outcomes.target
    reasons = {
        "mape": f"{int((target == 0).sum())} of {target.size} targets are 0; see symmetric MAPE",
        "r2": "all targets are equal",
        "mase": "the naive forecast made no error in training, or there was none to compare with",
    }
    found = scores.estimates.pooled
    return [
        f"{metric_label(name)} is undefined: {reason}."
        for name, reason in reasons.items()
        if name in found and not np.isfinite(found[name].value)
    ]


def _coverage_notes(scores: RegressionScores, columns: RegressionColumns) -> list[str]:
    """Say which intervals hold too few or too many of the targets to be what they are called."""
    notes = []
    for pair in quantile_pairs(columns.levels):
        found = scores.estimates.pooled[f"coverage_{pair.percent}"]
        nominal = float(pair.percent) / 100
        if not found.low <= nominal <= found.high:
            side = "narrow" if found.value < nominal else "wide"
            notes.append(
                f"the {pair.percent} % intervals are too {side}: they hold {found.value:.1%} of "
                f"the targets ({found.low:.1%} to {found.high:.1%})."
            )
    return notes
