"""Parameters of the networks before residual connections."""

from typing import ClassVar, Literal

from foldwise.models.config.base import Dropout, NetworkConfig


class LeNet5Config(NetworkConfig):
    """LeNet-5 (LeCun et al., 1998): two convolutions and three dense layers on 32x32 pixels."""

    least_side: ClassVar[int] = 8  # a smaller image would be enlarged more than fourfold

    name: Literal["lenet5"] = "lenet5"
    dropout: Dropout = 0.0  # before the last layer
