"""The score against the number of training samples: what more data would bring.

F: fractions, K: folds (of all repeats).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.metrics.classification import Array
from foldwise.metrics.estimates import Resampling
from foldwise.metrics.fold_intervals import fold_deviation
from foldwise.metrics.paired_tests import PairedTest, corrected_resampled_t
from foldwise.metrics.power_law import Forecast, PowerLaw, fit_power_law, forecast
from foldwise.seeds import derive_seed
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.fit_verdict import FitVerdict
from foldwise.tasks.json_number import json_number
from foldwise.tasks.learning_curve_config import LearningCurveConfig
from foldwise.tasks.metric_choice import LOWER_IS_BETTER, chosen_metric
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.paired_scores import fold_scores, parts_of
from foldwise.tasks.regression_table import is_regression

_TWICE = 2.0
# In units of the trivial error: of classes 1, of numbers that of their mean or median.
_LARGE_GAP = 0.05
_LARGE_ERROR = 0.10


@dataclass(frozen=True)
class LearningCurve:
    """Scores by the number of training samples, the law behind them, and what it says."""

    metric: str
    confidence: float
    budget: str
    # One row per fraction: fraction, num_training, value, low, high, interval, fold_mean,
    # fold_std, train_mean, train_std
    table: pd.DataFrame
    folds: pd.DataFrame  # fraction, repeat, fold, num_training, value, train_value
    law: PowerLaw | None  # of the error: 1 - score of classes
    twice: Forecast | None
    gap: PairedTest  # held-out error less training error, on all samples
    verdict: FitVerdict
    sentences: tuple[str, ...]

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.metric in LOWER_IS_BETTER

    def score(self, error: float | Array) -> Array:
        """Return the score of an error, which of numbers is the same."""
        return np.asarray(error if self.lower_is_better else 1 - np.asarray(error))


def learning_curve(
    predictions: pd.DataFrame,
    folds: Folds,
    evaluation: EvaluateConfig,
    config: LearningCurveConfig,
) -> LearningCurve:
    """Score the held-out and the training part of each fraction and fit a power law.

    Intervals of scores are over independent samples, as those of an evaluation; the law is fitted
    to the means over the folds, and its limits come from leaving each fold out.

    Args:
        predictions: As `predict_fractions` returns them.
        folds: Their units are drawn together.
        evaluation: Confidence, resamples and seed.
        config: The metric.

    Raises:
        MetricError: The metric is not one of such predictions.
        PredictionsError: The table is wrong.
    """
    metric = chosen_metric(
        config.metric, "learning_curve.metric", of_numbers=is_regression(predictions)
    )
    of_folds = _fold_table(predictions, metric)
    table = _table(predictions, of_folds, folds, evaluation, metric)
    sizes = table["num_training"].to_numpy(np.float64)
    errors = _errors(of_folds, "value", metric)
    law = fit_power_law(sizes, errors.mean(axis=1))
    twice = None
    if law is not None:
        twice = forecast(law, sizes, errors, _TWICE, evaluation.confidence)
    gaps = (errors - _errors(of_folds, "train_value", metric))[-1]
    gap = corrected_resampled_t(gaps, 0.0, evaluation.confidence)
    trivial = _trivial_error(predictions, metric)
    verdict = _verdict(gap, float(errors[-1].mean()), trivial)
    found = LearningCurve(
        metric, evaluation.confidence, config.budget, table, of_folds, law, twice, gap, verdict, ()
    )
    sentences = (*_more_data(found), *_fitting(found))
    return replace(found, sentences=sentences)


def curve_json(curve: LearningCurve) -> dict[str, Any]:
    """Return the curve as JSON; `value` gives its parent's name in MLflow."""
    points = {
        f"fraction_{row['fraction']:g}": {
            "num_training": row["num_training"],
            "oof": {
                curve.metric: {
                    **{key: json_number(row[key]) for key in ("value", "low", "high")},
                    "method": row["interval"],
                    "fold_mean": json_number(row["fold_mean"]),
                    "fold_std": json_number(row["fold_std"]),
                }
            },
            "train": {curve.metric: {"value": json_number(row["train_mean"])}},
        }
        for row in curve.table.to_dict("records")
    }
    law = curve.law and {key: json_number(value) for key, value in curve.law._asdict().items()}
    twice = curve.twice and {
        key: json_number(value) for key, value in curve.twice._asdict().items()
    }
    gap = curve.gap._asdict()
    return {
        "info": {
            "metric": curve.metric,
            "intervals": f"{curve.confidence:.0%}",
            "budget": curve.budget,
            "verdict": curve.verdict,
            "sentences": list(curve.sentences),
        },
        "learning_curve": points,
        "power_law": law,
        "twice_the_data": twice,
        "gap": {"value": json_number(gap["difference"])}
        | {key: json_number(gap[key]) for key in ("low", "high", "p_value")},
    }


# -- tables ---------------------------------------------------------------------------------------


