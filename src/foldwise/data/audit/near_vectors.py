"""Find series and rows of tables that are nearly the same: rounded, converted, with some noise.

N: samples, T: time steps, F: channels or features, M: points of a resampled series, P: pairs.
"""

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config
from foldwise.data.audit.near_look_alikes import look_alike_residuals
from foldwise.data.audit.near_pairs import (
    Floats,
    NearPairs,
    Positions,
    is_far_nearer,
    joined_sets,
    near_pairs,
    nearest_neighbours,
    no_pairs,
    reduced,
)
from foldwise.data.samples import Feature

Doubles = npt.NDArray[np.float64]

_MAX_POINTS = 256  # M
_NUM_NEIGHBOURS = 24
_LENGTH_TOLERANCE = 0.05  # of the longer one
_SCALED_BY = 5_000  # series
_BATCH_VALUES = 2**24
_MIN_NUMERIC = 3  # columns: a row of fewer numbers is near others by chance
_NEIGHBOURS_OF_ROW = 8
_APART = 1e3  # scaled units between a missing value and any other, or two categories


class NearSeriesConfig(Config):
    """What makes two series nearly the same."""

    distance: float = Field(0.05, gt=0)  # root mean square, in those of a series' own variation
    distinctness: float = Field(0.1, gt=0, le=1)  # distance, in those to look-alikes
    rank: int = Field(
        12, ge=2, lt=_NUM_NEIGHBOURS
    )  # of the look-alike to compare with, unless a copy


class NearRowsConfig(Config):
    """What makes two rows of a table nearly the same."""

    tolerance: float = Field(1e-4, gt=0)  # in every column, of its quartile range
    clearance: float = Field(10, gt=1)  # tolerances within which there is no other row


