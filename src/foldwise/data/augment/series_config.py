"""Parameters of the random changes to training series."""

from typing import Annotated

from pydantic import Field

from foldwise.config import Config

Probability = Annotated[float, Field(ge=0, le=1)]


class SeriesAugmentConfig(Config):
    """How training series are changed at random; the default is not at all.

    First the steps move: segments change places, time is warped, a window is cut out. Then the
    values change, in standard deviations of their channel, since series are standardised before.
    The operations are those of Um et al. (2017, arXiv 1706.00527) and Le Guennec et al. (2016);
    which of them help differs from data set to data set (Iwana and Uchida, PLOS ONE 2021).
    """

    window_slice: float = Field(1.0, ge=0.1, le=1)  # fraction kept, then stretched; 1: all
    time_warp: float = Field(0.0, ge=0, le=1)  # deviation of the logarithm of time's speed
    permutation: int = Field(1, ge=1, le=100)  # segments that change places; 1: none
    magnitude_warp: float = Field(0.0, ge=0, le=1)  # deviation of a smooth factor around 1
    scaling: float = Field(0.0, ge=0, lt=1)  # factor of each channel: 1 - s to 1 + s
    negate: Probability = 0.0  # all signs change
    jitter: float = Field(0.0, ge=0, le=5)  # deviation of noise, in standard deviations
    masking: float = Field(0.0, ge=0, le=0.9)  # fraction of the steps that become 0, the mean
    masking_blocks: int = Field(1, ge=1, le=100)  # runs of steps that the fraction is shared by
    masking_probability: Probability = 1.0  # that a series is masked

    @property
    def moves_steps(self) -> bool:
        """Whether steps change places."""
        return self.window_slice < 1 or self.time_warp > 0 or self.permutation > 1

    @property
    def masks(self) -> bool:
        """Whether steps become 0."""
        return self.masking > 0 and self.masking_probability > 0

    @property
    def changes_values(self) -> bool:
        """Whether values change at their place."""
        factors = self.magnitude_warp > 0 or self.scaling > 0 or self.negate > 0
        return factors or self.jitter > 0 or self.masks
