"""Parameters of the networks before residual connections."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from foldwise.models.config.base import Activation, Dropout, Head, ImageNetworkConfig, Stem


class LeNet5Config(ImageNetworkConfig):
    """LeNet-5 (LeCun et al., 1998): two convolutions and three dense layers on 32x32 pixels."""

    least_side: ClassVar[int] = 8  # a smaller image would be enlarged more than fourfold

    name: Literal["lenet5"] = "lenet5"
    activation: Activation = "tanh"
    dropout: Dropout = 0.0  # before the last layer


class AlexNetConfig(ImageNetworkConfig):
    """AlexNet (Krizhevsky et al., 2012): five convolutions and three dense layers.

    Small images get a first convolution of 5x5 and stride 1 instead of 11x11 and stride 4.
    """

    least_side: ClassVar[int] = 15  # three poolings of 3x3 and stride 2 leave one pixel

    name: Literal["alexnet"] = "alexnet"
    # grouped: as it was published, with convolutions in two groups and response normalisation;
    # torchvision: the narrower one of Krizhevsky (2014), whose published weights fit.
    variant: Literal["torchvision", "grouped"] = "torchvision"
    stem: Stem = "auto"  # auto: small while a side is under 64 px
    head: Head = "auto"  # auto: gap with the small stem, dense with the large one
    activation: Activation = "relu"
    dropout: Dropout = 0.5  # before both hidden dense layers; with gap before the last layer


class VggConfig(ImageNetworkConfig):
    """VGG (Simonyan and Zisserman, 2015), by the columns of its table 1; d is VGG-16, e VGG-19.

    Small images skip the first of the five poolings.
    """

    least_side: ClassVar[int] = 16  # four poolings halve it to one pixel

    name: Literal["vgg_a", "vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d", "vgg_e"] = "vgg_a"
    # auto: with the small stem, but for vgg_a_lrn. The paper came before batch norm; without, deep
    # columns learn at low rates only: AdamW's 0.001 leaves vgg_d where it starts, 0.0001 does not.
    batch_norm: bool | Literal["auto"] = "auto"
    stem: Stem = "auto"  # auto: small while a side is under 64 px
    head: Head = "auto"  # auto: gap with the small stem, dense with the large one
    activation: Activation = "relu"
    dropout: Dropout = 0.5  # after both hidden dense layers; with gap before the last layer


_VGG_BY_LAYERS = {"11": "vgg_a", "13": "vgg_b", "16": "vgg_d", "19": "vgg_e"}


def refuse_vgg_by_layers(given: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
    """Refuse names such as `vgg16` and `VGG-16`; else the nearest name would be a wrong one."""
    name = str(given.get("name")) if isinstance(given, Mapping) else ""
    layers = name.lower().removeprefix("vgg").lstrip("-_")
    if name.lower().startswith("vgg") and layers in _VGG_BY_LAYERS:
        raise ValueError(
            f"name is {name!r}, but a VGG goes by the letter that its paper gives it. Allowed: "
            f"{_VGG_BY_LAYERS[layers]}."
        )
    return given


class GoogLeNetConfig(ImageNetworkConfig):
    """GoogLeNet (Szegedy et al., 2015), with batch norm: nine Inception modules.

    Small images get a first convolution of 3x3 and stride 1 instead of 7x7 and stride 2, and skip
    the first pooling.
    """

    least_side: ClassVar[int] = 8  # three poolings halve it to one pixel

    name: Literal["googlenet"] = "googlenet"
    auxiliary_heads: bool = True  # two, in training only; their losses count 0.3 each
    stem: Stem = "auto"  # auto: small while a side is under 64 px
    activation: Activation = "relu"
    dropout: Dropout = 0.2  # before the last layer; the auxiliary heads keep the paper's 0.7


class InceptionV3Config(ImageNetworkConfig):
    """Inception v3 (Szegedy et al., 2016): eleven Inception modules, made for 299x299 pixels.

    Small images keep their size up to the second pooling: the convolutions before it get stride 1
    and a zero border, and the first pooling is skipped.
    """

    least_side: ClassVar[int] = 15  # three reductions of 3x3 and stride 2 leave one pixel

    name: Literal["inception_v3"] = "inception_v3"
    auxiliary_heads: bool = True  # one, in training only; its loss counts 0.4
    stem: Stem = "auto"  # auto: small while a side is under 75 px, which the large one needs
    activation: Activation = "relu"
    dropout: Dropout = 0.5  # before the last layer
