"""Nodes of the stage `evaluate`."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks import evaluate as evaluation_task
from foldwise.tasks.calibration import Calibration
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation
from foldwise.tasks.evaluate_regression import (
    RegressionEvaluation,
    evaluate_regression,
    forecast_curves,
    outcomes_table,
)
from foldwise.tasks.mase_scale import mase_scales
from foldwise.tasks.mistakes import Mistakes
from foldwise.tasks.regression_table import is_regression
from foldwise.tasks.slices import Slices
from foldwise.tasks.training_curves import TrainingCurves


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
    data_card: dict[str, Any],
    audit_record: dict[str, Any],
    training_curves: TrainingCurves,
    calibration: Calibration,
    slices: Slices,
    mistakes: Mistakes,
    explanations: dict[str, Any],
    run_facts: dict[str, dict[str, Any]],
) -> str:
    """Return the report as one HTML page: the verdict first, then all that it rests on."""
    from foldwise.tasks.calibration_section import calibration_section
    from foldwise.tasks.explain.section import explanations_section
    from foldwise.tasks.mistakes_section import mistakes_section
    from foldwise.tasks.report import render_report, versions
    from foldwise.tasks.report_risks import (
        calibration_risks,
        label_risks,
        slice_risks,
        training_risks,
    )
    from foldwise.tasks.slices_section import slices_section
    from foldwise.tasks.training_curves_section import training_curves_section

    return render_report(
        evaluation,
        title=f"Evaluation of {network['name']}" if network.get("name") else "Evaluation",
        card=data_card,
        network=network,
        split=folds.info,
        baselines=baselines.splitlines(),
        audit=audit_record,
        training=training_curves_section(training_curves),
        sections=[
            calibration_section(calibration),
            slices_section(slices),
            mistakes_section(mistakes, samples),
            explanations_section(explanations),
        ],
        risks=[
            *training_risks(training_curves.verdict, training_curves.sentences),
            *calibration_risks(calibration),
            *slice_risks(slices),
            *label_risks(mistakes.num_label_errors, mistakes.num_samples),
        ],
        looked_at=[
            *([] if training_curves.verdict == "unknown" else ["the training curves"]),
            *([] if calibration.is_empty else ["the calibration"]),
            *(["the slices"] if slices.num_slices else []),
        ],
        provenance={
            "Run": run_facts.get("Run", {}),
            "Hashes": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Versions": versions(),
            "Parameters": {
                **run_facts.get("Parameters", {}),
                **evaluation.config.flat("evaluate"),
                **folds.flat_parameters,
            },
        },
    )
