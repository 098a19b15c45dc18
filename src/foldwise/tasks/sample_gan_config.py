"""How many samples are drawn from which generator; free of torch."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt

from foldwise.config import Config, ListInText

_MAX_PER_CLASS = 100_000


def _texts(value: Any) -> Any:  # noqa: ANN401  (raw input)
    """Take numbers in a list for the names of classes, as those of digits are."""
    if isinstance(value, list | tuple):
        return [str(item) if type(item) in (int, float) else item for item in value]
    return value


class SampleGanConfig(Config):
    """Which generator is drawn from, how many samples of which classes, and by which seed.

    >>> SampleGanConfig.of(classes="3;7").classes, SampleGanConfig.of(classes=[3]).classes
    (('3', '7'), ('3',))
    """

    # Of each class; a generator that is told no class draws as many of no class in particular.
    per_class: int = Field(16, ge=1, le=_MAX_PER_CLASS)
    # A list, or texts in one: "3;7"; auto: all that the generator knows.
    classes: Annotated[Literal["auto"] | tuple[str, ...], BeforeValidator(_texts), ListInText] = (
        "auto"
    )
    seed: NonNegativeInt = 0  # a class's samples are the same whichever others are drawn
    repeat: NonNegativeInt = 0
    fold: NonNegativeInt = 0  # whose training part the generator has learnt from
    generator: Path | None = None  # the folder of one from elsewhere, in place of repeat and fold
