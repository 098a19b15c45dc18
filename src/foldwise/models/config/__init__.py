"""Which network to build and its shape. Free of torch: node signatures import this package."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from foldwise.models.config.base import ImageNetworkConfig, NetworkConfig
from foldwise.models.config.classic import (
    AlexNetConfig,
    GoogLeNetConfig,
    InceptionV3Config,
    LeNet5Config,
    VggConfig,
    refuse_vgg_by_layers,
)
from foldwise.models.config.dense import (
    LinearConfig,
    LogisticConfig,
    MlpConfig,
    PerceptronConfig,
)
from foldwise.models.config.recurrent import GruConfig, LstmConfig, RnnConfig
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
from foldwise.models.config.temporal import (
    Cnn1dConfig,
    FcnConfig,
    InceptionTimeConfig,
    ResNet1dConfig,
    TcnConfig,
    TransformerSmallConfig,
)

__all__ = [
    "AlexNetConfig",
    "Cnn1dConfig",
    "CnnModelConfig",
    "ConvGroupConfig",
    "FcnConfig",
    "GoogLeNetConfig",
    "GruConfig",
    "ImageNetworkConfig",
    "InceptionTimeConfig",
    "InceptionV3Config",
    "LeNet5Config",
    "LinearConfig",
    "LogisticConfig",
    "LstmConfig",
    "MlpConfig",
    "MlpModelConfig",
    "MobileNetV2Config",
    "ModelConfig",
    "NetworkConfig",
    "PerceptronConfig",
    "ResNeXt50Config",
    "ResNet1dConfig",
    "ResNet18Config",
    "ResNet34Config",
    "ResNet50Config",
    "ResNetConfig",
    "ResidualConfig",
    "RnnConfig",
    "RnnModelConfig",
    "SmallCnnConfig",
    "TcnConfig",
    "TimmConfig",
    "TransformerSmallConfig",
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

RnnModelConfig = Annotated[
    RnnConfig
    | LstmConfig
    | GruConfig
    | Cnn1dConfig
    | FcnConfig
    | ResNet1dConfig
    | InceptionTimeConfig
    | TcnConfig
    | TransformerSmallConfig,
    Field(discriminator="name"),
]

MlpModelConfig = Annotated[
    PerceptronConfig | LogisticConfig | LinearConfig | MlpConfig, Field(discriminator="name")
]

ModelConfig = CnnModelConfig | RnnModelConfig | MlpModelConfig
