"""How many of the worst predictions are shown."""

from pydantic import Field

from foldwise.config import Config


class MistakesConfig(Config):
    """How many of the worst predictions, and of the likely label errors, are shown."""

    num_samples: int = Field(24, ge=1, le=200)  # on each sheet; the tables have more
