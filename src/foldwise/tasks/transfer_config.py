"""From which weights a network starts, and which of them are trained; free of torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from foldwise.config import Config

# One of
#   torchvision, torchvision:<NAME>  weights that torchvision offers for `model.name` (by default
#                                    its best); fetched once, then kept in torch hub's cache
#   a .safetensors, .pth or .pt file weights alone
#   a folder of one fold             what Foldwise trained: weights.safetensors and model.json
#   a folder of a family             the same repeat and fold in it, else its first
#   mlflow:<run id>, or 32 hex digits  the networks of an MLflow run (of a family or of one fold)
Weights = Annotated[str, Field(min_length=1, pattern=r"\S")]
BodyRate = Annotated[float, Field(gt=0, le=1)]
# `new` draws the last layer afresh; `kept` takes it over, which needs the same classes.
Head = Literal["new", "kept"]

_OF_WHICH_MODES = {
    "weights": ("head", "partial", "full"),
    "head": ("head", "partial", "full"),
    "body_rate": ("partial", "full"),
    "unfreeze_from": ("partial",),
}


class _Mode(Config):
    @model_validator(mode="before")
    @classmethod
    def _name_the_modes(cls, data: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
        given = data if isinstance(data, Mapping) else {}
        wrong = [key for key in given if key in _OF_WHICH_MODES and key not in cls.model_fields]
        if wrong:
            mode = cls.model_fields["mode"].default
            told = (f"{key!r} (only with {', '.join(_OF_WHICH_MODES[key])})" for key in wrong)
            raise ValueError(f"mode {mode!r} does not take {' or '.join(told)}.")
        return data


class NoTransfer(_Mode):
    """All weights are drawn afresh."""

    mode: Literal["none"] = "none"


class HeadTransfer(_Mode):
    """Only the last layer is trained; for the smallest data."""

    mode: Literal["head"] = "head"
    weights: Weights
    head: Head = "new"


class PartialTransfer(_Mode):
    """The last stages are trained, those before `unfreeze_from` stay as they are."""

    mode: Literal["partial"] = "partial"
    weights: Weights
    head: Head = "new"
    unfreeze_from: str = Field(min_length=1)  # the first stage that is trained
    body_rate: BodyRate = 0.1  # learning rate of all but the head, as a factor


class FullTransfer(_Mode):
    """All is trained, the body more slowly than the head."""

    mode: Literal["full"] = "full"
    weights: Weights
    head: Head = "new"
    body_rate: BodyRate = 0.1  # learning rate of all but the head, as a factor


TransferConfig = Annotated[
    NoTransfer | HeadTransfer | PartialTransfer | FullTransfer, Field(discriminator="mode")
]
