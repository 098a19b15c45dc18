"""Pairs of samples that are nearly the same, and the sets that they make.

N: samples, P: pairs, K: neighbours, D: dimensions of a descriptor.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

_EXHAUSTIVE = 20_000  # samples up to which all are compared with all, which is then faster
_NUM_PROBED = 8  # cells looked into, of 4 sqrt(N)
_TRAINING_POINTS = 64  # of each cell
_REDUCED = 64  # dimensions in which neighbours are looked for
_FITTED_ON = 5_000  # samples


@dataclass(frozen=True)
class NearPairs:
    """Which samples are nearly the same, and how nearly."""

    pairs: Positions  # (P, 2): row numbers, the smaller first, in ascending order
    similarity: Floats  # (P,): 0 nothing alike .. 1 the same

    def __len__(self) -> int:
        return len(self.pairs)

    def of_rows(self, rows: Positions) -> Self:
        """Return the pairs as rows of a larger table, where those here are `rows`, ascending."""
        return type(self)(rows[self.pairs], self.similarity)


def near_pairs(pairs: Positions, similarity: Floats) -> NearPairs:
    """Put pairs in order, each once with the least of the similarities that it was given."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    order = np.lexsort((similarity, high, low))
    low, high, similarity = low[order], high[order], similarity[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    chosen = np.stack([low, high], axis=1)[is_first]
    return NearPairs(chosen.astype(np.int64), similarity[is_first].astype(np.float32))


def no_pairs() -> NearPairs:
    """Return none."""
    return NearPairs(np.empty((0, 2), np.int64), np.empty(0, np.float32))


def joined_sets(pairs: Positions, size: int) -> Positions:
    """Number the sets of samples joined by pairs, directly or over others, in order of rows.

    Args:
        pairs: Row numbers, shape (P, 2).
        size: The number of samples, N.

    Returns:
        The number of each one's set, from 0; -1 for a sample in no pair. Shape (N,).
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1]))
    component = connected_components(coo_array(links, shape=(size, size)), directed=False)[1]
    members = np.unique(pairs)
    _, first, inverse = np.unique(component[members], return_index=True, return_inverse=True)
    numbers = np.full(size, -1, np.int64)
    numbers[members] = np.argsort(np.argsort(first))[inverse]
    return numbers


def reduced(descriptors: Floats) -> Floats:
    """Project descriptors onto the 64 directions of most variance; distances stay about equal."""
    from sklearn.decomposition import PCA

    size, width = descriptors.shape
    if width <= _REDUCED:
        return np.ascontiguousarray(descriptors)
    sample = descriptors[:: max(1, size // _FITTED_ON)]
    pca = PCA(min(_REDUCED, len(sample)), svd_solver="randomized", random_state=0).fit(sample)
    return np.ascontiguousarray(pca.transform(descriptors), dtype=np.float32)


def nearest_neighbours(
    descriptors: Floats,
    num_neighbours: int,
    rows: Positions | None = None,
    among: Positions | None = None,
) -> Positions:
    """Find about the nearest neighbours of each, in a time that grows as N sqrt(N).

    Many samples are first put into 4 sqrt(N) cells by k-means, and each is compared with those of
    the nearest cells only (the inverted file of Jegou, Douze and Schmid, Product quantization for
    nearest neighbor search, 2011). Two that are nearly the same are nearly always in neighbouring
    cells.

    Args:
        descriptors: Shape (N, D), D at most about 100.
        num_neighbours: K, less than the number of samples looked among.
        rows: Of which samples; none: all.
        among: The rows to look among, ascending; none: all.

    Returns:
        Row numbers of others, the nearest first; -1 where fewer were found. Shape (N, K), or as
        many as `rows` instead of N.
    """
    import faiss

    rows = np.arange(len(descriptors)) if rows is None else rows
    among = np.arange(len(descriptors)) if among is None else among
    size, width = len(among), descriptors.shape[1]
    index: Any = faiss.IndexFlatL2(width)
    if size > _EXHAUSTIVE:
        index = faiss.IndexIVFFlat(index, width, int(4 * np.sqrt(size)))
        index.cp.max_points_per_centroid = _TRAINING_POINTS
        index.nprobe = _NUM_PROBED
        index.train(descriptors[among])
    index.add(descriptors[among])
    found = index.search(descriptors[rows], num_neighbours + 1)[1]
    found = np.where(found < 0, -1, among[found])
    # Each finds itself, but not always first, and not at all among many that are equal.
    is_self = found == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    others: Positions = found[~is_self].reshape(len(rows), num_neighbours)
    return others


def is_far_nearer(
    residual: Floats, neighbour_residuals: Floats, pairs: Positions, ratio: float
) -> npt.NDArray[np.bool_]:
    """Tell which pairs are nearer than what is merely similar, as seen from both sides.

    How alike two different samples may be depends on what they are of: handbags differ more than
    trousers. So a pair counts where its difference is small beside that to a look-alike that is no
    copy (after the ratio test of Lowe, Distinctive image features from scale-invariant keypoints,
    2004).

    Args:
        residual: How different the two are, 0 for the same. Shape (P,).
        neighbour_residuals: The same between each sample and a look-alike. Shape (N,).
        pairs: Shape (P, 2).
        ratio: How small is small.
    """
    usual = np.minimum(neighbour_residuals[pairs[:, 0]], neighbour_residuals[pairs[:, 1]])
    return np.asarray(residual <= ratio * usual)
