"""Inception v3, with a stem for small images.

Rethinking the Inception architecture for computer vision (Szegedy et al., 2016).
B: batch, C: channels, H: height, W: width, K: classes.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.models.config.classic import InceptionV3Config
from foldwise.models.normed_convolution import NormedConvolution
from foldwise.models.stem import check_large_stem, is_stem_small

AUXILIARY_WEIGHT = 0.4  # as in the network's published training; the paper does not say
AUXILIARY_SIDE = 17  # pixels of the feature maps that the auxiliary head is made for
LARGE_LEAST_SIDE = 75  # the large stem leaves seven of these pixels


def build(config: InceptionV3Config, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build Inception v3 for images of a shape (C, H, W).

    For C=3, K=1000 and large images it has 27,161,264 parameters with its auxiliary head and
    23,834,568 without. For small images the convolutions before the second pooling get stride 1
    and a zero border, and the first pooling is skipped.
    """
    from torchvision.models import Inception3, inception

    is_small = is_stem_small(config.stem, shape, under=LARGE_LEAST_SIDE)
    if not is_small:
        check_large_stem(config.name, shape, LARGE_LEAST_SIDE)
    convolution = partial(NormedConvolution, activation=config.activation)
    blocks = [
        partial(block, conv_block=convolution)
        for block in (
            inception.InceptionA,
            inception.InceptionB,
            inception.InceptionC,
            inception.InceptionD,
            inception.InceptionE,
            inception.InceptionAux,
        )
    ]
    network = Inception3(
        num_classes,
        aux_logits=config.auxiliary_heads,
        init_weights=False,
        inception_blocks=[convolution, *blocks],
        dropout=config.dropout,
    )
    network.Conv2d_1a_3x3 = convolution(shape[0], 32, kernel_size=3, stride=2)
    if is_small:
        _keep_size(network)
    _initialise_as_published(network)
    if config.auxiliary_heads:
        network.AuxLogits.register_forward_pre_hook(_enlarged)
    network.register_forward_hook(_as_auxiliary_logits)
    built: nn.Module = network
    return built


def _keep_size(network: Any) -> None:  # noqa: ANN401  (torchvision's networks are untyped)
    """Let the layers before the second pooling return as many pixels as they get."""
    for layer in (network.Conv2d_1a_3x3, network.Conv2d_2a_3x3, network.Conv2d_4a_3x3):
        layer.conv.stride, layer.conv.padding = (1, 1), (1, 1)
    network.maxpool1 = nn.Identity()


def _initialise_as_published(network: nn.Module) -> None:
    """Draw weights as torchvision does; the auxiliary head's dense layer has its own spread."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=float(getattr(module, "stddev", 0.1)))


def _enlarged(head: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    """Repeat pixels of feature maps (B, 768, H', W') that are too small for the auxiliary head."""
    (maps,) = inputs
    height, width = (max(side, AUXILIARY_SIDE) for side in maps.shape[-2:])
    return (functional.adaptive_avg_pool2d(maps, (height, width)),)


def _as_auxiliary_logits(network: nn.Module, inputs: Any, output: Any) -> Any:  # noqa: ANN401  (a hook)
    """Turn what torchvision's network returns while it is trained into ours."""
    if isinstance(output, Tensor):
        return output
    return AuxiliaryLogits(output.logits, (output.aux_logits,), AUXILIARY_WEIGHT)
