"""Nodes of the stage `evaluate` about parts of the samples, and single ones."""

import pandas as pd
from matplotlib.figure import Figure

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks import mistakes as mistakes_task
from foldwise.tasks import slices as slices_task
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.mistakes import Mistakes
from foldwise.tasks.slices import Slices


def find_slices(
    evaluation: Evaluation | RegressionEvaluation,
    samples: Samples,
    folds: Folds,
    config: EvaluateConfig,
) -> Slices:
    """Score each part of the samples that a column cuts out beside the rest."""
    return slices_task.find_slices(evaluation, samples, folds.units, config.slices)


def show_slices(slices: Slices) -> tuple[pd.DataFrame, pd.DataFrame, Figure]:
    """Return all slices and the fairness gaps as tables safe as CSV, the worst as a figure."""
    from foldwise.tasks.slices_figure import slices_figure

    return csv_safe(slices.table), csv_safe(slices.fairness), slices_figure(slices)


def find_mistakes(
    evaluation: Evaluation | RegressionEvaluation,
    samples: Samples,
    folds: Folds,
    config: EvaluateConfig,
) -> Mistakes:
    """Return the most confident mistakes and the labels that are likely wrong."""
    return mistakes_task.find_mistakes(evaluation, samples, folds, config.mistakes)


def show_mistakes(
    mistakes: Mistakes, samples: Samples
) -> tuple[pd.DataFrame, pd.DataFrame, Figure, Figure]:
    """Return mistakes and likely label errors as tables safe as CSV, and both as sheets."""
    from foldwise.tasks.mistakes_section import label_errors_figure, mistakes_figure

    return (
        csv_safe(mistakes.table),
        csv_safe(mistakes_task.label_error_table(mistakes)),
        mistakes_figure(mistakes, samples),
        label_errors_figure(mistakes, samples),
    )
