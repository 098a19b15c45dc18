"""Nodes of the stage `evaluate`."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from foldwise.data.card import class_counts
from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks import evaluate as evaluation_task
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation
from foldwise.tasks.evaluate_regression import (
    RegressionEvaluation,
    evaluate_regression,
    forecast_curves,
    outcomes_table,
)
from foldwise.tasks.mase_scale import mase_scales
from foldwise.tasks.regression_table import is_regression


def evaluate(
    predictions: pd.DataFrame, samples: Samples, folds: Folds, config: EvaluateConfig
) -> Evaluation | RegressionEvaluation:
    """Score the predictions; samples that a split must keep together count as one draw."""
    if not is_regression(predictions):
        return evaluation_task.evaluate(predictions, folds.units, config)
    return evaluate_regression(
        predictions,
        folds.units,
        config,
        scales=mase_scales(samples.table, folds),
        samples=samples.table,
    )


def tabulate_scores(
    evaluation: Evaluation | RegressionEvaluation,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the metrics, and details, outcomes and curves as tables that are safe as CSV.

    Details are of each class, or of each step ahead.
    """
    if isinstance(evaluation, RegressionEvaluation):
        tables = evaluation.steps, outcomes_table(evaluation), forecast_curves(evaluation)
    else:
        tables = (
            evaluation.per_class,
            evaluation_task.confusion_table(evaluation),
            evaluation_task.curves_table(evaluation),
        )
    details, outcomes, curves = (csv_safe(table) for table in tables)
    return evaluation.metrics, details, outcomes, curves


def draw_scores(evaluation: Evaluation | RegressionEvaluation) -> tuple[Figure, Figure, Figure]:
    """Return outcomes (predicted against actual), curves and details as figures."""
    if isinstance(evaluation, RegressionEvaluation):
        from foldwise.tasks import regression_figures as of_numbers

        return (
            of_numbers.outcomes_figure(evaluation),
            of_numbers.curves_figure(evaluation),
            of_numbers.details_figure(evaluation),
        )
    from foldwise.tasks import evaluation_figures as of_classes

    return (
        of_classes.confusion_figure(evaluation),
        of_classes.curves_figure(evaluation),
        of_classes.per_class_figure(evaluation),
    )


def write_report(
    evaluation: Evaluation | RegressionEvaluation,
    samples: Samples,
    folds: Folds,
    network: dict[str, Any],
    baselines: str,
    config: EvaluateConfig,
) -> str:
    """Return the report as one HTML page; what the simple models beside it say comes first."""
    from foldwise.tasks.report import render_report, versions

    return render_report(
        evaluation,
        title="Evaluation report",
        verdicts=baselines.splitlines(),
        card=_card(samples),
        network=network,
        split=folds.info,
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters": {**config.flat("evaluate"), **folds.flat_parameters},
            "Versions": versions(),
        },
    )


def _card(samples: Samples) -> dict[str, Any]:
    """Return what the report tells of the samples."""
    if samples.task == "regression":
        return {
            "num_samples": len(samples),
            "modality": samples.modality,
            "shape": samples.x.shape[1:],
            "targets": ", ".join(samples.target_names),
        }
    counts = class_counts(samples)
    ratio = max(counts.values()) / max(1, min(counts.values()))
    return {
        "num_samples": len(samples),
        "imbalance_ratio": ratio,
        "shape": samples.x.shape[1:],
        "size_policy": samples.size_policy,
        "classes": counts,
    }
