"""The bootstrap over independent units, and its limits.

Source: Efron, B. (1987). Better bootstrap confidence intervals. J. Amer. Stat. Assoc. 82.

U: units (see `intervals`), B: resamples, b: resamples at a time, M: statistics.
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from foldwise.metrics.classification import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_NORMAL = NormalDist()
_CHUNK_BYTES = 64 * 2**20  # of the weights, or of the cells, of one chunk of resamples


def bootstrap(
    counts: "csr_array",
    statistic: Callable[[Array], Array],
    num_resamples: int,
    rng: np.random.Generator,
) -> Array:
    """Return the statistics of resamples of units, drawn with replacement, shape (B, M).

    Args:
        counts: What each unit adds to each cell, shape (U, cells).
        statistic: From the cells of b resamples (b, cells) to their statistics (b, M).
        num_resamples: B.
        rng: The draws.
    """
    num_units = counts.shape[0]
    cells = counts.T.tocsr().astype(np.float32)  # exact for counts below 2**24
    step = max(1, min(64, _CHUNK_BYTES // (8 * max(counts.shape))))
    parts = []
    for start in range(0, num_resamples, step):
        size = min(step, num_resamples - start)
        weights = np.empty((size, num_units), dtype=np.float32)
        # One resample at a time: its counts stay in the cache, which is three times as fast.
        for row in weights:
            drawn = rng.integers(num_units, size=num_units, dtype=np.int64)
            row[:] = np.bincount(drawn, minlength=num_units)
        parts.append(statistic((cells @ np.ascontiguousarray(weights.T)).T.astype(np.float64)))
    return np.concatenate(parts)


def bca_interval(
    value: float,
    replicates: Array,
    influence: Array,
    confidence: float,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> tuple[float, float] | None:
    """Return the bias-corrected and accelerated bootstrap limits, or None if they coincide.

    Args:
        value: The metric of the sample.
        replicates: The metric of each resample, shape (B,); NaN where undefined.
        influence: The derivative of the metric by the weight of each unit, shape (U,); gives the
            acceleration in place of a jackknife.
        confidence: E.g. 0.95.
        bounds: Of the metric; no limit crosses them.
    """
    replicates = replicates[np.isfinite(replicates)]
    spread = float((influence**2).sum())
    if len(replicates) < 2 or np.ptp(replicates) < 1e-12 or spread == 0:
        return None
    acceleration = float((influence**3).sum()) / (6 * spread**1.5)
    below = (np.sum(replicates < value) + 0.5 * np.sum(replicates == value)) / len(replicates)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / len(replicates)), 1 - 1 / len(replicates)))
    z = _NORMAL.inv_cdf(0.5 + confidence / 2)
    levels = [
        _NORMAL.cdf(bias + (bias + side) / (1 - acceleration * (bias + side))) for side in (-z, z)
    ]
    low, high = np.quantile(replicates, levels)
    # Where the metric is at its least or largest, all resamples lie on one side of it, and the
    # correction of the bias pushes both limits to the end.
    if max(high, value) - min(low, value) < 1e-6 * np.ptp(replicates):
        return None
    return max(bounds[0], float(min(low, value))), min(bounds[1], float(max(high, value)))
