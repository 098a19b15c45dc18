"""Parameters of the networks with residual connections."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from foldwise.models.config.base import Activation, Dropout, ImageNetworkConfig, Rate, Stem

BatchOrGroup = Literal["batch", "group"]


class ResidualConfig(ImageNetworkConfig):
    """What all residual networks have in common."""

    stem: Stem = "auto"  # auto: small (3x3, stride 1, no pooling) while a side is under 64 px
    norm: BatchOrGroup = "batch"
    activation: Activation = "relu"
    stochastic_depth: Rate = 0.0  # of the last residual branch; the ones before fall to zero


class ResNetConfig(ResidualConfig):
    """A residual network of torchvision, with a stem for small images."""

    least_side: ClassVar[int] = 8  # the stages halve an image three times

    dropout: Dropout = 0.0  # before the last layer


class ResNet18Config(ResNetConfig):
    """ResNet-18 (He et al., 2016): 11,689,512 parameters for 1000 classes."""

    name: Literal["resnet18"] = "resnet18"


class ResNet34Config(ResNetConfig):
    """ResNet-34 (He et al., 2016): 21,797,672 parameters for 1000 classes."""

    name: Literal["resnet34"] = "resnet34"


class ResNet50Config(ResNetConfig):
    """ResNet-50 (He et al., 2016): 25,557,032 parameters for 1000 classes."""

    name: Literal["resnet50"] = "resnet50"


class ResNeXt50Config(ResNetConfig):
    """ResNeXt-50 32x4d (Xie et al., 2017): 25,028,904 parameters for 1000 classes."""

    name: Literal["resnext50"] = "resnext50"


class MobileNetV2Config(ResidualConfig):
    """MobileNetV2 (Sandler et al., 2018): 3,504,872 parameters for 1000 classes."""

    least_side: ClassVar[int] = 8  # with the small stem, the blocks halve an image three times

    name: Literal["mobilenet_v2"] = "mobilenet_v2"
    width_factor: float = Field(1.0, ge=0.1, le=4)  # of all widths, rounded to multiples of 8
    activation: Activation = "relu"  # relu is the paper's ReLU6 here
    dropout: Dropout = 0.2  # before the last layer


class WideResNetConfig(ResidualConfig):
    """A wide residual network (Zagoruyko and Komodakis, 2016), made for images of 32 px."""

    least_side: ClassVar[int] = 4  # two of the three groups of blocks halve an image

    name: Literal["wide_resnet"] = "wide_resnet"
    depth: int = Field(16, ge=10, le=100)  # 6n + 4, with n blocks per group
    width_factor: int = Field(4, ge=1, le=16)  # groups of 16, 32 and 64 channels times this
    dropout: Dropout = 0.0  # between the two convolutions of a block

    @field_validator("depth")
    @classmethod
    def _is_whole_blocks(cls, depth: int) -> int:
        if depth % 6 != 4:
            below = depth - (depth - 4) % 6
            raise ValueError(
                f"{depth} is not 6n + 4, n being the blocks per group: take {below} or "
                f"{below + 6}."
            )
        return depth


class TimmConfig(ImageNetworkConfig):
    """A network of PyTorch Image Models; needs `pip install foldwise[timm]`.

    `name: timm:resnet10t` is short for `name: timm` and `architecture: resnet10t`. It starts
    from random weights: none are fetched.
    """

    least_side: ClassVar[int] = 1  # it differs from one architecture to another: built and tried

    name: Literal["timm"] = "timm"
    architecture: str
    dropout: Dropout = 0.0  # before the last layer
    stochastic_depth: Rate = 0.0  # only where the architecture has it


def timm_by_prefix(given: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
    """Read a name such as `timm:resnet10t` as the network timm, its architecture resnet10t."""
    if not isinstance(given, Mapping):
        return given
    name, colon, architecture = str(given.get("name")).partition(":")
    if name != "timm" or not colon:
        return given
    also = given.get("architecture", architecture)
    if also != architecture:
        raise ValueError(
            f"name is 'timm:{architecture}', but architecture is {also!r}: give one of them."
        )
    return {**given, "name": name, "architecture": architecture}
