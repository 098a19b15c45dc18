"""Shifted, turned, scaled and sheared images.

B: batch, C: channels, H: height, W: width.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.config import AugmentConfig, Padding
from foldwise.data.augment.draws import Draws

if TYPE_CHECKING:
    from torch import Tensor

Maps = npt.NDArray[np.float32]  # (B, 2, 3), from places in the result to places in the image


def resample(images: "Tensor", maps: Maps, padding: Padding) -> "Tensor":
    """Move, turn, scale and shear each sample in one bilinear step, (B, C, H, W) -> the same.

    Several steps would blur several times and cost several times.

    Args:
        images: In 0..1.
        maps: (B, 2, 3), from coordinates in the result to coordinates in the image, both -1..1.
        padding: What comes in from outside.
    """
    import torch
    from torch.nn import functional

    theta = torch.from_numpy(maps).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode=padding, align_corners=False)
    return moved.clamp_(0, 1)  # weights that sum to 1 + 1e-7 may leave the range


def affine_maps(config: AugmentConfig, draws: dict[str, Draws], height: int, width: int) -> Maps:
    """Return the maps of drawn changes.

    Args:
        config: The greatest shift, rotation, scale and shear.
        draws: `shift_x`, `shift_y`, `rotation`, `scale` and, where images are sheared, `shear`,
            each (B,), uniform in 0..1.
        height: H.
        width: W.
    """
    low, high = config.scale
    shear = np.zeros((len(draws["scale"]), 2))
    if config.shear:
        shear[:, 0] = np.tan(math.radians(config.shear) * (2 * draws["shear"] - 1))
    return to_maps(
        height,
        width,
        angle=math.radians(config.rotation) * (2 * draws["rotation"] - 1),
        shift=config.shift * (2 * np.stack([draws["shift_x"], draws["shift_y"]], axis=1) - 1),
        scale=low + (high - low) * draws["scale"],
        shear=shear,
    )


def to_maps(
    height: int, width: int, *, angle: Draws, shift: Draws, scale: Draws, shear: Draws
) -> Maps:
    """Return the maps of changes about the centre: shear, then scale and turn, then shift.

    Args:
        height: H.
        width: W.
        angle: (B,), radians, clockwise.
        shift: (B, 2), x and y, fractions of width and height.
        scale: (B,), factor.
        shear: (B, 2), x per y and y per x, of which only one may differ from 0.
    """
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    along_x, along_y = shear.T
    # A turn is a turn in pixels; in units of the half sides it has to be stretched.
    maps = np.empty((len(scale), 2, 3))
    maps[:, 0, 0] = cosine + along_x * sine
    maps[:, 0, 1] = (sine - along_x * cosine) * height / width
    maps[:, 1, 0] = (-sine - along_y * cosine) * width / height
    maps[:, 1, 1] = cosine - along_y * sine
    maps[:, :, 2] = -np.einsum("bij,bj->bi", maps[:, :, :2], 2 * shift)
    return maps.astype(np.float32)
