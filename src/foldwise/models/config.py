"""Which network to build and its shape. Free of torch: node signatures import this file."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from foldwise.config import Config

Width = Annotated[int, Field(ge=1, le=4096)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class LeNet5Config(Config):
    """LeNet-5 (LeCun et al., 1998): two convolutions and three dense layers on 32x32 pixels."""

    least_side: ClassVar[int] = 8  # a smaller image would be enlarged more than fourfold

    name: Literal["lenet5"] = "lenet5"
    dropout: Dropout = 0.0  # before the last layer


class SmallCnnConfig(Config):
    """A few convolutions with batch norm: fast on a CPU, right for small data."""

    least_side: ClassVar[int] = 4  # on less, a 3x3 window sees mostly padding

    name: Literal["small_cnn"] = "small_cnn"
    widths: tuple[Width, ...] = Field((32, 64, 128), min_length=1, max_length=8)  # per block
    depth: int = Field(1, ge=1, le=8)  # convolutions per block
    dropout: Dropout = 0.0  # before the last layer


class ResNet18Config(Config):
    """ResNet-18 (He et al., 2016), with a 3x3 stem for small images."""

    least_side: ClassVar[int] = 8  # the stages halve an image three times

    name: Literal["resnet18"] = "resnet18"
    width: int = Field(64, ge=1, le=512)  # channels of the first stage; each next one doubles
    stem: Literal["auto", "3x3", "7x7"] = "auto"  # auto: 3x3 while a side is under 64 px
    dropout: Dropout = 0.0  # before the last layer


CnnModelConfig = Annotated[
    LeNet5Config | SmallCnnConfig | ResNet18Config, Field(discriminator="name")
]
