"""Channel statistics of images, fitted on a training part.

N: samples, C: channels, H: height, W: width.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from foldwise.config import Config

_CHUNK = 4096  # samples at a time, so that memory-mapped data is never loaded whole


class ImagePreprocessing(Config):
    """Mean and standard deviation of each channel, of pixels scaled to 0..1."""

    kind: Literal["images"] = "images"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    standardise: Literal["training", "image"] = "training"  # image: each by its own, not by these
    layout: Literal["maps", "rows", "flat"] = "maps"  # (C, H, W) | (H, C W) with a mask | (C H W)


def fit_images(x: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]) -> ImagePreprocessing:
    """Return the channel statistics of the given rows of `x` (N, C, H, W).

    They come from histograms of the 256 levels, so they do not depend on the order of the rows. A
    constant channel gets a standard deviation of 1.
    """
    levels = np.zeros((x.shape[1], 256), dtype=np.int64)
    for start in range(0, len(rows), _CHUNK):
        chunk = x[rows[start : start + _CHUNK]]
        for channel, counts in enumerate(levels):
            counts += np.bincount(chunk[:, channel].ravel(), minlength=256)
    scale = np.arange(256) / 255
    total = levels.sum(axis=1)
    mean = levels @ scale / total
    variance = levels @ scale**2 / total - mean**2
    std = np.sqrt(np.maximum(variance, 0))
    std[std < 1e-6] = 1.0
    return ImagePreprocessing(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
