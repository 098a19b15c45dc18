"""Parameters of the mixing of training images with one another."""

from typing import Annotated

from pydantic import Field

from foldwise.config import Config

Alpha = Annotated[float, Field(ge=0, le=100)]


class MixConfig(Config):
    """Whether batches are mixed within themselves, images and labels; the default is not at all.

    With both kinds on, each mixed batch takes one of them, either as often.
    """

    mixup_alpha: Alpha = 0.0  # MixUp with shares from Beta(alpha, alpha); 0: never
    cutmix_alpha: Alpha = 0.0  # CutMix with areas from Beta(alpha, alpha); 0: never
    probability: float = Field(1.0, ge=0, le=1)  # that a batch is mixed

    @property
    def is_on(self) -> bool:
        """Whether any batch is mixed."""
        return self.probability > 0 and (self.mixup_alpha > 0 or self.cutmix_alpha > 0)
