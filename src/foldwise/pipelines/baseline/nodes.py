"""Nodes of the stages `baseline` and `compare_baselines`; scikit-learn is imported in them."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.baseline_config import BaselineConfig

logger = logging.getLogger(__name__)


def fit_baselines(
    samples: Samples, folds: Folds, config: BaselineConfig, workspace: Path
) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """Fit the simple models on every fold; return their folder, predictions and how they went."""
    from foldwise.tasks import baseline_fit

    found = baseline_fit.fit_baselines(samples, folds, config, workspace)
    return workspace, found.predictions, found.fits


def compare_baselines(
    predictions: pd.DataFrame,
    baseline_predictions: pd.DataFrame,
    fits: pd.DataFrame,
    folds: Folds,
    config: BaselineConfig,
) -> tuple[pd.DataFrame, dict[str, Any], Any, str]:
    """Return the scores beside the network's as table, JSON, figure and sentences, one a line."""
    from foldwise.tasks.baseline_compare import compare_with_baselines
    from foldwise.tasks.baseline_figure import baselines_figure
    from foldwise.tasks.baseline_summary import comparison_json, summary

    comparison = compare_with_baselines(predictions, baseline_predictions, fits, folds, config)
    sentences = summary(comparison)
    logger.info("%s", " ".join(sentences))
    text = "".join(f"{sentence}\n" for sentence in sentences)
    figure = baselines_figure(comparison)
    return csv_safe(comparison.table), comparison_json(comparison), figure, text
