"""Nodes of the stage `evaluate` about what the probabilities are worth."""

from typing import Any

import pandas as pd

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.tasks import calibration as calibration_task
from foldwise.tasks.calibration import Calibration, calibration_metrics, no_calibration
from foldwise.tasks.calibration_tables import (
    reliability_table,
    risk_coverage_table,
    threshold_tables,
)
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation


def calibrate(
    evaluation: Evaluation | RegressionEvaluation,
    predictions: pd.DataFrame,
    inner_predictions: pd.DataFrame,
    folds: Folds,
    config: EvaluateConfig,
) -> Calibration:
    """Return calibration, thresholds, costs and abstention; of a regression, why there is none."""
    if isinstance(evaluation, RegressionEvaluation):
        return no_calibration(config)
    return calibration_task.calibrate(evaluation, predictions, inner_predictions, folds.units)


def tabulate_calibration(
    calibration: Calibration,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the numbers, and reliability, risk, thresholds and points as tables for CSV."""
    curves, points = threshold_tables(calibration)
    tables = reliability_table(calibration), risk_coverage_table(calibration), curves, points
    reliability, risk, curves, points = (csv_safe(table) for table in tables)
    return calibration_metrics(calibration), reliability, risk, curves, points


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def draw_calibration(calibration: Calibration) -> tuple[Any, Any, Any]:
    """Return reliability, thresholds and abstention as figures."""
    from foldwise.tasks import calibration_figures as figures

    return (
        figures.reliability_figure(calibration),
        figures.thresholds_figure(calibration),
        figures.risk_coverage_figure(calibration),
    )
