"""The parameters of the search for shortcuts."""

from pydantic import Field

from foldwise.config import Config


class ShortcutsConfig(Config):
    """How shortcuts are looked for, and from where on they are told.

    A gain is the share of the way from chance (0) to perfect prediction (1).
    """

    num_samples: int = Field(6000, ge=100)  # drawn where there are more
    num_folds: int = Field(5, ge=3, le=20)
    num_repeats: int = Field(2, ge=1, le=20)
    max_depth: int = Field(4, ge=1, le=20)  # of a tree; more where there are many classes
    confidence: float = Field(0.95, gt=0, lt=1)  # of the intervals
    told_gain: float = Field(0.1, ge=0, le=1)
    warned_gain: float = Field(0.3, ge=0, le=1)
