"""Residual networks of torchvision, with a stem for small images.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from functools import partial

from torch import nn

from foldwise.models.activation import replace_activations
from foldwise.models.config import ResNetConfig
from foldwise.models.first_convolution import for_images
from foldwise.models.normalisation import make_norm
from foldwise.models.stem import is_stem_small
from foldwise.models.stochastic_depth import drop_branches


def build(config: ResNetConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build ResNet-18, -34, -50 or ResNeXt-50 for images of a shape (C, H, W).

    Deep residual learning for image recognition (He et al., 2016); Aggregated residual
    transformations for deep neural networks (Xie et al., 2017). The small stem is a 3x3
    convolution that keeps the size of the images, without max pooling; the large one is the
    papers'. Names in the state dict are torchvision's, whatever the parameters.
    """
    # Here, because torchvision takes a second to import, and not every network needs it.
    from torchvision import models

    constructors = {
        "resnet18": models.resnet18,
        "resnet34": models.resnet34,
        "resnet50": models.resnet50,
        "resnext50": models.resnext50_32x4d,
    }
    network: nn.Module = constructors[config.name](
        num_classes=num_classes, norm_layer=partial(make_norm, config.norm)
    )
    _fit_stem(network, config, shape)
    pooling = network.get_submodule("avgpool")
    network.avgpool = nn.Sequential(pooling, nn.Dropout(config.dropout))
    drop_branches(_branches(network), config.stochastic_depth)
    return replace_activations(network, config.activation)


def _fit_stem(network: nn.Module, config: ResNetConfig, shape: tuple[int, int, int]) -> None:
    first = network.get_submodule("conv1")
    assert isinstance(first, nn.Conv2d)
    if is_stem_small(config.stem, shape):
        network.conv1 = for_images(first, shape[0], kernel=(3, 3), stride=(1, 1))
        network.maxpool = nn.Identity()
    elif shape[0] != first.in_channels:
        network.conv1 = for_images(first, shape[0])


def _branches(network: nn.Module) -> list[nn.Module]:
    """Return the last norm of each block, in their order: its output is the residual branch."""
    from torchvision.models.resnet import BasicBlock, Bottleneck

    last = {BasicBlock: "bn2", Bottleneck: "bn3"}
    return [
        module.get_submodule(last[type(module)])
        for module in network.modules()
        if type(module) in last
    ]
