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


def evaluate(predictions: pd.DataFrame, folds: Folds, config: EvaluateConfig) -> Evaluation:
    """Score the predictions; samples that a split must keep together count as one draw."""
    return evaluation_task.evaluate(predictions, folds.units, config)


def tabulate_scores(
    evaluation: Evaluation,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the metrics, and details, outcomes and curves as tables that are safe as CSV."""
    tables = (
        evaluation.per_class,
        evaluation_task.confusion_table(evaluation),
        evaluation_task.curves_table(evaluation),
    )
    details, outcomes, curves = (csv_safe(table) for table in tables)
    return evaluation.metrics, details, outcomes, curves


def draw_scores(evaluation: Evaluation) -> tuple[Figure, Figure, Figure]:
    """Return outcomes (the confusion matrix), curves and details (of each class) as figures."""
    from foldwise.tasks import evaluation_figures as figures

    return (
        figures.confusion_figure(evaluation),
        figures.curves_figure(evaluation),
        figures.per_class_figure(evaluation),
    )


def write_report(
    evaluation: Evaluation,
    samples: Samples,
    folds: Folds,
    network: dict[str, Any],
    config: EvaluateConfig,
) -> str:
    """Return the report as one HTML page."""
    from foldwise.tasks.report import render_report, versions

    counts = class_counts(samples)
    return render_report(
        evaluation,
        title="Evaluation report",
        card={
            "num_samples": len(samples),
            "imbalance_ratio": max(counts.values()) / max(1, min(counts.values())),
            "shape": samples.x.shape[1:],
            "size_policy": samples.size_policy,
            "classes": counts,
        },
        network=network,
        split=folds.info,
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters": {**config.flat("evaluate"), **folds.flat_parameters},
            "Versions": versions(),
        },
    )
