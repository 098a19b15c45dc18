"""Everything that the user chooses about a training; free of torch."""

from dataclasses import dataclass

from foldwise.data.augment import AugmentConfig
from foldwise.models.config import CnnModelConfig
from foldwise.modules.config import FitConfig


@dataclass(frozen=True)
class Recipe:
    """Everything that the user chooses about a training."""

    model: CnnModelConfig
    fit: FitConfig
    augment: AugmentConfig
    seed: int
