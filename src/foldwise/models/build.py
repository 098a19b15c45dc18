"""From a network's parameters to the network.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from foldwise.errors import UserError
from foldwise.models import (
    alexnet,
    cnn1d,
    conv_group,
    fcn,
    googlenet,
    inception,
    inception_time,
    lenet,
    linear_model,
    mlp,
    mobilenet,
    recurrent,
    resnet,
    resnet1d,
    small_cnn,
    tcn,
    timm_network,
    transformer_small,
    vgg,
    wide_resnet,
)
from foldwise.models.config import (
    AlexNetConfig,
    Cnn1dConfig,
    ConvGroupConfig,
    FcnConfig,
    GoogLeNetConfig,
    GruConfig,
    ImageNetworkConfig,
    InceptionTimeConfig,
    InceptionV3Config,
    LeNet5Config,
    LinearConfig,
    LogisticConfig,
    LstmConfig,
    MlpConfig,
    MobileNetV2Config,
    ModelConfig,
    NetworkConfig,
    PerceptronConfig,
    ResNet1dConfig,
    ResNet18Config,
    ResNet34Config,
    ResNet50Config,
    ResNeXt50Config,
    RnnConfig,
    SmallCnnConfig,
    TcnConfig,
    TimmConfig,
    TransformerSmallConfig,
    VggConfig,
    WideResNetConfig,
)
from foldwise.models.initialisation import initialise
from foldwise.models.input_spec import ImageSpec, InputSpec

Shape = tuple[int, int, int]

_IMAGE_BUILDERS: dict[type[ImageNetworkConfig], Callable[[Any, Shape, int], nn.Module]] = {
    LeNet5Config: lenet.build,
    AlexNetConfig: alexnet.build,
    VggConfig: vgg.build,
    GoogLeNetConfig: googlenet.build,
    InceptionV3Config: inception.build,
    SmallCnnConfig: small_cnn.SmallCnn,
    ConvGroupConfig: conv_group.ConvGroup,
    ResNet18Config: resnet.build,
    ResNet34Config: resnet.build,
    ResNet50Config: resnet.build,
    ResNeXt50Config: resnet.build,
    MobileNetV2Config: mobilenet.build,
    WideResNetConfig: wide_resnet.WideResNet,
    TimmConfig: timm_network.build,
}

_BUILDERS: dict[type[NetworkConfig], Callable[[Any, Any, int], nn.Module]] = {
    RnnConfig: recurrent.build,
    LstmConfig: recurrent.build,
    GruConfig: recurrent.build,
    Cnn1dConfig: cnn1d.build,
    FcnConfig: fcn.build,
    ResNet1dConfig: resnet1d.build,
    InceptionTimeConfig: inception_time.build,
    TcnConfig: tcn.build,
    TransformerSmallConfig: transformer_small.build,
    PerceptronConfig: linear_model.build,
    LogisticConfig: linear_model.build,
    LinearConfig: linear_model.build,
    MlpConfig: mlp.build,
}


def build_network(config: ModelConfig, spec: InputSpec, num_outputs: int) -> nn.Module:
    """Build the network that maps inputs to outputs (B, num_outputs).

    The weights are drawn from torch's global generator: seed it, and they are always the same.

    Args:
        config: Which network, and its parameters.
        spec: What it is given.
        num_outputs: Classes; in a regression, numbers to be predicted.

    Raises:
        UserError: The network cannot take such inputs.
    """
    if isinstance(spec, ImageSpec):
        assert isinstance(config, ImageNetworkConfig)
        return build_cnn(config, (spec.channels, spec.height, spec.width), num_outputs)
    network = _BUILDERS[type(config)](config, spec, num_outputs)
    return initialise(network, config.init)


def build_cnn(config: ImageNetworkConfig, shape: Shape, num_classes: int) -> nn.Module:
    """Build the network that maps images (B, C, H, W) to logits (B, K).

    The weights are drawn from torch's global generator: seed it, and they are always the same.

    Args:
        config: Which network, and its parameters.
        shape: (C, H, W) of one image.
        num_classes: K.

    Raises:
        UserError: The images are too small for this network.
    """
    _check_size(config, shape)
    network = _IMAGE_BUILDERS[type(config)](config, shape, num_classes)
    return initialise(network, config.init)


def _check_size(config: ImageNetworkConfig, shape: Shape) -> None:
    _, height, width = shape
    if min(height, width) < config.least_side:
        raise UserError(
            f"model.name {config.name!r} needs images of at least {config.least_side} x "
            f"{config.least_side} pixels, but these have {height} x {width}. Take a larger "
            "image size or another network."
        )
