"""Parameters of the random changes to training samples."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from foldwise.config import Config
from foldwise.data.augment.mix_config import MixConfig
from foldwise.data.augment.series_config import SeriesAugmentConfig
from foldwise.data.augment.token_config import TokenAugmentConfig
from foldwise.data.samples import Modality
from foldwise.errors import UserError


def _symmetric(value: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
    """Read 0.1 as [0.9, 1.1]."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= 0.9:
            raise ValueError(
                f"{value} is not from 0 to 0.9, how far it goes from 1 both ways; the other way "
                "to give it is [low, high], each from 0.1 to 10."
            )
        return (round(1 - value, 12), round(1 + value, 12))
    return value


Probability = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0.1, le=10)]
Area = Annotated[float, Field(gt=0, le=0.5)]
Padding = Literal["reflection", "border", "zeros"]
Policy = Literal["none", "rand_augment", "trivial_augment"]


class AugmentConfig(Config):
    """How training samples are changed at random; the default is not at all.

    Each image is flipped, cropped, then sheared, scaled and turned about its centre, shifted,
    changed by the policy's operations, erased in part, and its contrast, brightness, saturation
    and hue are changed. Series and texts have parameters of their own, rows of a table none. Whole
    batches are mixed last.
    """

    horizontal_flip: Probability | Literal["alternating"] = 0.0  # left becomes right
    vertical_flip: Probability = 0.0  # top becomes bottom
    crop: int = Field(0, ge=0)  # px: pad so many on each side, then cut out a piece as before
    shift: float = Field(0.0, ge=0, le=0.5)  # at most, in both directions: fraction of the side
    rotation: float = Field(0.0, ge=0, le=180)  # degrees, at most, both ways
    scale: Annotated[tuple[Factor, Factor], BeforeValidator(_symmetric)] = (1.0, 1.0)  # or 0.1
    shear: float = Field(0.0, ge=0, le=60)  # degrees that upright lines lean, at most, both ways
    padding: Padding = "border"  # what comes in from outside
    policy: Policy = "none"  # operations with strengths that others have tuned
    num_ops: int = Field(2, ge=1, le=10)  # of rand_augment: operations per image
    magnitude: int = Field(9, ge=0, le=30)  # of rand_augment: 30 is the strongest
    brightness: float = Field(0.0, ge=0, lt=1)  # factor of all pixels: 1 - b to 1 + b
    contrast: float = Field(0.0, ge=0, lt=1)  # factor of the distance to the mean: 1 - c to 1 + c
    saturation: float = Field(0.0, ge=0, lt=1)  # factor of the distance to grey: 1 - s to 1 + s
    hue: float = Field(0.0, ge=0, le=0.5)  # fraction of the colour circle, at most, both ways
    erasing: Probability = 0.0  # a rectangle gets the image's mean colour
    erasing_area: tuple[Area, Area] = (0.02, 0.2)  # fraction of the image
    mix: MixConfig = MixConfig()  # of samples with one another
    series: SeriesAugmentConfig = SeriesAugmentConfig()  # in place of all the above but `mix`
    tokens: TokenAugmentConfig = TokenAugmentConfig()  # in place of all the above

    @model_validator(mode="after")
    def _check_ranges(self) -> "AugmentConfig":
        for name in ("scale", "erasing_area"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be [low, high], but got [{low}, {high}].")
        return self

    @property
    def moves(self) -> bool:
        """Whether images are shifted, turned, scaled or sheared."""
        return self.shift > 0 or self.rotation > 0 or self.scale != (1.0, 1.0) or self.shear > 0

    @property
    def recolours(self) -> bool:
        """Whether brightness or contrast change."""
        return self.brightness > 0 or self.contrast > 0

    def in_force(self, modality: Modality) -> dict[str, Any]:
        """Return the parameters that samples of a kind are changed by, as JSON values.

        The others are not looked at: one file may hold those of several kinds.
        """
        values = self.model_dump(mode="json")
        names: dict[Modality, set[str]] = {
            "image": set(values) - {"series", "tokens"},
            "series": {"series", "mix"},
            "tokens": {"tokens", "mix"},
            "table": {"mix"},
        }
        return {name: value for name, value in values.items() if name in names[modality]}


def require_suitable(config: AugmentConfig, channels: int, height: int, width: int) -> None:
    """Raise a UserError where images of this shape cannot be changed as the parameters say."""
    if config.crop > min(height, width):
        raise UserError(
            f"augment.crop is {config.crop} px, but the images have only {height} x {width} px. "
            f"Allowed: 0 to {min(height, width)}; 4 is usual for 32 x 32 px."
        )
    for name in ("saturation", "hue"):
        if getattr(config, name) > 0 and channels != 3:
            raise UserError(
                f"augment.{name} is {getattr(config, name)}, but it changes the colours of "
                f"images with 3 channels (red, green, blue), and these have {channels}. Set it to "
                "0; brightness and contrast work with any number of channels."
            )
