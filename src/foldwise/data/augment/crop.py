"""Random crops of padded images.

B: batch, C: channels, H: height, W: width.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.config import Padding

if TYPE_CHECKING:
    from torch import Tensor


def crop(images: "Tensor", offsets: npt.NDArray[np.int64], padding: Padding) -> "Tensor":
    """Move each sample by whole pixels, (B, C, H, W) -> the same: padding and cropping in one.

    One gather takes 3 us per image of 3 x 32 x 32, as long as padding and a copy per image do, and
    nothing is blurred.

    Args:
        images: Of any range.
        offsets: (B, 2), rows and columns: where the crop begins in the image, at most one side
            outside it.
        padding: What comes in from outside; a reflection repeats the outermost pixels.
    """
    import torch

    size, channels, height, width = images.shape
    rows, columns = torch.from_numpy(offsets).to(images.device).T[..., None]  # each (B, 1)
    rows = rows + torch.arange(height, device=images.device)  # (B, H)
    columns = columns + torch.arange(width, device=images.device)  # (B, W)
    places = _inside(rows, height, padding)[:, :, None] * width
    places = (places + _inside(columns, width, padding)[:, None, :]).view(size, 1, -1)
    cropped = images.flatten(2).gather(2, places.expand(-1, channels, -1)).view(images.shape)
    if padding == "zeros":
        is_inside = _is_inside(rows, height)[:, :, None] & _is_inside(columns, width)[:, None, :]
        cropped *= is_inside[:, None]
    return cropped


def _inside(places: "Tensor", length: int, padding: Padding) -> "Tensor":
    """Return the places in 0..length - 1 whose pixels are to be seen at places outside."""
    import torch

    if padding != "reflection":
        return places.clamp(0, length - 1)
    places = torch.where(places < 0, -1 - places, places)
    return torch.where(places >= length, 2 * length - 1 - places, places)


def _is_inside(places: "Tensor", length: int) -> "Tensor":
    return (places >= 0) & (places < length)
