"""Which network to build and its shape. Free of torch: node signatures import this package."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from foldwise.models.config.base import NetworkConfig
from foldwise.models.config.classic import (
    AlexNetConfig,
    GoogLeNetConfig,
    InceptionV3Config,
    LeNet5Config,
    VggConfig,
    refuse_vgg_by_layers,
)
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
    "AlexNetConfig",
    "CnnModelConfig",
    "ConvGroupConfig",
    "GoogLeNetConfig",
    "InceptionV3Config",
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
    "VggConfig",
    "WideResNetConfig",
]

CnnModelConfig = Annotated[
    LeNet5Config
    | AlexNetConfig
    | VggConfig
    | GoogLeNetConfig
    | InceptionV3Config
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
    BeforeValidator(refuse_vgg_by_layers),
]
