"""Nodes of the stage `evaluate_gan`."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.gan_scores import GanScores
from foldwise.tasks.page import versions

logger = logging.getLogger(__name__)


def score_generators(
    models: GanModels,
    samples: Samples,
    folds: Folds,
    config: EvaluateGanConfig,
    workspace: Path,
) -> tuple[GanScores, Path]:
    """Compare what each generator makes with the outer fold, which it never saw.

    The networks that this takes are trained once and kept.
    """
    from foldwise.tasks.generation_scores import score_generators as score

    logger.info("Networks are trained that tell the classes, to measure the generators by them.")
    return score(models, samples, folds, config, workspace), workspace


def tabulate_generators(scores: GanScores) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the measures as JSON, and the classes of each generator as a table safe as CSV."""
    rows = [
        {"repeat": generator.repeat, "fold": generator.fold, **vars(of_class)}
        for generator in scores.generators
        for of_class in generator.classes
    ]
    return scores.to_json(), csv_safe(pd.DataFrame(rows))


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def draw_generators(scores: GanScores) -> tuple[Any, Any, Any, Any]:
    """Return curves, samples of each class, interpolations and nearest pairs as figures.

    They are of the first generator.
    """
    from foldwise.tasks import gan_figures as figures

    first = scores.generators[0]
    shown = first.pictures, scores.modality, scores.features
    return (
        figures.loss_figure(first.history),
        figures.class_grid_figure(*shown),
        figures.interpolation_figure(*shown),
        figures.pair_figure(*shown),
    )


def write_gan_report(
    scores: GanScores,
    samples: Samples,
    folds: Folds,
    training: TrainGanConfig,
) -> str:
    """Return what was measured as one HTML page."""
    from foldwise.tasks.gan_report import render_gan_report

    return render_gan_report(
        scores,
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters": {
                **training.flat("train_gan"),
                **scores.config.flat("evaluate_gan"),
                **folds.flat_parameters,
            },
            "Versions": versions(),
        },
    )
