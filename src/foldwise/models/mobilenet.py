"""MobileNetV2 of torchvision, with a stem for small images.

B: batch, C: channels, H: height, W: width, K: classes.
"""

from functools import partial

from torch import nn

from foldwise.models.activation import replace_activations
from foldwise.models.config import MobileNetV2Config
from foldwise.models.first_convolution import for_images
from foldwise.models.normalisation import make_norm
from foldwise.models.stem import is_stem_small
from foldwise.models.stochastic_depth import drop_branches

# Expansion, width, number of blocks and first stride: table 2 of the paper.
_GROUPS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_HALVING_OF_SMALL_STEM = 1  # the group that has the stride 1 there


def build(config: MobileNetV2Config, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build MobileNetV2 for images of a shape (C, H, W).

    MobileNetV2: inverted residuals and linear bottlenecks (Sandler et al., 2018). With the small
    stem, the first convolution and the first blocks that halve an image keep its size: it is
    halved three times instead of five. Names in the state dict are torchvision's.
    """
    from torchvision.models import MobileNetV2

    small = is_stem_small(config.stem, shape)
    network: nn.Module = MobileNetV2(
        num_classes,
        width_mult=config.width_factor,
        inverted_residual_setting=_groups(small=small),
        norm_layer=partial(make_norm, config.norm),
        dropout=config.dropout,
    )
    _fit_stem(network, shape[0], small=small)
    drop_branches(_branches(network), config.stochastic_depth)
    return replace_activations(network, config.activation)


def _groups(*, small: bool) -> list[list[int]]:
    groups = [list(group) for group in _GROUPS]
    if small:
        groups[_HALVING_OF_SMALL_STEM][-1] = 1
    return groups


def _fit_stem(network: nn.Module, num_channels: int, *, small: bool) -> None:
    first = network.get_submodule("features.0")
    assert isinstance(first, nn.Sequential)
    assert isinstance(first[0], nn.Conv2d)
    if small:
        first[0] = for_images(first[0], num_channels, stride=(1, 1))
    elif num_channels != first[0].in_channels:
        first[0] = for_images(first[0], num_channels)


def _branches(network: nn.Module) -> list[nn.Module]:
    """Return the last norm of each block that has a shortcut, in their order."""
    from torchvision.models.mobilenetv2 import InvertedResidual

    return [
        module.conv[-1]
        for module in network.modules()
        if isinstance(module, InvertedResidual) and module.use_res_connect
    ]
