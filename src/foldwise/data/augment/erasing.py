"""Images with an erased rectangle.

B: batch, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.config import AugmentConfig
from foldwise.data.augment.draws import Draws

if TYPE_CHECKING:
    from torch import Tensor

_GREATEST_ASPECT = 10 / 3  # of an erased rectangle, as in the paper


def erase(images: "Tensor", rectangles: npt.NDArray[np.int64]) -> "Tensor":
    """Fill one rectangle of each sample with its mean colour, (B, C, H, W) -> the same.

    Random erasing data augmentation (Zhong et al., AAAI 2020); the mean, not noise, since noise
    would be the only sharp texture in many small images.

    Args:
        images: In 0..1.
        rectangles: (B, 4), left, top, right, bottom, the last two exclusive; empty: none.
    """
    import torch

    height, width = images.shape[-2:]
    left, top, right, bottom = torch.from_numpy(rectangles).to(images.device).T[..., None]
    x = torch.arange(width, device=images.device)
    y = torch.arange(height, device=images.device)
    columns = (x >= left) & (x < right)  # (B, W)
    rows = (y >= top) & (y < bottom)  # (B, H)
    inside = (rows[:, :, None] & columns[:, None, :])[:, None]  # (B, 1, H, W)
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)


def rectangles(
    config: AugmentConfig, draws: dict[str, Draws], height: int, width: int
) -> npt.NDArray[np.int64]:
    """Return the rectangles to erase, (B, 4): left, top, right, bottom; empty where none."""
    low, high = config.erasing_area
    area = low + (high - low) * draws["erasing_area"]
    # Log-uniform; narrowed such that no side of the rectangle is longer than the image's.
    widest = np.log(np.minimum(_GREATEST_ASPECT, 1 / area))
    aspect = np.exp(widest * (2 * draws["erasing_aspect"] - 1))
    rows = np.clip(np.round(np.sqrt(area * aspect) * height), 1, height)
    columns = np.clip(np.round(area * height * width / rows), 1, width)
    chosen = draws["erasing"] < config.erasing
    left = np.floor(draws["erasing_left"] * (width - columns + 1))
    top = np.floor(draws["erasing_top"] * (height - rows + 1))
    corners = np.stack([left, top, left + columns, top + rows], axis=1)
    return np.where(chosen[:, None], corners, 0).astype(np.int64)
