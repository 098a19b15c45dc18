"""A small convolutional network for small data.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import nn

from foldwise.models.activation import make_activation
from foldwise.models.config import SmallCnnConfig
from foldwise.models.config.base import SMALL_SIDE
from foldwise.models.maxout import Maxout
from foldwise.models.normalisation import make_norm

LEAST_POOLED_SIDE = 4  # max pooling stops before a side falls under this
HALVED_FROM = 64  # from this side on, the first convolution moves in steps of two

# What `auto` stands for: widths per block, and convolutions per block.
SMALL_IMAGES = (32, 64, 128), 1
LARGE_IMAGES = (32, 64, 128, 128), 2


class SmallCnn(nn.Module):
    """Blocks of convolution, norm and activation; then a head.

    Each block but the last ends in 2x2 max pooling where a side of at least 4 px remains. The
    head is the mean over all places and one layer, or one layer that sees every place by itself.
    """

    def __init__(
        self, config: SmallCnnConfig, shape: tuple[int, int, int], num_classes: int
    ) -> None:
        super().__init__()
        widths, depth = blocks(config, min(shape[1:]))
        num_channels, *sides = shape
        layers: list[nn.Module] = []
        for index, width in enumerate(widths):
            for _ in range(depth):
                stride = 2 if not layers and min(sides) >= HALVED_FROM else 1
                layers += _convolution(config, num_channels, width, stride)
                num_channels, sides = width, [(side - 1) // stride + 1 for side in sides]
            is_last = index == len(widths) - 1
            if not is_last and min(sides) // 2 >= LEAST_POOLED_SIDE:
                layers.append(nn.MaxPool2d(2))
                sides = [side // 2 for side in sides]
        self.features = nn.Sequential(*layers)
        self.pooling: nn.Module = (
            nn.AdaptiveAvgPool2d(1) if config.head == "gap" else nn.Identity()
        )
        num_places = 1 if config.head == "gap" else sides[0] * sides[1]
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(num_channels * num_places, num_classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        features = self.features(images)  # (B, widths[-1], H', W')
        logits: torch.Tensor = self.classifier(self.pooling(features))
        return logits


def blocks(config: SmallCnnConfig, side: int) -> tuple[tuple[int, ...], int]:
    """Return the widths per block and the convolutions per block for images of a shorter side."""
    widths, depth = SMALL_IMAGES if side < SMALL_SIDE else LARGE_IMAGES
    return (
        widths if config.widths == "auto" else config.widths,
        depth if config.depth == "auto" else config.depth,
    )


def _convolution(
    config: SmallCnnConfig, num_in: int, num_out: int, stride: int
) -> list[nn.Module]:
    num_maps = num_out * config.maxout_pieces if config.activation == "maxout" else num_out
    # A norm brings its own offset: a bias before it would never matter.
    convolution = nn.Conv2d(num_in, num_maps, 3, stride, padding=1, bias=config.norm == "none")
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    norms = [] if config.norm == "none" else [make_norm(config.norm, num_maps)]
    return [convolution, *norms, _activation(config)]


def _activation(config: SmallCnnConfig) -> nn.Module:
    if config.activation == "maxout":
        return Maxout(config.maxout_pieces)
    return make_activation(config.activation)
