"""Parameters of the networks with residual connections."""

from typing import ClassVar, Literal

from pydantic import Field

from foldwise.models.config.base import Dropout, NetworkConfig


class ResNet18Config(NetworkConfig):
    """ResNet-18 (He et al., 2016), with a 3x3 stem for small images."""

    least_side: ClassVar[int] = 8  # the stages halve an image three times

    name: Literal["resnet18"] = "resnet18"
    width: int = Field(64, ge=1, le=512)  # channels of the first stage; each next one doubles
    stem: Literal["auto", "3x3", "7x7"] = "auto"  # auto: 3x3 while a side is under 64 px
    dropout: Dropout = 0.0  # before the last layer
