"""Generated pictures side by side.

N: samples, C: channels, H: height, W: width.
"""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

_LEAST_SIDE = 32  # pixels of a picture on the grid: smaller ones are enlarged
_GAP, _GREY = 2, 128


def sample_grid(images: Pixels, num_columns: int) -> Pixels:
    """Lay images (N, C, H, W) out row by row; return a picture (H', W', C) with C of 1 or 3.

    Small images are enlarged by a whole factor. Of four channels the first three are shown, of two
    the first.
    """
    images = images[:, : 3 if images.shape[1] >= 3 else 1]
    factor = max(1, _LEAST_SIDE // max(images.shape[2:]))
    images = images.repeat(factor, axis=2).repeat(factor, axis=3)
    num, channels, height, width = images.shape
    num_rows = -(-num // num_columns)
    grid = np.full(
        (num_rows * (height + _GAP) + _GAP, num_columns * (width + _GAP) + _GAP, channels),
        _GREY,
        dtype=np.uint8,
    )
    for place, image in enumerate(images):
        top = _GAP + place // num_columns * (height + _GAP)
        left = _GAP + place % num_columns * (width + _GAP)
        grid[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return grid
