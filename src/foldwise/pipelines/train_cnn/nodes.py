"""Nodes of the stage `train` of the family `cnn`.

torch and Lightning are imported where they are used, so that looking at the graph costs nothing.
"""

from typing import Any

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples, require_images
from foldwise.tasks.events import Observer
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.train_config import TrainCnnConfig


def describe_cnn(
    samples: Samples, balance: BalanceConfig, config: TrainCnnConfig
) -> dict[str, Any]:
    """Return what the network costs and sees, and what its predictions depend on beside it."""
    from foldwise.tasks.describe import describe_network

    require_images(samples, "A convolutional network")
    shape, num_classes = samples.x.shape[1:], len(samples.classes)
    return {
        **describe_network(config.model, shape, num_classes, config.transfer),
        "imbalance_remedy": balance.name,
        "transfer": config.transfer.mode,
        **{f"test_time_{name}": value for name, value in config.test_time.model_dump().items()},
    }


def train_cnn(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    workspace: FoldModels,
    find_run: FindRun,
    observer: Observer,
) -> FoldModels:
    """Train one network per fold; folds that are done are skipped, an interrupted one goes on."""
    from foldwise.tasks.train import cross_validate

    recipe = config.recipe(augment, balance)
    return cross_validate(samples, folds, balance_plan, recipe, workspace, observer, find_run)


def predict_cnn(models: FoldModels, samples: Samples, folds: Folds) -> pd.DataFrame:
    """Predict each sample by the network that did not see it, and the test part by all."""
    from foldwise.tasks.predict import predict_folds

    return predict_folds(models, samples, folds)
