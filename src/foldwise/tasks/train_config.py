"""Parameters of the training of one family of networks; free of torch."""

from pydantic import NonNegativeInt

from foldwise.config import Config
from foldwise.models.config import CnnModelConfig, SmallCnnConfig
from foldwise.modules.config import FitConfig


class TrainCnnConfig(Config):
    """A convolutional network and how it is fitted."""

    model: CnnModelConfig = SmallCnnConfig()
    fit: FitConfig = FitConfig()
    seed: NonNegativeInt = 0
