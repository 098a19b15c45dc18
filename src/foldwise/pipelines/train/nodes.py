"""Nodes of the stage `train`, for each family of networks.

torch and Lightning are imported where they are used, so that looking at the graph costs nothing.
The families differ in the type of their parameters, which Kedro reads off the signatures.
"""

from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.events import Observer
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig


def describe_cnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    generator: TrainGanConfig,
) -> dict[str, Any]:
    """Return what the network costs and sees, and what its predictions depend on beside it."""
    return _describe(samples, folds, config.recipe(augment, balance, generator))


def describe_rnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainRnnConfig,
    generator: TrainGanConfig,
) -> dict[str, Any]:
    """Return what the network costs and sees, and what its predictions depend on beside it."""
    return _describe(samples, folds, config.recipe(augment, balance, generator))


def describe_mlp(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainMlpConfig,
) -> dict[str, Any]:
    """Return what the network costs and sees, and what its predictions depend on beside it."""
    return _describe(samples, folds, config.recipe(augment, balance))


def train_cnn(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    generator: TrainGanConfig,
    workspace: FoldModels,
    find_run: FindRun,
    observer: Observer,
) -> FoldModels:
    """Train one network per fold; folds that are done are skipped, an interrupted one goes on."""
    recipe = config.recipe(augment, balance, generator)
    return _train(samples, folds, balance_plan, recipe, workspace, observer, find_run)


def train_rnn(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainRnnConfig,
    generator: TrainGanConfig,
    workspace: FoldModels,
    observer: Observer,
) -> FoldModels:
    """Train one network per fold; folds that are done are skipped, an interrupted one goes on."""
    recipe = config.recipe(augment, balance, generator)
    return _train(samples, folds, balance_plan, recipe, workspace, observer)


def train_mlp(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainMlpConfig,
    workspace: FoldModels,
    observer: Observer,
) -> FoldModels:
    """Train one network per fold; folds that are done are skipped, an interrupted one goes on."""
    recipe = config.recipe(augment, balance)
    return _train(samples, folds, balance_plan, recipe, workspace, observer)


def predict(
    models: FoldModels, samples: Samples, folds: Folds
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict each sample by the network that did not see it, and the test part by all.

    Beside that, each network predicts the inner validation part of its fold.
    """
    from foldwise.tasks.predict import predict_folds_and_inner

    return predict_folds_and_inner(models, samples, folds)


def _describe(samples: Samples, folds: Folds, recipe: Recipe) -> dict[str, Any]:
    from foldwise.tasks.describe import describe_network

    return describe_network(samples, folds, recipe)


def _train(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    recipe: Recipe,
    workspace: FoldModels,
    observer: Observer,
    find_run: FindRun | None = None,
) -> FoldModels:
    from foldwise.tasks.train import cross_validate

    return cross_validate(samples, folds, balance_plan, recipe, workspace, observer, find_run)
