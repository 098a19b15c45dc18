"""Images in other colours.

B: batch, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.data.augment.draws import Draws

if TYPE_CHECKING:
    from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue in grey: ITU-R BT.601


def recolour(images: "Tensor", gain: Draws, contrast: Draws) -> "Tensor":
    """Change brightness and contrast, (B, C, H, W) -> the same, clipped to 0..1.

    Args:
        images: In 0..1.
        gain: (B,), the factor of all pixels.
        contrast: (B,), the factor of the distance to the image's mean.
    """
    slope = column(gain * contrast, images)
    offset = column(gain * (1 - contrast), images) * images.mean((1, 2, 3), keepdim=True)
    return (images * slope).add_(offset).clamp_(0, 1)


def blend(images: "Tensor", others: "Tensor", share: Draws) -> "Tensor":
    """Mix images (B, C, H, W) with others, clipped to 0..1.

    Args:
        images: In 0..1.
        others: In 0..1, of a shape that broadcasts to that of the images.
        share: (B,), of the images; more than 1 leads away from the others.
    """
    import torch

    return torch.lerp(others.expand_as(images), images, column(share, images)).clamp_(0, 1)


def grey(images: "Tensor") -> "Tensor":
    """Return the brightness as the eye sees it, (B, 3, H, W) -> (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])


def saturate(images: "Tensor", factor: Draws) -> "Tensor":
    """Change the distance to grey by factors (B,), (B, 3, H, W) in 0..1 -> the same."""
    return blend(images, grey(images), factor)


def turn_hue(images: "Tensor", turns: Draws) -> "Tensor":
    """Turn the colour circle by fractions (B,) of a full turn, (B, 3, H, W) in 0..1 -> the same.

    The largest channel (value) and the distance to the smallest one (chroma) stay.
    """
    import torch

    red, green, blue = images.chunk(3, dim=1)
    value, smallest = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = value - smallest
    divisor = chroma.clamp_min(1e-8)
    hue = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )  # sixths of a turn
    places = torch.tensor([5.0, 3.0, 1.0], device=images.device).view(1, 3, 1, 1)
    k = places + (hue + column(6 * turns, images))
    k = k.sub_((k / 6).floor_(), alpha=6)  # k % 6 takes four times as long
    return value - chroma * torch.minimum(k, 4 - k).clamp_(0, 1)


def column(values: Draws, images: "Tensor") -> "Tensor":
    """Return values (B,) as a tensor (B, 1, 1, 1) beside the images."""
    import torch

    return torch.from_numpy(values.astype(np.float32)).to(images.device).view(-1, 1, 1, 1)
