"""What the parameters of all networks have in common."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from foldwise.config import Config

Width = Annotated[int, Field(ge=1, le=4096)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Stem = Literal["auto", "small", "large"]
# Behind the convolutions: dense layers, or global average pooling and one linear layer.
Head = Literal["auto", "dense", "gap"]
Norm = Literal["batch", "layer", "group", "none"]
# leaky_relu has the slope 0.1 below zero (torch's own default would be 0.01).
Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu"]
Initialisation = Literal[
    "default", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "zeros"
]

SMALL_SIDE = 64  # images with a side under this get the small stem where `stem` is `auto`


class NetworkConfig(Config):
    """A network by its name, and its parameters."""

    name: str

    # Of all convolutions and dense layers; default: as the network's own authors do it. With
    # `zeros` all units of a layer stay equal for ever: there to be shown, not to be used.
    init: Initialisation = "default"


class ImageNetworkConfig(NetworkConfig):
    """A network for images."""

    least_side: ClassVar[int]  # pixels of the smallest image that the network can take
