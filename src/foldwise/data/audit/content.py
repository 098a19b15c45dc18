"""A short vector of what a sample shows, by which two samples can be said to look alike.

B: samples asked for, N: samples, C: channels, H: height, W: width, T: time steps or tokens,
F: features, D: entries of the vector.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import chunks
from foldwise.data.samples import Samples

_SIDE = 8  # of the picture that is compared
_STEPS = 32  # of the series that is compared
_BINS = 512  # for pairs of neighbouring tokens
_REACH = 5.0  # in quartile ranges: a table's outliers do not rule the distance

Vectors = npt.NDArray[np.float64]


def content_vectors(samples: Samples, rows: npt.NDArray[np.int64]) -> Vectors:
    """Return one vector for each of the rows, shape (B, D).

    Images and series are shrunk and freed of brightness and contrast, as another exposure is no
    other content; tables are scaled feature by feature; texts are their pairs of tokens.
    """
    if samples.modality == "table":
        return _scaled(samples.x[rows].astype(np.float64))
    parts = [_vectors(samples, rows[part]) for part in chunks(samples.x, len(rows))]
    return np.concatenate(parts)


def _vectors(samples: Samples, rows: npt.NDArray[np.int64]) -> Vectors:
    x = samples.x[rows]
    if samples.modality == "image":
        grey = x.mean(axis=1, dtype=np.float64)  # (B, H, W)
        return _normalised(_shrunk(_shrunk(grey, 1, _SIDE), 2, _SIDE))
    if samples.modality == "series":
        return _normalised(_shrunk(np.nan_to_num(x.astype(np.float64)), 1, _STEPS))
    return _token_pairs(x)


def _shrunk(x: Vectors, axis: int, size: int) -> Vectors:
    """Average neighbours along an axis until it has at most `size` entries."""
    length = x.shape[axis]
    if length <= size:
        return x
    starts = np.linspace(0, length, size, endpoint=False).astype(np.int64)
    widths = np.diff(np.append(starts, length))
    shape = [1] * x.ndim
    shape[axis] = size
    sums: Vectors = np.add.reduceat(x, starts, axis=axis)
    return sums / widths.reshape(shape)


def _normalised(x: Vectors) -> Vectors:
    flat = x.reshape(len(x), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    normalised: Vectors = centred / np.where(spread > 0, spread, 1)
    return normalised


def _scaled(x: Vectors) -> Vectors:
    filled = np.where(np.isnan(x).all(axis=0), 0, x)
    low, median, high = np.nanquantile(filled, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high > low, high - low, 1)
    scaled: Vectors = np.nan_to_num(np.clip((filled - median) / spread, -_REACH, _REACH))
    return scaled


def _token_pairs(x: npt.NDArray[np.int32]) -> Vectors:
    if x.shape[1] < 2:
        return x.astype(np.float64)
    first, second = x[:, :-1].astype(np.int64), x[:, 1:].astype(np.int64)
    bins = (first * 31 + second) % _BINS
    offsets = np.arange(len(x))[:, None] * _BINS
    flat = np.bincount((bins + offsets)[first > 0], minlength=len(x) * _BINS)
    counts = flat.reshape(len(x), _BINS).astype(np.float64)
    norm = np.linalg.norm(counts, axis=1, keepdims=True)
    return counts / np.where(norm > 0, norm, 1)
