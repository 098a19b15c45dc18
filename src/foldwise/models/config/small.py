"""Parameters of the networks for small data and small machines."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from foldwise.models.config.base import Activation, Dropout, ImageNetworkConfig, Norm, Width

Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Depth = Annotated[int, Field(ge=1, le=8)]


class SmallCnnConfig(ImageNetworkConfig):
    """A few convolutions with a norm: fast on a CPU, right for small data."""

    least_side: ClassVar[int] = 4  # on less, a 3x3 window sees mostly padding

    name: Literal["small_cnn"] = "small_cnn"
    # auto: 32, 64, 128 while a side is under 64 px, and 32, 64, 128, 128 from there on, where
    # three blocks would leave a map of many places, each of which has seen little of the image
    widths: Widths | Literal["auto"] = "auto"  # per block
    depth: Depth | Literal["auto"] = "auto"  # convolutions per block; auto: 1, from 64 px on 2
    activation: Activation | Literal["maxout"] = "relu"
    maxout_pieces: int = Field(2, ge=2, le=8)  # only with maxout: so many times the parameters
    norm: Norm = "batch"
    head: Literal["gap", "dense"] = "gap"  # gap: global average pooling before the last layer
    dropout: Dropout = 0.0  # before the last layer


class ConvGroupConfig(ImageNetworkConfig):
    """Groups of convolutions behind a whitening layer, for speed (Jordan, arXiv 2404.00498)."""

    least_side: ClassVar[int] = 9  # whitening takes a pixel, three groups halve what is left

    name: Literal["conv_group"] = "conv_group"
    widths: tuple[Width, ...] = Field((64, 256, 256), min_length=1, max_length=3)  # per group
    depth: int = Field(2, ge=1, le=4)  # convolutions per group
    dropout: Dropout = 0.0  # before the last layer
