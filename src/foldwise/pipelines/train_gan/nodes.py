"""Nodes of the stage `train_gan`."""

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.events import Observer
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanModels


def train_gan(
    samples: Samples,
    folds: Folds,
    config: TrainGanConfig,
    workspace: GanModels,
    observer: Observer,
) -> GanModels:
    """Train one generator per fold; what is done is skipped, what was interrupted goes on."""
    from foldwise.tasks.train_gan import train_gans

    return train_gans(samples, folds, config, workspace, observer)
