"""AlexNet, torchvision's and the grouped original, with a stem for small images.

ImageNet classification with deep convolutional neural networks (Krizhevsky et al., 2012), and One
weird trick for parallelizing convolutional neural networks (Krizhevsky, 2014).

B: batch, C: channels, H: height, W: width, K: classes.
"""

from torch import nn

from foldwise.models.activation import replace_activations
from foldwise.models.config.classic import AlexNetConfig
from foldwise.models.head import fit_dense_block, is_pooled, pool_globally
from foldwise.models.response_norm import response_norm
from foldwise.models.stem import check_large_stem, is_stem_small

NUM_MAPS = 256  # of the last convolution
LARGE_LEAST_SIDE = 63  # the large stem leaves 15 of these pixels


def build(config: AlexNetConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build AlexNet for images of a shape (C, H, W).

    For C=3, K=1000 and large images, torchvision's has 61,100,840 parameters, the original
    60,965,224. Small images get a first convolution of 5x5, stride 1, and global average pooling
    with one linear layer (unless parameters say otherwise). The original's weights start as
    torchvision's do: with the paper's deviation of 0.01, made for its first kernels of 11x11,
    digits of 16 px were still at chance after 120 steps.
    """
    from torchvision.models import AlexNet

    is_small = is_stem_small(config.stem, shape)
    if not is_small:
        check_large_stem(config.name, shape, LARGE_LEAST_SIDE)
    network = AlexNet(num_classes, config.dropout)
    if config.variant == "grouped":
        network.features = _grouped_features()
    network.features[0] = _first_convolution(
        shape[0], network.features[0].out_channels, is_small=is_small
    )
    if is_pooled(config.head, is_stem_small=is_small):
        pool_globally(network, NUM_MAPS, num_classes, config.dropout)
    elif is_small:
        fit_dense_block(network, shape)
    return replace_activations(network, config.activation)


def _first_convolution(num_in: int, num_out: int, *, is_small: bool) -> nn.Conv2d:
    if is_small:
        return nn.Conv2d(num_in, num_out, 5, padding=2)
    return nn.Conv2d(num_in, num_out, 11, stride=4, padding=2)


def _grouped_features() -> nn.Sequential:
    """Return the convolutions of the network as it was published.

    The second, fourth and fifth one see only the half of the maps that lay on their own GPU.
    """
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, stride=4, padding=2),
        nn.ReLU(inplace=True),
        response_norm(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        nn.ReLU(inplace=True),
        response_norm(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        nn.ReLU(inplace=True),
        nn.Conv2d(384, NUM_MAPS, 3, padding=1, groups=2),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
    )
