"""Nodes of the stage `train` of the family `cnn`.

torch and Lightning are imported where they are used, so that looking at the graph costs nothing.
"""

import pandas as pd
from pydantic import NonNegativeInt

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.models.config import CnnModelConfig, SmallCnnConfig
from foldwise.modules.config import FitConfig
from foldwise.tasks.events import Observer
from foldwise.tasks.fold_models import FoldModels


class TrainCnnConfig(Config):
    """A convolutional network and how it is fitted."""

    model: CnnModelConfig = SmallCnnConfig()
    fit: FitConfig = FitConfig()
    seed: NonNegativeInt = 0


def train_cnn(
    samples: Samples,
    folds: Folds,
    balance_plan: pd.DataFrame,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    workspace: FoldModels,
    observer: Observer,
) -> FoldModels:
    """Train one network per fold; folds that are done are skipped, an interrupted one goes on."""
    from foldwise.tasks.recipe import Recipe
    from foldwise.tasks.train import cross_validate

    recipe = Recipe(config.model, config.fit, augment, config.seed)
    return cross_validate(samples, folds, balance_plan, recipe, workspace, observer)


def predict_cnn(models: FoldModels, samples: Samples, folds: Folds) -> pd.DataFrame:
    """Predict each sample by the network that did not see it, and the test part by all."""
    from foldwise.tasks.predict import predict_folds

    return predict_folds(models, samples, folds)
