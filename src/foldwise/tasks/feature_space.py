"""The space in which samples are compared: what a network that tells the classes sees.

Nothing is downloaded: the network is trained on the very training part that the generator saw, so
that samples are compared by what tells their classes apart.

N: samples, D: features, K: classes.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import Folds
from foldwise.data.preprocessing import AnyPreprocessing, ImageInputConfig, SequenceInputConfig
from foldwise.data.samples import Modality, Samples
from foldwise.errors import UserError
from foldwise.models.config import ConvGroupConfig, FcnConfig, SmallCnnConfig
from foldwise.modules.config import FitConfig
from foldwise.modules.hardware import reproducible
from foldwise.modules.optimizer_config import AdamWConfig
from foldwise.modules.schedule_config import OneCycleScheduleConfig
from foldwise.seeds import derive_seed
from foldwise.tasks.embedding_smote import embed
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.events import Observer, ignore
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.inference import evaluation_batches
from foldwise.tasks.predict import Predictor
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.train import fold_jobs, train_fold

# Samples that a network sees in all its epochs, as far as these allow it. Groups of convolutions
# get 0.919 on Fashion-MNIST's outer fold (10,000 training samples, 5 epochs), where `small_cnn`
# gets 0.886 in the same time; they need 9 px, and too much time where there are 64 px or more.
_NUM_SEEN = 200_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 40
_GROUPS = ConvGroupConfig(widths=(24, 48, 96))
_LARGE_SIDE = 64  # px
_RATE = 5e-3  # few epochs
_BATCH, _SMALL_BATCH, _SMALL_PART = 64, 32, 4096


class GenerationError(UserError):
    """Samples of this kind are not generated, or not measured."""


class FeatureSpace:
    """A trained network as a space: what reaches its last layer, and which class it sees."""

    def __init__(self, predictor: Predictor) -> None:
        """Take a network of classes."""
        self._predictor = predictor

    @property
    def name(self) -> str:
        """Of the network, e.g. small_cnn: a part of the name of each metric."""
        return self._predictor.card.model.name

    @property
    def predictor(self) -> Predictor:
        """The network itself."""
        return self._predictor

    def features(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return features (N, D) of samples as `Samples.x` holds them, (N, ...)."""
        card = self._predictor.card
        samples = Samples(
            x, pd.DataFrame(index=range(len(x))), modality=card.modality, features=card.features
        )
        return network_features(self._predictor.network, samples, card.preprocessing)

    def probabilities(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return class probabilities (N, K) of samples as `Samples.x` holds them, (N, ...)."""
        return self._predictor.probabilities(x)


def network_features(
    network: nn.Module, samples: Samples, preprocessing: AnyPreprocessing
) -> npt.NDArray[np.float32]:
    """Return what reaches the last layer of a network of classes, (N, D).

    Args:
        network: In evaluation mode.
        samples: Of which the array and its meaning are read, not the labels.
        preprocessing: What the network's inputs undergo.
    """
    with reproducible():
        batches = evaluation_batches(network, samples, np.arange(len(samples)), preprocessing)
        return embed(network, batches)[0]


def space_recipe(
    modality: Modality, shape: tuple[int, ...], num_training: int, config: EvaluateGanConfig
) -> Recipe:
    """Return the small network that tells the classes of such samples, and how it is fitted.

    It is chosen by the kind and size of the samples alone, so that nothing is tuned to make a
    generator look well: `conv_group` for pictures from 9 to 63 px, `small_cnn` for others, `fcn`
    for series. There are as many epochs as let it see 200,000 samples, but from 4 to 40, and the
    last one counts: no sample is looked at for a choice.

    Args:
        modality: Of the samples.
        shape: Of one of them, as it is stored.
        num_training: Samples in the training part.
        config: Epochs, hardware, seed.

    Raises:
        GenerationError: Such samples are not generated.
    """
    epochs = config.epochs
    if epochs == "auto":
        epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_NUM_SEEN / max(1, num_training))))
    fit = FitConfig(
        max_epochs=epochs,
        batch_size=_BATCH if num_training > _SMALL_PART else _SMALL_BATCH,
        optimizer=AdamWConfig(lr=_RATE),
        schedule=OneCycleScheduleConfig(),
        monitor="last",
        patience=0,
        accelerator=config.accelerator,
        num_threads=config.num_threads,
    )
    seed = derive_seed(config.seed, "feature_space")
    if modality == "image":
        is_small = ConvGroupConfig.least_side <= min(shape[1:]) < _LARGE_SIDE
        model = _GROUPS if is_small else SmallCnnConfig()
        return Recipe(model, fit, AugmentConfig(), seed, ImageInputConfig())
    if modality == "series":
        return Recipe(FcnConfig(), fit, AugmentConfig(), seed, SequenceInputConfig())
    raise GenerationError(
        f"Generators make pictures and series, but the samples are of the kind '{modality}'. For "
        "a table, balance.method=smote makes rows of rare classes."
    )


def space_jobs(
    samples: Samples, folds: Folds, config: EvaluateGanConfig
) -> dict[tuple[int, int], tuple[FoldJob, Recipe]]:
    """Return by (repeat, fold) what a space is trained on, and how: no remedy, no augmentation.

    Raises:
        GenerationError: Such samples are not generated.
    """
    if samples.task != "classification":
        raise GenerationError(
            "Generators make samples of classes, but these samples have numbers as targets."
        )
    plan = plan_balance(samples.table, folds, BalanceConfig())
    sizes = plan.groupby(["repeat", "fold"]).size()
    recipe = space_recipe(samples.modality, samples.x.shape[1:], int(sizes.median()), config)
    return {job.key: (job, recipe) for job in fold_jobs(samples, folds, plan, recipe)}


def fit_space(
    job: FoldJob,
    samples: Samples,
    folds_hash: str,
    recipe: Recipe,
    models: FoldModels,
    observer: Observer = ignore,
) -> FeatureSpace:
    """Train the network of a fold's space, or take the one that is there.

    Args:
        job: The fold.
        samples: The samples.
        folds_hash: Of the folds.
        recipe: Network and fit.
        models: Where the networks are kept.
        observer: Is told of what happens.
    """
    train_fold(job, samples, folds_hash, recipe, models, observer)
    return FeatureSpace(Predictor(models.folder(*job.key)))
