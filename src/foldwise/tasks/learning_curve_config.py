"""Parameters of a learning curve; free of torch."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, field_validator

from foldwise.config import Config
from foldwise.tasks.metric_choice import MetricChoice


def _parts(value: Any) -> Any:  # noqa: ANN401  (raw input)
    """Take one text for a list: `--params` carries no lists, and a comma ends a parameter."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(";") if part.strip()]
    return [value] if isinstance(value, int | float) else value


_Fraction = Annotated[float, Field(gt=0, le=1)]


class LearningCurveConfig(Config):
    """Which parts of the training data are trained on, and how they are scored.

    >>> LearningCurveConfig.of(fractions="0.5;0.1").fractions
    (0.1, 0.5, 1.0)
    """

    # Of each training part; 1 is always among them. A list, or texts in one: "0.1;0.3;1"
    fractions: Annotated[tuple[_Fraction, ...], BeforeValidator(_parts)] = (0.1, 0.25, 0.5, 1.0)
    # steps: each fraction makes as many steps of the optimiser as the whole. epochs: as many
    # epochs, so that small fractions are trained for a shorter time.
    budget: Literal["steps", "epochs"] = "steps"
    # That is drawn; auto: macro_f1 of classes, mae of numbers.
    metric: MetricChoice = "auto"
    seed: NonNegativeInt = 0  # of the choice of samples

    @field_validator("fractions", mode="after")
    @classmethod
    def _rising(cls, fractions: tuple[float, ...]) -> tuple[float, ...]:
        rising = tuple(sorted({*fractions, 1.0}))
        if len(rising) < 2:
            raise ValueError(
                f"{list(fractions)} has to name at least one fraction below 1, e.g. "
                '"0.1;0.25;0.5".'
            )
        return rising
