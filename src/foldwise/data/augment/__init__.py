"""Random changes to whole batches of images, series and texts, each sample by its own draw.

Torch is imported where it runs, so that the parameters can be read without it.
"""

from foldwise.data.augment.augmenter import Augmenter
from foldwise.data.augment.build import Augment, build_augmenter
from foldwise.data.augment.config import AugmentConfig
from foldwise.data.augment.mix_config import MixConfig
from foldwise.data.augment.series_augmenter import SeriesAugmenter
from foldwise.data.augment.series_config import SeriesAugmentConfig
from foldwise.data.augment.token_augmenter import TokenAugmenter
from foldwise.data.augment.token_config import TokenAugmentConfig

__all__ = [
    "Augment",
    "AugmentConfig",
    "Augmenter",
    "MixConfig",
    "SeriesAugmentConfig",
    "SeriesAugmenter",
    "TokenAugmentConfig",
    "TokenAugmenter",
    "build_augmenter",
]
