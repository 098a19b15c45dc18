"""GoogLeNet, with a stem for small images.

Going deeper with convolutions (Szegedy et al., 2015); torchvision's, with batch norm and with 3x3
kernels where the paper has 5x5.
B: batch, C: channels, H: height, W: width, K: classes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from foldwise.models.activation import make_activation
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.models.config.base import Activation
from foldwise.models.config.classic import GoogLeNetConfig
from foldwise.models.normed_convolution import NormedConvolution
from foldwise.models.stem import check_large_stem, is_stem_small

AUXILIARY_WEIGHT = 0.3  # section 5 of the paper
LARGE_LEAST_SIDE = 15  # the large stem leaves two of these pixels
NUM_STEM_MAPS = 64


def build(config: GoogLeNetConfig, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build GoogLeNet for images of a shape (C, H, W).

    For C=3, K=1000 and large images it has 13,004,888 parameters with its two auxiliary heads and
    6,624,904 without. Small images get a first convolution of 3x3, stride 1, and skip the first
    pooling.
    """
    from torchvision.models import GoogLeNet
    from torchvision.models.googlenet import Inception

    is_small = is_stem_small(config.stem, shape)
    if not is_small:
        check_large_stem(config.name, shape, LARGE_LEAST_SIDE)
    convolution = partial(NormedConvolution, activation=config.activation)
    inception = partial(Inception, conv_block=convolution)
    auxiliary = partial(AuxiliaryHead, activation=config.activation)
    network = GoogLeNet(
        num_classes,
        aux_logits=config.auxiliary_heads,
        init_weights=False,
        blocks=[convolution, inception, auxiliary],
        dropout=config.dropout,
    )
    network.conv1 = _first_convolution(convolution, shape[0], is_small=is_small)
    if is_small:
        network.maxpool1 = nn.Identity()
    _initialise_as_published(network)
    network.register_forward_hook(_as_auxiliary_logits)
    built: nn.Module = network
    return built


class AuxiliaryHead(nn.Module):
    """A classifier on the feature maps half-way.

    Parameters are named as in torchvision's `InceptionAux`, whose activation cannot be chosen.
    """

    def __init__(
        self, num_in: int, num_classes: int, dropout: float, *, activation: Activation
    ) -> None:
        super().__init__()
        self.conv = NormedConvolution(num_in, 128, kernel_size=1, activation=activation)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.activation = make_activation(activation)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (B, num_in, H', W') to logits (B, K)."""
        x = self.conv(functional.adaptive_avg_pool2d(x, (4, 4)))  # (B, 128, 4, 4)
        x = self.activation(self.fc1(torch.flatten(x, 1)))
        logits: Tensor = self.fc2(self.dropout(x))
        return logits


def _first_convolution(
    convolution: Callable[..., nn.Module], num_channels: int, *, is_small: bool
) -> nn.Module:
    if is_small:
        return convolution(num_channels, NUM_STEM_MAPS, kernel_size=3, padding=1)
    return convolution(num_channels, NUM_STEM_MAPS, kernel_size=7, stride=2, padding=3)


def _initialise_as_published(network: nn.Module) -> None:
    """Draw weights as torchvision does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.01)


def _as_auxiliary_logits(network: nn.Module, inputs: Any, output: Any) -> Any:  # noqa: ANN401  (a hook)
    """Turn what torchvision's network returns while it is trained into ours."""
    if isinstance(output, Tensor):
        return output
    heads = (output.aux_logits1, output.aux_logits2)
    return AuxiliaryLogits(output.logits, heads, AUXILIARY_WEIGHT)
