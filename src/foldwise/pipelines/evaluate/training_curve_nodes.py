"""Nodes of the stage `evaluate` that read how the networks were fitted."""

from typing import Any

import pandas as pd

from foldwise.data.csv_cells import csv_safe
from foldwise.data.folds import Folds
from foldwise.tasks.fold_models import CARD, FoldModels
from foldwise.tasks.training_curves import TrainingCurves, training_curves


def collect_training_curves(models: FoldModels, folds: Folds) -> TrainingCurves:
    """Return losses and scores of each epoch of the networks of these folds, and a verdict.

    Predictions of another program have no networks beside them: then there are no curves.
    """
    has_networks = any(models.root.glob(f"*fold_*/{CARD}"))
    cards = models.cards() if has_networks else []
    return training_curves([card for card in cards if card.folds_hash == folds.content_hash])


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def show_training_curves(curves: TrainingCurves) -> tuple[pd.DataFrame, Any]:
    """Return mean and deviation over the folds of each epoch, as a table and as a figure."""
    from foldwise.tasks.training_curves_figure import training_curves_figure

    return csv_safe(curves.epochs()), training_curves_figure(curves)
