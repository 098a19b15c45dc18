"""VGG by the columns of its table, with a stem for small images.

Very deep convolutional networks for large-scale image recognition (Simonyan and Zisserman, 2015).
B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import nn

from foldwise.models.activation import replace_activations
from foldwise.models.config.classic import VggConfig
from foldwise.models.head import fit_dense_block, is_pooled, pool_globally
from foldwise.models.response_norm import response_norm
from foldwise.models.stem import check_large_stem, is_stem_small

WIDTHS = (64, 128, 256, 512, 512)  # maps of the convolutions of each block
DEPTHS = {  # convolutions of each block
    "vgg_a": (1, 1, 2, 2, 2),
    "vgg_a_lrn": (1, 1, 2, 2, 2),
    "vgg_b": (2, 2, 2, 2, 2),
    "vgg_c": (2, 2, 3, 3, 3),
    "vgg_d": (2, 2, 3, 3, 3),
    "vgg_e": (2, 2, 4, 4, 4),
}
POINTWISE_PLACE = 2  # the third convolution of a block sees one pixel in column C
LARGE_LEAST_SIDE = 32  # five poolings halve it to one pixel


def build(config: VggConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build VGG for images of a shape (C, H, W).

    For C=3, K=1000 and large images the columns A (with or without LRN), B, C, D, E have
    132,863,336 / 133,047,848 / 133,638,952 / 138,357,544 / 143,667,240 parameters. Small images
    skip the first pooling and get batch norm and global average pooling with one linear layer
    (unless parameters say otherwise).
    """
    from torchvision.models import VGG

    is_small = is_stem_small(config.stem, shape)
    if not is_small:
        check_large_stem(config.name, shape, LARGE_LEAST_SIDE)
    features = _features(config, shape[0], is_small=is_small)
    if is_pooled(config.head, is_stem_small=is_small):
        with torch.device("meta"):  # half a gigabyte of dense layers that are not wanted
            network = VGG(features, num_classes)
        pool_globally(network, WIDTHS[-1], num_classes, config.dropout)
    else:
        network = VGG(features, num_classes, dropout=config.dropout)
        if is_small:
            fit_dense_block(network, shape)
    for layer in network.classifier:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    return replace_activations(network, config.activation)


def _features(config: VggConfig, num_channels: int, *, is_small: bool) -> nn.Sequential:
    """Return the convolutions, layer by layer as in torchvision, so that its weights fit."""
    is_normed = config.batch_norm
    if is_normed == "auto":
        is_normed = is_small and config.name != "vgg_a_lrn"
    layers: list[nn.Module] = []
    for block, depth in enumerate(DEPTHS[config.name]):
        for place in range(depth):
            size = 1 if config.name == "vgg_c" and place == POINTWISE_PLACE else 3
            layers.append(nn.Conv2d(num_channels, WIDTHS[block], size, padding=size // 2))
            if is_normed:
                layers.append(nn.BatchNorm2d(WIDTHS[block]))
            layers.append(nn.ReLU(inplace=True))
            num_channels = WIDTHS[block]
        if config.name == "vgg_a_lrn" and block == 0:
            layers.append(response_norm())
        layers.append(nn.Identity() if is_small and block == 0 else nn.MaxPool2d(2))
    return nn.Sequential(*layers)
