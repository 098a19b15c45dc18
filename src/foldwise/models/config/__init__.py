"""Which network to build and its shape. Free of torch: node signatures import this package."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from foldwise.models.config.base import NetworkConfig
from foldwise.models.config.classic import LeNet5Config
from foldwise.models.config.residual import (
    MobileNetV2Config,
    ResidualConfig,
    ResNet18Config,
    ResNet34Config,
    ResNet50Config,
    ResNetConfig,
    ResNeXt50Config,
    TimmConfig,
    WideResNetConfig,
    timm_by_prefix,
)
from foldwise.models.config.small import ConvGroupConfig, SmallCnnConfig

__all__ = [
    "CnnModelConfig",
    "ConvGroupConfig",
    "LeNet5Config",
    "MobileNetV2Config",
    "NetworkConfig",
    "ResNeXt50Config",
    "ResNet18Config",
    "ResNet34Config",
    "ResNet50Config",
    "ResNetConfig",
    "ResidualConfig",
    "SmallCnnConfig",
    "TimmConfig",
    "WideResNetConfig",
]

CnnModelConfig = Annotated[
    LeNet5Config
    | SmallCnnConfig
    | ConvGroupConfig
    | ResNet18Config
    | ResNet34Config
    | ResNet50Config
    | ResNeXt50Config
    | MobileNetV2Config
    | WideResNetConfig
    | TimmConfig,
    Field(discriminator="name"),
    BeforeValidator(timm_by_prefix),
]
