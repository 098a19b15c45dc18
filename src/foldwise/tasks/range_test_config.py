"""Parameters of the learning-rate range test; free of torch."""

from typing import Self

from pydantic import Field, PositiveFloat, model_validator

from foldwise.config import Config


class RangeTestConfig(Config):
    """A fit with a rate that grows from step to step."""

    start: PositiveFloat = 1e-6  # the first rate
    end: PositiveFloat = 10.0  # the last one
    num_steps: int = Field(120, ge=20)
    smoothing: float = Field(0.8, ge=0, lt=1)  # share of the running mean of losses that is kept
    # The loss has diverged when its mean is so many times the least so far; the test ends there.
    divergence_factor: float = Field(4.0, gt=1)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end must be above start={self.start:g}, but it is {self.end:g}.")
        return self
