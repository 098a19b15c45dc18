"""Batch norm whose gains and offsets depend on the class.

B: batch, C: channels.
"""

import torch
from torch import Tensor, nn


class ClassBatchNorm(nn.Module):
    """Batch norm of maps (B, C, H, W) or features (B, C), its gain and offset learned per class.

    Conditional batch norm (de Vries et al., NeurIPS 2017), as in the generator of Miyato and
    Koyama (ICLR 2018): y = gain[label] * normalised(x) + offset[label].
    """

    def __init__(self, num_channels: int, num_classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_channels, affine=False)
        self.gain = nn.Embedding(num_classes, num_channels)
        self.offset = nn.Embedding(num_classes, num_channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.offset.weight)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        """Map (B, C, H, W) and labels (B,) to normalised maps of the same shape."""
        normalised: Tensor = self.norm(maps)
        gain = self.gain(labels).to(normalised.dtype)[:, :, None, None]
        offset = self.offset(labels).to(normalised.dtype)[:, :, None, None]
        return torch.addcmul(offset, gain, normalised)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm that is the same for all classes: the labels are not looked at."""

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]  # labels
        """Map (B, C, H, W) to normalised maps of the same shape."""
        return super().forward(maps)


def make_class_norm(num_channels: int, num_classes: int) -> nn.Module:
    """Return a new layer `(maps, labels) -> maps`; no class is looked at where there are none."""
    if num_classes == 0:
        return SharedBatchNorm(num_channels)
    return ClassBatchNorm(num_channels, num_classes)
