"""Parameters of the networks for small data and small machines."""

from typing import ClassVar, Literal

from pydantic import Field

from foldwise.models.config.base import Dropout, NetworkConfig, Width


class SmallCnnConfig(NetworkConfig):
    """A few convolutions with batch norm: fast on a CPU, right for small data."""

    least_side: ClassVar[int] = 4  # on less, a 3x3 window sees mostly padding

    name: Literal["small_cnn"] = "small_cnn"
    widths: tuple[Width, ...] = Field((32, 64, 128), min_length=1, max_length=8)  # per block
    depth: int = Field(1, ge=1, le=8)  # convolutions per block
    dropout: Dropout = 0.0  # before the last layer


class ConvGroupConfig(NetworkConfig):
    """Groups of convolutions behind a whitening layer, for speed (Jordan, arXiv 2404.00498)."""

    least_side: ClassVar[int] = 9  # whitening takes a pixel, three groups halve what is left

    name: Literal["conv_group"] = "conv_group"
    widths: tuple[Width, ...] = Field((64, 256, 256), min_length=1, max_length=3)  # per group
    depth: int = Field(2, ge=1, le=4)  # convolutions per group
    dropout: Dropout = 0.0  # before the last layer
