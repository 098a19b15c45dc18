"""How images of any size are brought to one size.

N: samples, C: channels, H: height, W: width.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

SizePolicy = Literal["resize", "center_crop", "pad"]
# resize: both sides to the wanted size, the aspect ratio is lost
# center_crop: scaled until it covers the wanted size, what hangs over at two sides is cut off
# pad: scaled until it fits inside, the rest is black

# Antialiased when shrinking, and unlike bicubic it never overshoots.
_RESAMPLE = Image.Resampling.BILINEAR


def height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return (height, width).

    >>> height_and_width(64), height_and_width((48, 64))
    ((64, 64), (48, 64))
    """
    return (size, size) if isinstance(size, int) else size


def fit_image(image: Image.Image, size: int | tuple[int, int], policy: SizePolicy) -> Image.Image:
    """Return the image (mode L or RGB) at the wanted size."""
    height, width = height_and_width(size)
    if policy == "center_crop":
        return image.resize((width, height), _RESAMPLE, box=_covering_box(image, height, width))
    if policy == "pad":
        return _padded(image, height, width)
    return image.resize((width, height), _RESAMPLE)


def fit_arrays(
    x: npt.NDArray[np.uint8], size: int | tuple[int, int] | None, policy: SizePolicy = "resize"
) -> npt.NDArray[np.uint8]:
    """Bring arrays (N, C, h, w) to (N, C, H, W); no size leaves them as they are."""
    if size is None or height_and_width(size) == x.shape[2:]:
        return x
    fitted = np.empty((*x.shape[:2], *height_and_width(size)), np.uint8)
    for n, c in np.ndindex(x.shape[:2]):
        fitted[n, c] = np.asarray(fit_image(Image.fromarray(x[n, c]), size, policy))
    return fitted


def _covering_box(
    image: Image.Image, height: int, width: int
) -> tuple[float, float, float, float]:
    """Return the largest central box (left, top, right, bottom) of the wanted aspect ratio."""
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - scale * width) / 2, (image.height - scale * height) / 2
    # Rounding must not push the box over the border: Pillow refuses that.
    return (
        max(left, 0.0),
        max(top, 0.0),
        min(left + scale * width, image.width),
        min(top + scale * height, image.height),
    )


def _padded(image: Image.Image, height: int, width: int) -> Image.Image:
    scale = min(width / image.width, height / image.height)
    inner_width = min(max(round(image.width * scale), 1), width)
    inner_height = min(max(round(image.height * scale), 1), height)
    canvas = Image.new(image.mode, (width, height))
    inner = image.resize((inner_width, inner_height), _RESAMPLE)
    canvas.paste(inner, ((width - inner_width) // 2, (height - inner_height) // 2))
    return canvas
