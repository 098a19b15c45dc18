"""Normalisation layers of convolutional networks by their name.

B: batch, C: channels, H: height, W: width.
"""

import math

from torch import nn

from foldwise.models.config.base import Norm

MOST_GROUPS = 32


def make_norm(name: Norm, num_channels: int) -> nn.Module:
    """Return a new layer that normalises feature maps (B, C, H, W).

    Args:
        name: `batch` over B, H and W (Ioffe and Szegedy, 2015); `group` over H, W and the
            channels of a group, 32 groups or as many as divide C (Wu and He, 2018); `layer` over
            C, H and W (Ba et al., 2016); `none` not at all. All but `batch` treat each sample by
            itself, so that they work with any batch size.
        num_channels: C.
    """
    if name == "batch":
        return nn.BatchNorm2d(num_channels)
    if name == "group":
        return nn.GroupNorm(math.gcd(MOST_GROUPS, num_channels), num_channels)
    if name == "layer":
        return nn.GroupNorm(1, num_channels)
    return nn.Identity()
