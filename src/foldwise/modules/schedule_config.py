"""Parameters of the schedules of the learning rate; free of torch.

All fractions are of the steps of the whole fit, or of the optimiser's rate.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, model_validator

from foldwise.config import Config

Warmup = Annotated[float, Field(ge=0, lt=1)]  # share of the steps over which the rate rises
Fraction = Annotated[float, Field(ge=0, le=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]


class ConstantScheduleConfig(Config):
    """One rate all along."""

    name: Literal["constant"] = "constant"
    warmup_fraction: Warmup = 0.0


class StepScheduleConfig(Config):
    """A rate that falls by a factor at each milestone."""

    name: Literal["step"] = "step"
    warmup_fraction: Warmup = 0.0
    milestones: tuple[Inside, ...] = (0.5, 0.75)  # fractions of the steps
    factor: Inside = 0.1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must rise, but they are {list(self.milestones)}.")
        return self


class CosineScheduleConfig(Config):
    """Linear warm-up, then a cosine to the end (Loshchilov and Hutter, arXiv 1608.03983)."""

    name: Literal["cosine"] = "cosine"
    warmup_fraction: Warmup = 0.1
    final_fraction: Fraction = 0.0  # of the peak rate, where the last step ends


class OneCycleScheduleConfig(Config):
    """One rise and one fall (Smith and Topin, arXiv 1708.07120); momentum stays as it is."""

    name: Literal["one_cycle"] = "one_cycle"
    start_fraction: Fraction = 0.04  # of the peak rate, at the first step
    peak_at: Inside = 0.3  # fraction of the steps
    final_fraction: Fraction = 0.0  # of the peak rate, at the last step
    anneal: Literal["linear", "cosine"] = "linear"  # linear: a triangle


class PlateauScheduleConfig(Config):
    """A rate that falls by a factor when what `fit.monitor` names has not become better.

    Where that is `last`, it is the validation loss.
    """

    name: Literal["plateau"] = "plateau"
    warmup_fraction: Warmup = 0.0
    factor: Inside = 0.1
    patience: int = Field(3, ge=0)  # epochs without a better one that are put up with
    threshold: NonNegativeFloat = 1e-4  # by which share a value has to be better
    final_fraction: Fraction = 0.0  # of the first rate: it never falls below


ScheduleConfig = Annotated[
    ConstantScheduleConfig
    | StepScheduleConfig
    | CosineScheduleConfig
    | OneCycleScheduleConfig
    | PlateauScheduleConfig,
    Field(discriminator="name"),
]
