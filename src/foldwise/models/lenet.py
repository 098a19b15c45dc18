"""LeNet-5 for images of any size.

B: batch, C: channels, H: height, W: width, K: classes.
"""

import torch
from torch import nn
from torch.nn import functional

from foldwise.models.activation import make_activation
from foldwise.models.config.classic import LeNet5Config

SIDE = 32  # pixels that the paper's network sees
PADDED_FROM = 28  # images of 28 to 32 px are padded, as the paper does with MNIST


def build(config: LeNet5Config, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """Build LeNet-5 for images of a shape (C, H, W)."""
    return LeNet5(config, shape[0], num_classes)


class LeNet5(nn.Module):
    """LeNet-5 with a fully connected third layer: 61,706 parameters for C=1, K=10.

    Images of another size are brought to 32x32 first: sides of 28 to 32 px get a zero border, all
    others are scaled (bilinear, antialiased). Gradient-based learning applied to document
    recognition (LeCun et al., 1998).
    """

    def __init__(self, config: LeNet5Config, num_channels: int, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(num_channels, 6, 5),
            make_activation(config.activation),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            make_activation(config.activation),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            make_activation(config.activation),
            nn.Linear(120, 84),
            make_activation(config.activation),
            nn.Dropout(config.dropout),
            nn.Linear(84, num_classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        features = self.features(to_paper_size(images))  # (B, 16, 5, 5)
        logits: torch.Tensor = self.classifier(features)
        return logits


def to_paper_size(images: torch.Tensor) -> torch.Tensor:
    """Pad or scale images (B, C, H, W) to (B, C, 32, 32)."""
    height, width = images.shape[-2:]
    if min(height, width) >= PADDED_FROM and max(height, width) <= SIDE:
        left, top = (SIDE - width) // 2, (SIDE - height) // 2
        return functional.pad(images, (left, SIDE - width - left, top, SIDE - height - top))
    return functional.interpolate(images, (SIDE, SIDE), mode="bilinear", antialias=True)
