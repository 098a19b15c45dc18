"""A small convolutional network for small data.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import nn

from foldwise.models.config import SmallCnnConfig

LEAST_POOLED_SIDE = 4  # max pooling stops before a side falls under this
HALVED_FROM = 64  # from this side on, the first convolution moves in steps of two


class SmallCnn(nn.Module):
    """Blocks of convolution, batch norm and ReLU; then global average pooling and one layer.

    Each block but the last ends in 2x2 max pooling where a side of at least 4 px remains.
    """

    def __init__(
        self, config: SmallCnnConfig, shape: tuple[int, int, int], num_classes: int
    ) -> None:
        super().__init__()
        num_channels, side = shape[0], min(shape[1:])
        layers: list[nn.Module] = []
        for index, width in enumerate(config.widths):
            for _ in range(config.depth):
                stride = 2 if not layers and side >= HALVED_FROM else 1
                layers += _convolution(num_channels, width, stride)
                num_channels, side = width, side // stride
            is_last = index == len(config.widths) - 1
            if not is_last and side // 2 >= LEAST_POOLED_SIDE:
                layers.append(nn.MaxPool2d(2))
                side //= 2
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(config.dropout), nn.Linear(num_channels, num_classes)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        features = self.features(images)  # (B, widths[-1], H', W')
        logits: torch.Tensor = self.classifier(features.mean((-2, -1)))
        return logits


def _convolution(num_in: int, num_out: int, stride: int) -> list[nn.Module]:
    # Batch norm brings its own offset: a bias before it would never matter.
    convolution = nn.Conv2d(num_in, num_out, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(num_out), nn.ReLU(inplace=True)]
