"""From a network's parameters to the network.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from torch import nn

from foldwise.errors import UserError
from foldwise.models.config import CnnModelConfig, LeNet5Config, SmallCnnConfig
from foldwise.models.lenet import LeNet5
from foldwise.models.resnet import ResNet18
from foldwise.models.small_cnn import SmallCnn


def build_cnn(config: CnnModelConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
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
    if isinstance(config, LeNet5Config):
        return LeNet5(config, shape[0], num_classes)
    if isinstance(config, SmallCnnConfig):
        return SmallCnn(config, shape, num_classes)
    return ResNet18(config, shape, num_classes)


def _check_size(config: CnnModelConfig, shape: tuple[int, int, int]) -> None:
    _, height, width = shape
    if min(height, width) < config.least_side:
        raise UserError(
            f"model.name {config.name!r} needs images of at least {config.least_side} x "
            f"{config.least_side} pixels, but these have {height} x {width}. Take a larger "
            "image size or another network."
        )
