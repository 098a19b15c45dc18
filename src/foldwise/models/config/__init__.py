"""Which network to build and its shape. Free of torch: node signatures import this package."""

from typing import Annotated

from pydantic import Field

from foldwise.models.config.base import NetworkConfig
from foldwise.models.config.classic import LeNet5Config
from foldwise.models.config.residual import ResNet18Config
from foldwise.models.config.small import SmallCnnConfig

__all__ = [
    "CnnModelConfig",
    "LeNet5Config",
    "NetworkConfig",
    "ResNet18Config",
    "SmallCnnConfig",
]

CnnModelConfig = Annotated[
    LeNet5Config | SmallCnnConfig | ResNet18Config, Field(discriminator="name")
]
