"""Nodes of the stages `train_remedies` and `compare_remedies`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.data.training_sizes import training_sizes
from foldwise.tasks import compare_balance
from foldwise.tasks.compare_config import CompareBalanceConfig
from foldwise.tasks.compare_scores import (
    Comparison,
    class_scores,
    compare,
    comparison_metrics,
    method_scores,
)
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.events import Observer
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.remedy_costs import remedy_costs
from foldwise.tasks.remedy_models import RemedyModels
from foldwise.tasks.train_config import TrainCnnConfig


def train_remedies(
    samples: Samples,
    folds: Folds,
    config: CompareBalanceConfig,
    training: TrainCnnConfig,
    augment: AugmentConfig,
    workspace: RemedyModels,
    observer: Observer,
    find_run: Callable[[str], Path],
    generator: TrainGanConfig,
) -> RemedyModels:
    """Train one network per remedy, seed and fold; what is done is skipped."""
    return compare_balance.train_remedies(
        samples, folds, config, training, augment, workspace, observer, find_run, generator
    )


def predict_remedies(
    models: RemedyModels,
    samples: Samples,
    folds: Folds,
    config: CompareBalanceConfig,
    training: TrainCnnConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict each sample by the networks that did not see it; return what these have cost too."""
    predictions = compare_balance.predict_remedies(models, samples, folds, config, training)
    seeds = compare_balance.seeds_of(config, training)
    return predictions, remedy_costs(models, config.names, seeds)


def compare_remedies(
    predictions: pd.DataFrame,
    samples: Samples,
    folds: Folds,
    evaluation: EvaluateConfig,
    config: CompareBalanceConfig,
    costs: pd.DataFrame,
) -> Comparison:
    """Score the remedies and test their paired differences to `none`."""
    ratio = held_out_ratio(predictions, training_sizes(folds, samples.table))
    return compare(predictions, folds.units, ratio, evaluation, config, costs)


def tabulate_comparison(
    comparison: Comparison,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the metrics, and per method, class, difference and fold as tables safe as CSV."""
    tables = (
        method_scores(comparison),
        class_scores(comparison),
        comparison.differences,
        comparison.fold_scores,
    )
    methods, classes, differences, folds = (csv_safe(table) for table in tables)
    return comparison_metrics(comparison), methods, classes, differences, folds


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def draw_comparison(comparison: Comparison) -> Any:  # noqa: ANN401  (see above)
    """Return the scores and the differences to `none` as a figure."""
    from foldwise.tasks.compare_figure import comparison_figure

    return comparison_figure(comparison)


def write_comparison(
    comparison: Comparison, samples: Samples, folds: Folds, training: TrainCnnConfig
) -> str:
    """Return the comparison as one HTML page."""
    from foldwise.tasks.compare_report import render_comparison
    from foldwise.tasks.page import versions

    evaluation = next(iter(comparison.evaluations.values())).config
    return render_comparison(
        comparison,
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters": {
                **comparison.config.flat("compare_balance"),
                **training.flat("train_cnn"),
                **evaluation.flat("evaluate"),
                **folds.flat_parameters,
            },
            "Versions": versions(),
        },
    )
