"""Random changes to whole batches of images, each sample by its own draw.

Torch is imported where it runs, so that the parameters can be read without it.
"""

from foldwise.data.augment.augmenter import Augmenter
from foldwise.data.augment.config import AugmentConfig
from foldwise.data.augment.mix_config import MixConfig

__all__ = ["AugmentConfig", "Augmenter", "MixConfig"]
