"""From a network's parameters to the network.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from foldwise.errors import UserError
from foldwise.models import (
    alexnet,
    conv_group,
    googlenet,
    inception,
    lenet,
    mobilenet,
    resnet,
    small_cnn,
    timm_network,
    vgg,
    wide_resnet,
)
from foldwise.models.config import (
    AlexNetConfig,
    CnnModelConfig,
    ConvGroupConfig,
    GoogLeNetConfig,
    ImageNetworkConfig,
    InceptionV3Config,
    LeNet5Config,
    MobileNetV2Config,
    ResNet18Config,
    ResNet34Config,
    ResNet50Config,
    ResNeXt50Config,
    SmallCnnConfig,
    TimmConfig,
    VggConfig,
    WideResNetConfig,
)
from foldwise.models.initialisation import initialise

Shape = tuple[int, int, int]

_BUILDERS: dict[type[ImageNetworkConfig], Callable[[Any, Shape, int], nn.Module]] = {
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


def build_cnn(config: CnnModelConfig, shape: Shape, num_classes: int) -> nn.Module:
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
    network = _BUILDERS[type(config)](config, shape, num_classes)
    return initialise(network, config.init)


def _check_size(config: ImageNetworkConfig, shape: Shape) -> None:
    _, height, width = shape
    if min(height, width) < config.least_side:
        raise UserError(
            f"model.name {config.name!r} needs images of at least {config.least_side} x "
            f"{config.least_side} pixels, but these have {height} x {width}. Take a larger "
            "image size or another network."
        )
