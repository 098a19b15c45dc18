"""Parameters of calibration; free of heavy imports, for node signatures name them."""

from pydantic import Field

from foldwise.config import Config


class CalibrationConfig(Config):
    """How it is found out whether probabilities mean what they say."""

    bins: int = Field(15, ge=2, le=200)  # of the reliability diagram and of calibration errors
    num_resamples: int = Field(1000, ge=100, le=100_000)  # of the test of calibration
    temperature: bool = True  # fit one on the inner validation part of each fold, show its effect
