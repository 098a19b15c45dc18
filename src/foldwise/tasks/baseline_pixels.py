"""Images as numbers for models that know no neighbourhoods: pixels, and oriented gradients.

N: images, C: channels, H: height, W: width.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MAX_SIDE = 16  # pixels: more of them cost much and bring these models little
_CHUNK = 2048  # images at a time, so that memory-mapped data is never loaded whole
_NUM_CELLS = 7  # of gradients along the shorter side, where the image is large enough
_MIN_CELL = 2  # pixels


def pixel_features(x: npt.NDArray[np.uint8]) -> Floats:
    """Return pixels in [0, 1], averaged down to at most 16 x 16, (N, C * H' * W')."""
    num, channels, height, width = x.shape
    step = -(-max(height, width) // _MAX_SIDE)
    rows, columns = (np.arange(0, size, step) for size in (height, width))
    found = np.empty((num, channels * len(rows) * len(columns)), np.float32)
    area = np.outer(_lengths(rows, height), _lengths(columns, width))
    for start in range(0, num, _CHUNK):
        chunk = x[start : start + _CHUNK].astype(np.float32)
        sums = np.add.reduceat(np.add.reduceat(chunk, rows, axis=2), columns, axis=3)
        found[start : start + _CHUNK] = (sums / (255 * area)).reshape(len(chunk), -1)
    return found


def gradient_features(x: npt.NDArray[np.uint8]) -> Floats:
    """Return histograms of oriented gradients, (N, D), by scikit-image.

    Dalal, N., Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR. Of
    several channels, each pixel takes the one of the steepest gradient.

    Raises:
        ImportError: scikit-image is not installed.
        ValueError: The images are too small for two cells of 2 pixels along each side.
    """
    from skimage.feature import hog

    side = min(x.shape[2:])
    if side < 2 * _MIN_CELL:
        raise ValueError(f"images of {x.shape[2]} x {x.shape[3]} pixels are too small for HOG")
    cell = max(_MIN_CELL, side // _NUM_CELLS)
    found = [
        hog(
            np.moveaxis(image, 0, -1),  # (C, H, W) -> (H, W, C)
            orientations=8,
            pixels_per_cell=(cell, cell),
            cells_per_block=(2, 2),
            channel_axis=-1,
        )
        for image in x
    ]
    return np.array(found, np.float32)


def _lengths(starts: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.diff(np.append(starts, size))