def find_near_series(x: Floats, lengths: Positions | None, config: NearSeriesConfig) -> NearPairs:
    """Find the pairs of series that are nearly the same.

    Series of different lengths are stretched to the same one; only lengths within 5 % of each
    other count. Missing values inside are bridged by straight lines.

    Args:
        x: Shape (N, T, F), without exact copies; see `Samples.x`.
        lengths: Of each series, shape (N,); none: all are T steps long.
        config: What counts.
    """
    size = len(x)
    num_neighbours = min(_NUM_NEIGHBOURS, size - 1)
    if num_neighbours < 1:
        return no_pairs()
    lengths = np.full(size, x.shape[1]) if lengths is None else lengths
    points = _resampled(x, lengths)
    variation = np.sqrt(points.var(axis=1).mean(axis=1))  # of each series around its own mean
    variation = np.maximum(variation, 1e-9)

    def compare(rows: Positions, others: Positions) -> Floats:
        return _distances_to(points, rows, others)

    def are_copies(rows: Positions, distance: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(distance <= config.distance * variation[rows])

    descriptors = reduced(points.reshape(size, -1))
    neighbours = nearest_neighbours(descriptors, num_neighbours)
    rank = min(config.rank, num_neighbours)
    distances, look_alike = look_alike_residuals(
        descriptors, neighbours, compare, are_copies, rank=rank, ratio=config.distinctness
    )
    rows, columns = np.nonzero(neighbours >= 0)
    pairs = np.stack([rows, neighbours[rows, columns]], axis=1)
    distance = distances[rows, columns]
    relative = distance / variation[pairs].min(axis=1)
    longer, shorter = lengths[pairs].max(axis=1), lengths[pairs].min(axis=1)
    is_near = (
        (relative <= config.distance)
        & is_far_nearer(distance, look_alike, pairs, config.distinctness)
        & (longer - shorter <= _LENGTH_TOLERANCE * longer)
    )
    return near_pairs(pairs[is_near], 1 - relative[is_near] ** 2)


def _resampled(x: Floats, lengths: Positions) -> Floats:
    """Bring all series to one length and all channels to one scale, (N, T, F) -> (N, M, F)."""
    num_points = min(x.shape[1], _MAX_POINTS)
    points = np.empty((len(x), num_points, x.shape[2]), np.float32)
    step = max(1, _BATCH_VALUES // int(np.prod(x.shape[1:])))
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        filled = _without_gaps(np.array(x[rows]), lengths[rows])
        # (n, M): where each point lies between two steps
        place = (lengths[rows, None] - 1).clip(0) * np.linspace(0, 1, num_points)
        before = np.floor(place).astype(np.int64)
        after = np.ceil(place).astype(np.int64)
        part = (place - before)[..., None].astype(np.float32)
        left = np.take_along_axis(filled, before[..., None], axis=1)
        right = np.take_along_axis(filled, after[..., None], axis=1)
        points[rows] = left + part * (right - left)
    sample = points[:: max(1, len(x) // _SCALED_BY)].reshape(-1, x.shape[2])
    centre, scale = _robust_scale(sample)
    points -= centre
    points /= scale
    return points


def _without_gaps(x: Floats, lengths: Positions) -> Floats:
    """Bridge missing values by straight lines; a channel without any value becomes 0."""
    for row, channel in np.argwhere(np.isnan(x).any(axis=1)):
        values = x[row, : lengths[row], channel]
        known = np.flatnonzero(~np.isnan(values))
        steps = np.arange(len(values))
        values[:] = np.interp(steps, known, values[known]) if len(known) else 0
    return x


def _robust_scale(values: npt.NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return median and quartile range of columns; where that is 0 the deviation, where 0 one.

    A column without any value counts as zeros.
    """
    values = np.where(np.isnan(values).all(axis=0), values.dtype.type(0), values)
    low, median, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
    spread = high - low
    spread = np.where(spread > 0, spread, np.nanstd(values, axis=0, dtype=np.float64))
    spread = np.where(spread > 0, spread, 1)
    return median.astype(np.float32), spread.astype(np.float32)


def _distances_to(points: Floats, rows: Positions, others: Positions) -> Floats:
    """Return how far others are from each row, infinite for none, (B,) and (B, K) -> (B, K)."""
    distances = np.full(others.shape, np.inf, np.float32)
    row, column = np.nonzero(others >= 0)
    pairs = np.stack([rows[row], others[row, column]], axis=1)
    distances[row, column] = _distances(points, pairs)
    return distances


def _distances(points: Floats, pairs: Positions) -> Floats:
    """Return root mean square differences, (N, M, F) and (P, 2) -> (P,)."""
    distances = np.empty(len(pairs), np.float32)
    step = max(1, _BATCH_VALUES // int(np.prod(points.shape[1:])))
    for start in range(0, len(pairs), step):
        rows = slice(start, start + step)
        difference = points[pairs[rows, 0]] - points[pairs[rows, 1]]
        distances[rows] = np.sqrt((difference**2).mean(axis=(1, 2)))
    return distances


def find_near_rows(x: Floats, features: tuple[Feature, ...], config: NearRowsConfig) -> NearPairs:
    """Find the pairs of rows that are equal but for rounding.

    Categories must be equal, and values missing in the same columns. A pair counts only where it
    stands apart: no other row within ten tolerances. In tables with fewer than three columns of
    numbers nothing is looked for: there, rows are near one another by chance.

    Args:
        x: Shape (N, F), without exact copies; see `Samples.x`.
        features: One for each column.
        config: What counts.
    """
    is_numeric = np.array([feature.kind == "numeric" for feature in features], bool)
    if is_numeric.sum() < _MIN_NUMERIC or len(x) < 2:
        return no_pairs()
    scaled = _scaled_rows(x, is_numeric)
    reach = config.tolerance * config.clearance
    distances, others = _within(scaled, reach)
    is_within = np.asarray(distances <= config.tolerance)
    is_apart = np.asarray((is_within | np.isinf(distances)).all(axis=1))
    rows, columns = np.nonzero(is_within & is_apart[:, None])
    pairs = np.stack([rows, others[rows, columns]], axis=1)
    kept = (pairs[:, 0] != pairs[:, 1]) & is_apart[pairs[:, 1]]
    pairs, distance = pairs[kept], distances[rows, columns][kept]
    kept = _extents(scaled, pairs)[pairs[:, 0]] <= reach
    return near_pairs(pairs[kept], np.asarray(1 - distance[kept] / reach, np.float32))


def _within(scaled: Doubles, reach: float) -> tuple[Doubles, Positions]:
    """Return largest differences to the nearest rows, and which; infinite out of reach."""
    from scipy.spatial import KDTree

    tree = KDTree(scaled, leafsize=32, balanced_tree=False)
    count = min(_NEIGHBOURS_OF_ROW, len(scaled))
    found = tree.query(scaled, count, p=np.inf, distance_upper_bound=reach, workers=-1)
    return np.asarray(found[0], np.float64), np.asarray(found[1], np.int64)


def _extents(scaled: Doubles, pairs: Positions) -> Doubles:
    """Return how far each row's set of joined rows extends: rows along a line are no copies."""
    sets = joined_sets(pairs, len(scaled))
    rows = np.flatnonzero(sets >= 0)
    rows = rows[np.argsort(sets[rows], kind="stable")]
    extents = np.zeros(len(scaled))
    if len(rows):
        starts = np.flatnonzero(np.diff(sets[rows], prepend=-1))
        low = np.minimum.reduceat(scaled[rows], starts)
        high = np.maximum.reduceat(scaled[rows], starts)
        extents[rows] = (high - low).max(axis=1)[sets[rows]]
    return extents


def _scaled_rows(x: Floats, is_numeric: npt.NDArray[np.bool_]) -> Doubles:
    """Return quartile ranges from the median, with columns that tell missing values apart."""
    values = np.array(x, np.float64)
    is_missing = np.isnan(values)
    values[:, ~is_numeric] *= _APART
    centre, scale = _robust_scale(values[:, is_numeric])
    values[:, is_numeric] = (values[:, is_numeric] - centre) / scale
    values[is_missing] = 0
    has_gaps = is_missing.any(axis=0)
    return np.concatenate([values, _APART * is_missing[:, has_gaps]], axis=1)
