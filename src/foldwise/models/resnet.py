"""ResNet-18, with a stem for small images.

B: batch, C: channels, H: height, W: width, K: classes. Parameters are named as in torchvision, so
that a state dict of its `resnet18` fits the 7x7 stem; importing torchvision would double the time
that a process needs to start.
"""

import torch
from torch import nn

from foldwise.models.config import ResNet18Config

SMALL_SIDE = 64  # images with a side under this get the 3x3 stem
NUM_STAGES = 4
BLOCKS_PER_STAGE = 2


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(self, num_in: int, num_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_in, num_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(num_out)
        self.conv2 = nn.Conv2d(num_out, num_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(num_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or num_in != num_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(num_in, num_out, 1, stride, bias=False), nn.BatchNorm2d(num_out)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map features (B, num_in, H, W) to (B, num_out, H / stride, W / stride)."""
        residual = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out: torch.Tensor = self.relu(residual + self.downsample(x))
        return out


class ResNet18(nn.Module):
    """ResNet-18: 11,689,512 parameters for width 64, the 7x7 stem, C=3 and K=1000.

    Images with a side under 64 px keep their size in the stem (3x3, stride 1, no max pooling).
    Deep residual learning for image recognition (He et al., 2016).
    """

    def __init__(
        self, config: ResNet18Config, shape: tuple[int, int, int], num_classes: int
    ) -> None:
        super().__init__()
        self.conv1, self.maxpool = _stem(config, shape)
        self.bn1 = nn.BatchNorm2d(config.width)
        self.relu = nn.ReLU(inplace=True)
        widths = [config.width * 2**stage for stage in range(NUM_STAGES)]
        self.layer1 = _stage(widths[0], widths[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], stride=2)
        self.dropout = nn.Dropout(config.dropout)
        self.fc = nn.Linear(widths[3], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (B, C, H, W) to logits (B, K)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))  # (B, width, H', W')
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 8 width, H'/8, W'/8)
        logits: torch.Tensor = self.fc(self.dropout(x.mean((-2, -1))))
        return logits


def _stem(config: ResNet18Config, shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    num_channels, *sides = shape
    is_small = min(sides) < SMALL_SIDE if config.stem == "auto" else config.stem == "3x3"
    if is_small:
        return nn.Conv2d(num_channels, config.width, 3, padding=1, bias=False), nn.Identity()
    convolution = nn.Conv2d(num_channels, config.width, 7, 2, padding=3, bias=False)
    return convolution, nn.MaxPool2d(3, 2, padding=1)


def _stage(num_in: int, num_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(num_in, num_out, stride),
        *(BasicBlock(num_out, num_out, 1) for _ in range(BLOCKS_PER_STAGE - 1)),
    )
