"""Nodes of the stage `range_test` of the family `cnn`."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.range_test_config import RangeTestConfig
from foldwise.tasks.train_config import TrainCnnConfig


def range_test_cnn(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    range_test: RangeTestConfig,
    find_run: FindRun,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit the first fold's network at growing rates; return its losses and what they suggest."""
    from foldwise.tasks.range_test import run_range_test

    recipe = config.recipe(augment, balance)
    found = run_range_test(samples, folds, balance_plan, recipe, range_test, find_run)
    return found.table, found.record


def draw_range_test_cnn(table: pd.DataFrame, record: dict[str, Any]) -> Figure:
    """Draw the loss over the rate."""
    from foldwise.tasks.range_test_figure import range_test_figure

    return range_test_figure(table, record["range_test"])
