"""Find pictures that are nearly the same: re-saved, resized, brightened, cropped or shifted.

N: pictures, P: pairs, K: neighbours, S: side of a thumbnail, A: pixels of its inside.

1. Each picture becomes a grey thumbnail, its contrast made equal everywhere.
2. Its nearest neighbours are looked up among coarse versions of these.
3. Each neighbour is explained by the picture as far as brightness, contrast and a small affine
   motion allow. A pair counts where little is left unexplained, on both sides, and far less than
   between the picture and others that look alike.

Why not the distance of two perceptual hashes, as usual: of the tiles photographed at six exposures
it finds 29 % of the pairs at a precision of 0.98, this 63 %; and it joins 668 trousers of
Fashion-MNIST in one set, this 4 (`benchmarks/results/audit.md`).
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
    near_pairs,
    nearest_neighbours,
    no_pairs,
    reduced,
)

Bytes = npt.NDArray[np.uint8]

SIDE = 32  # S
_COARSE = 16  # side of the versions among which neighbours are looked up
_NUM_NEIGHBOURS = 24  # K
_BORDER = 2  # pixels at the rim that a motion moves out of sight
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_NOISE = 3.0  # grey levels of contrast that are not raised
_DETAIL = 0.03  # mean square of the equalised contrast under which a picture is blank
_STEPS = 24  # of one unit of equalised contrast, which is hardly ever above 5
_BATCH_PIXELS = 2**22
_BATCH = 256


class NearImagesConfig(Config):
    """What makes two pictures nearly the same."""

    similarity: float = Field(0.75, gt=0, le=1)  # share of the contrast that one explains of both
    distinctness: float = Field(0.2, gt=0, le=1)  # rest that may remain, in those of look-alikes
    rank: int = Field(
        12, ge=2, lt=_NUM_NEIGHBOURS
    )  # of the look-alike to compare with, unless a copy
    surely: float = Field(0.995, gt=0, le=1)  # similarity that needs no comparison


def find_near_images(
    x: Bytes, config: NearImagesConfig, rows: Positions | None = None
) -> NearPairs:
    """Find the pairs of pictures that are nearly the same.

    Colours are not looked at, only light and dark. Pictures without any detail are like no other.

    Args:
        x: Shape (N, C, H, W); only a part of it is in memory at a time.
        config: What counts.
        rows: The pictures to look at, without exact copies, ascending; none: all.

    Returns:
        Pairs of rows of `x`.
    """
    rows = np.arange(len(x)) if rows is None else rows
    if len(rows) < 2:
        return no_pairs()
    thumbnails, coarse = describe_images(x, rows)
    detailed = np.flatnonzero(_detail(thumbnails) >= _DETAIL)
    first = _first_of_equal(thumbnails[detailed])
    is_first = first == np.arange(len(first))
    distinct = detailed[is_first]
    found = _near_among(thumbnails[distinct], coarse[distinct], config).of_rows(distinct)
    equal = np.stack([detailed[first], detailed], axis=1)[~is_first]
    return near_pairs(
        rows[np.concatenate([found.pairs, equal])],
        np.concatenate([found.similarity, np.ones(len(equal), np.float32)]),
    )


def describe_images(x: Bytes, rows: Positions) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return thumbnails of some pictures to compare, and coarse ones to look them up by.

    Returns:
        Light and dark with the contrast equalised, in 24ths, shape (N, S, S); and vectors of
        about length 1 of the same without its fine detail, shape (N, D).
    """
    from scipy.ndimage import gaussian_filter

    thumbnails = np.empty((len(rows), SIDE, SIDE), np.int8)
    coarse = np.empty((len(rows), _COARSE, _COARSE), np.float32)
    step = max(1, _BATCH_PIXELS // int(np.prod(x.shape[1:])))
    for start in range(0, len(rows), step):
        batch = slice(start, start + step)
        grey = _grey_thumbnails(x[rows[batch]])
        equalised = _equalise(grey)
        thumbnails[batch] = np.clip(np.rint(_STEPS * equalised), -127, 127)
        blocks = grey.reshape(len(grey), _COARSE, SIDE // _COARSE, _COARSE, -1).mean(axis=(2, 4))
        smooth = gaussian_filter(blocks, (0, 1, 1))
        coarse[batch] = smooth - gaussian_filter(smooth, (0, 4, 4), mode="nearest")
    flat = coarse.reshape(len(rows), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return thumbnails, flat


def _grey_thumbnails(x: Bytes) -> Floats:
    """Return grey levels, (N, C, H, W) -> (N, S, S)."""
    weights = _LUMA if x.shape[1] == 3 else np.full(x.shape[1], 1 / x.shape[1], np.float32)
    grey = np.einsum("nchw,c->nhw", x, weights, dtype=np.float32, optimize=True)
    rows, columns = _resampling(x.shape[2]), _resampling(x.shape[3])
    thumbnails: Floats = rows @ grey @ columns.T
    return thumbnails


def _resampling(size: int) -> Floats:
    """Return the matrix that resamples a line of pixels with a triangle filter, (S, size)."""
    scale = size / SIDE
    centres = (np.arange(SIDE) + 0.5) * scale - 0.5
    distances = np.abs(np.arange(size)[None, :] - centres[:, None])
    weights = np.maximum(0, 1 - distances / max(scale, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _equalise(grey: Floats) -> Floats:
    """Take away the local mean and divide by the local contrast, both within some 2 pixels."""
    from scipy.ndimage import gaussian_filter

    around = (0, 2, 2)
    detail = grey - gaussian_filter(grey, around, mode="nearest")
    contrast = np.sqrt(gaussian_filter(detail**2, around, mode="nearest") + _NOISE**2)
    return np.asarray(gaussian_filter(detail / contrast, (0, 0.7, 0.7)), np.float32)


def _inside(thumbnails: npt.NDArray[np.int8]) -> Floats:
    """Return the thumbnails without their border, their mean taken away, (N, S, S) -> (N, A)."""
    inside = thumbnails[:, _BORDER:-_BORDER, _BORDER:-_BORDER].astype(np.float32) / _STEPS
    flat = inside.reshape(len(inside), -1)
    return np.asarray(flat - flat.mean(axis=1, keepdims=True))


def _detail(thumbnails: npt.NDArray[np.int8]) -> Floats:
    parts = (thumbnails[i : i + 4096] for i in range(0, len(thumbnails), 4096))
    return np.concatenate([(_inside(part) ** 2).mean(axis=1) for part in parts])


def _first_of_equal(thumbnails: npt.NDArray[np.int8]) -> Positions:
    """Return, for each, the first that has the very same bytes."""
    seen: dict[bytes, int] = {}
    first = [seen.setdefault(one.tobytes(), i) for i, one in enumerate(thumbnails)]
    return np.array(first, np.int64)


def _near_among(
    thumbnails: npt.NDArray[np.int8], coarse: Floats, config: NearImagesConfig
) -> NearPairs:
    """Find near pairs among pictures of which no two are equal."""
    size = len(thumbnails)
    num_neighbours = min(_NUM_NEIGHBOURS, size - 1)
    if num_neighbours < 1:
        return no_pairs()

    def compare(rows: Positions, others: Positions) -> Floats:
        rests = 1 - explained_shares(thumbnails, rows, others)
        return np.where(others < 0, np.float32(np.inf), rests)

    def are_copies(_: Positions, rest: Floats) -> npt.NDArray[np.bool_]:
        return (rest > 1 - config.surely) & (rest <= 1 - config.similarity)

    descriptors = reduced(coarse)
    neighbours = nearest_neighbours(descriptors, num_neighbours)
    rank = min(config.rank, num_neighbours)
    rests, look_alike = look_alike_residuals(
        descriptors, neighbours, compare, are_copies, rank=rank, ratio=config.distinctness
    )
    rows, columns = np.nonzero(1 - rests >= config.similarity)
    pairs = np.stack([rows, neighbours[rows, columns]], axis=1)
    share = 1 - rests[rows, columns]

    def is_near(share: Floats, pairs: Positions) -> npt.NDArray[np.bool_]:
        is_distinct = is_far_nearer(1 - share, look_alike, pairs, config.distinctness)
        return (share >= config.similarity) & (is_distinct | (share >= config.surely))

    kept = is_near(share, pairs)
    pairs, share = pairs[kept], share[kept]
    share = np.minimum(share, _explained_by_second(thumbnails, pairs))
    kept = is_near(share, pairs)
    return near_pairs(pairs[kept], share[kept])


def _explained_by_second(thumbnails: npt.NDArray[np.int8], pairs: Positions) -> Floats:
    """Return how much of the first of each pair the second explains, (P, 2) -> (P,)."""
    order = np.argsort(pairs[:, 1], kind="stable")
    second = pairs[order, 1]
    starts = np.flatnonzero(np.diff(second, prepend=-1))
    counts = np.diff(starts, append=len(second))
    place = np.arange(len(second)) - np.repeat(starts, counts)  # among the pairs of one second
    # A row for each second picture and K of the first ones that it is to explain.
    num_rows = -(-counts // _NUM_NEIGHBOURS)
    row = np.repeat(np.cumsum(num_rows) - num_rows, counts) + place // _NUM_NEIGHBOURS
    column = place % _NUM_NEIGHBOURS
    firsts = np.full((num_rows.sum(), _NUM_NEIGHBOURS), -1, np.int64)
    firsts[row, column] = pairs[order, 0]
    shares = np.empty(len(pairs), np.float32)
    seconds = np.repeat(second[starts], num_rows)
    shares[order] = explained_shares(thumbnails, seconds, firsts)[row, column]
    return shares


def explained_shares(
    thumbnails: npt.NDArray[np.int8], rows: Positions, others: Positions
) -> Floats:
    """Return how much of other pictures each picture explains.

    That is the coefficient of determination of a regression on the picture, its derivatives by a
    small affine motion and a constant: the one-sided tangent distance of Simard, LeCun and Denker,
    Efficient pattern recognition using a new transformation distance (1993), normalised.

    Args:
        thumbnails: Shape (N, S, S).
        rows: The pictures that explain, shape (B,).
        others: Those to be explained by each, shape (B, K); -1 stands for none.

    Returns:
        0 for nothing (or none) .. 1 for all, shape (B, K).
    """
    shares = np.empty(others.shape, np.float32)
    for start in range(0, len(rows), _BATCH):
        batch = slice(start, start + _BATCH)
        basis = _tangent_basis(thumbnails[rows[batch]])  # (B, A, 8)
        targets = _inside(thumbnails[others[batch].ravel()])
        targets /= np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-6)
        targets = targets.reshape(*others[batch].shape, -1)  # (B, K, A)
        shares[batch] = ((targets @ basis) ** 2).sum(axis=2)
    return np.where(others < 0, np.float32(0), np.minimum(shares, 1))


def _tangent_basis(thumbnails: npt.NDArray[np.int8]) -> Floats:
    """Return an orthonormal basis of what small motions make of each, (B, S, S) -> (B, A, 8)."""
    image = thumbnails.astype(np.float32) / _STEPS
    down, right = np.gradient(image, axis=(1, 2))
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    moved = [image, right, down, x * right, y * down, y * right, x * down, np.ones_like(image)]
    inside = np.stack(moved, axis=-1)[:, _BORDER:-_BORDER, _BORDER:-_BORDER]
    vectors = inside.reshape(len(image), -1, len(moved))
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    gram = vectors.transpose(0, 2, 1) @ vectors
    factor = np.linalg.cholesky(gram + 1e-4 * np.eye(len(moved), dtype=np.float32))
    # vectors = basis @ factor.T, but for the small ridge, which keeps this finite
    return np.asarray(vectors @ np.linalg.inv(factor).transpose(0, 2, 1))