def _fold_table(predictions: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the scores of each fraction and fold, held out and on what it was fitted on."""
    tables = []
    for fraction, rows in predictions.groupby("fraction", sort=True):
        keys = ["repeat", "fold"]
        table = pd.DataFrame({"num_training": rows.groupby(keys)["num_training"].first()})
        table["value"] = fold_scores(rows, metric)
        trained = rows[rows["part"] == "train"].assign(part="oof")
        table["train_value"] = fold_scores(trained, metric)
        tables.append(table.reset_index().assign(fraction=fraction))
    columns = ["fraction", "repeat", "fold", "num_training", "value", "train_value"]
    return pd.concat(tables, ignore_index=True)[columns]


def _table(
    predictions: pd.DataFrame,
    of_folds: pd.DataFrame,
    folds: Folds,
    evaluation: EvaluateConfig,
    metric: str,
) -> pd.DataFrame:
    seed = derive_seed(evaluation.seed, "learning_curve")
    resampling = Resampling(evaluation.confidence, evaluation.num_resamples, seed)
    oof = predictions[predictions["part"] == "oof"].drop(columns="num_training")
    records = []
    for fraction, own in of_folds.groupby("fraction", sort=True):
        rows = oof[oof["fraction"] == fraction].drop(columns="fraction").reset_index(drop=True)
        found = parts_of(rows, folds.units)["oof"].estimates(resampling)[metric]
        records.append(
            {
                "fraction": fraction,
                "num_training": float(own["num_training"].mean()),
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "interval": found.method,
                "fold_mean": own["value"].mean(),
                "fold_std": _deviation(own, "value"),
                "train_mean": own["train_value"].mean(),
                "train_std": _deviation(own, "train_value"),
            }
        )
    return pd.DataFrame(records)


def _deviation(of_folds: pd.DataFrame, column: str) -> float:
    values = of_folds.pivot(index="repeat", columns="fold", values=column)
    return fold_deviation(values.to_numpy(np.float64))


def _errors(of_folds: pd.DataFrame, column: str, metric: str) -> Array:
    """Return the errors of each fraction and fold, (F, K)."""
    values = of_folds.pivot(index="fraction", columns=["repeat", "fold"], values=column)
    found = values.sort_index().to_numpy(np.float64)
    return found if metric in LOWER_IS_BETTER else 1 - found


def _trivial_error(predictions: pd.DataFrame, metric: str) -> float:
    """Return the error of who knows no input: 1 of classes; of numbers, of their centre."""
    if metric not in LOWER_IS_BETTER:
        return 1.0
    target = predictions.loc[predictions["part"] == "oof", "target"].to_numpy(np.float64)
    if metric == "rmse":
        return float(target.std())
    return float(np.abs(target - np.median(target)).mean())


# -- words ----------------------------------------------------------------------------------------


def _verdict(gap: PairedTest, error: float, trivial: float) -> FitVerdict:
    """Judge by the gap between training and held-out error, on all samples.

    - overfitting: the gap is more than 5 % of the trivial error, and its interval above 0. Of one
      fold, which has no interval, the size alone decides.
    - unknown: it is that large, but may be chance; or a score is undefined.
    - underfitting: the gap is smaller, but the held-out error is more than 10 % of the trivial
      one: what was trained on is not fitted much better.
    """
    if not np.isfinite(gap.difference) or trivial <= 0:
        return "unknown"
    is_large = gap.difference > _LARGE_GAP * trivial
    if is_large:
        return "unknown" if gap.low <= 0 else "overfitting"
    if error > _LARGE_ERROR * trivial:
        return "underfitting"
    return "fine"


def _more_data(curve: LearningCurve) -> Iterator[str]:
    """Say what twice the data would bring."""
    label, rows = metric_label(curve.metric), curve.table
    first, last = rows.iloc[0], rows.iloc[-1]
    yield (
        f"From {first['num_training']:.0f} to {last['num_training']:.0f} training samples the "
        f"{label} goes from {first['fold_mean']:.4g} to {last['fold_mean']:.4g} (means over the "
        "folds)."
    )
    if curve.law is None or curve.twice is None:
        yield (
            f"No power law is fitted to {len(rows)} fractions: at least 3 are needed, and a score "
            "in every fold."
        )
        return
    law, twice = curve.law, curve.twice
    now, then = curve.score(law.at(law.largest)), curve.score(twice.error)
    limits = " (without limits: three folds are needed)"
    if np.isfinite(twice.gain_low):
        limits = f" ({twice.gain_low:.3g} to {twice.gain_high:.3g})"
    verb = "lower" if curve.lower_is_better else "raise"
    at_zero = twice.gain_low <= 0 or twice.gain <= 0
    hedge = ", which may be nothing" if at_zero else ""
    yield (
        f"Twice the data ({twice.size:.0f} training samples) would {verb} the {label} by about "
        f"{twice.gain:.3g}{limits}, from {float(now):.4g} to {float(then):.4g}{hedge}, if the "
        f"power law n^-{law.exponent:.2g} goes on as it has begun."
    )
    if law.floor > 0:
        floor = float(curve.score(law.floor))
        yield f"By this law no number of samples would bring it beyond {floor:.4g}."


def _fitting(curve: LearningCurve) -> Iterator[str]:
    """Say whether it over- or underfits, with the scores on training and held-out samples."""
    label, last, gap = metric_label(curve.metric), curve.table.iloc[-1], curve.gap
    limits = ""
    if np.isfinite(gap.low):
        limits = f" ({gap.low:.3g} to {gap.high:.3g})"
    scores = (
        f"on all training samples the {label} is {last['train_mean']:.4g} on what was trained on "
        f"and {last['fold_mean']:.4g} on what was held out, a gap of {gap.difference:.3g}{limits}"
    )
    if curve.verdict == "overfitting":
        yield (
            f"Overfitting: {scores}. More data, stronger regularisation or augmentation can "
            "narrow it."
        )
    elif curve.verdict == "underfitting":
        yield (
            f"Underfitting: {scores}. A larger network, longer training or better inputs would "
            "help more than data."
        )
    elif curve.verdict == "fine":
        yield f"Neither over- nor underfitting: {scores}."
    elif np.isfinite(gap.difference):
        yield f"Over- or underfitting cannot be told: {scores}, which may be chance."
    else:
        yield "Over- or underfitting cannot be told: a score is undefined."
