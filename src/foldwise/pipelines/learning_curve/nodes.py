"""Nodes of the stages `train_fractions` and `learning_curve`, for each family of networks.

The families differ in the type of their parameters, which Kedro reads off the signatures.
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks import learning_curve as task
from foldwise.tasks import learning_curve_training as training
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.events import Observer
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.learning_curve import LearningCurve
from foldwise.tasks.learning_curve_config import LearningCurveConfig
from foldwise.tasks.page import versions
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig

logger = logging.getLogger(__name__)


def train_fractions_cnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    curve: LearningCurveConfig,
    workspace: Path,
    trained: FoldModels,
    find_run: FindRun,
    observer: Observer,
) -> Path:
    """Train one network per fraction and fold; what is done is skipped."""
    recipe = config.recipe(augment, balance)
    return training.train_fractions(
        samples, folds, recipe, curve, workspace, trained, observer, find_run
    )


def train_fractions_rnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainRnnConfig,
    curve: LearningCurveConfig,
    workspace: Path,
    trained: FoldModels,
    observer: Observer,
) -> Path:
    """Train one network per fraction and fold; what is done is skipped."""
    recipe = config.recipe(augment, balance)
    return training.train_fractions(samples, folds, recipe, curve, workspace, trained, observer)


def train_fractions_mlp(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainMlpConfig,
    curve: LearningCurveConfig,
    workspace: Path,
    trained: FoldModels,
    observer: Observer,
) -> Path:
    """Train one network per fraction and fold; what is done is skipped."""
    recipe = config.recipe(augment, balance)
    return training.train_fractions(samples, folds, recipe, curve, workspace, trained, observer)


def predict_fractions(
    models: Path, samples: Samples, folds: Folds, curve: LearningCurveConfig
) -> pd.DataFrame:
    """Predict, for each fraction, what was held out and what was trained on."""
    return training.predict_fractions(models, samples, folds, curve)


def score_fractions(
    predictions: pd.DataFrame,
    folds: Folds,
    evaluation: EvaluateConfig,
    curve: LearningCurveConfig,
) -> LearningCurve:
    """Score the fractions, fit a power law and say what it means."""
    found = task.learning_curve(predictions, folds, evaluation, curve)
    logger.info("%s", "\n".join(found.sentences))
    return found


def show_learning_curve(
    curve: LearningCurve,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, Any]:
    """Return the curve as JSON, as tables per fraction and per fold, and as a figure."""
    from foldwise.tasks.learning_curve_figure import learning_curve_figure

    tables = csv_safe(curve.table), csv_safe(curve.folds)
    return task.curve_json(curve), *tables, learning_curve_figure(curve)


def write_learning_curve(
    curve: LearningCurve,
    samples: Samples,
    folds: Folds,
    config: LearningCurveConfig,
    evaluation: EvaluateConfig,
) -> str:
    """Return the curve as one HTML page."""
    from foldwise.tasks.learning_curve_section import learning_curve_section
    from foldwise.tasks.sections_page import render_sections

    return render_sections(
        "Learning curve",
        [learning_curve_section(curve)],
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters": {
                **config.flat("learning_curve"),
                **evaluation.flat("evaluate"),
                **folds.flat_parameters,
            },
            "Versions": versions(),
        },
    )
