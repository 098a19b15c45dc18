"""How different the look-alikes of each sample are: those that are not copies of it.

N: samples, B: some of them, K: neighbours, D: dimensions of a descriptor.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.near_pairs import Floats, Positions, nearest_neighbours

_THINNED_TO = 16  # of so many samples one is kept at each step
_FEWEST = 24  # samples to look among

# Of rows (B,) and others (B, K), -1 for none: how different they are, infinite for none (B, K).
Compare = Callable[[Positions, Positions], Floats]
# Of rows (B,) and differences (B,): whether there may be more copies that differ more.
AreCopies = Callable[[Positions, Floats], npt.NDArray[np.bool_]]


def look_alike_residuals(
    descriptors: Floats,
    neighbours: Positions,
    compare: Compare,
    are_copies: AreCopies,
    *,
    rank: int,
    ratio: float,
) -> tuple[Floats, Floats]:
    """Return how different the neighbours are, and the look-alike that shows what is usual.

    That is the neighbour of a rank. Where a sample has more copies than that, it is the first one
    after a clear gap: so different that all before are copies beside it. If all neighbours may be
    copies the gap is looked for further out, among ever fewer samples drawn at random, so that
    the time grows as log N at most. What half of the samples are like is a kind and no copy.

    Args:
        descriptors: By which neighbours are found, shape (N, D).
        neighbours: Shape (N, K).
        compare: Tells how different samples are.
        are_copies: Tells where to look further out.
        rank: From 1 to K.
        ratio: How small the differences before a gap are, in those after.

    Returns:
        Shapes (N, K) and (N,).
    """
    rows = np.arange(len(neighbours))
    residuals = compare(rows, neighbours)
    nearest = np.sort(residuals, axis=1)
    usual = nearest[:, rank - 1].copy()
    nearest = nearest[:, rank - 1 : max(rank, len(rows) // 2 + 1)]
    among = np.random.default_rng(0).permutation(len(rows))
    while True:
        beyond = _after_gap(nearest, ratio)
        usual[rows] = np.fmax(usual[rows], beyond)
        is_open = np.isnan(beyond) & are_copies(rows, nearest[:, -1])
        rows, last = rows[is_open], nearest[is_open, -1:]
        if not len(rows) or len(among) <= _FEWEST:
            return residuals, usual
        among = among[: max(_FEWEST, len(among) // _THINNED_TO)]
        count = min(neighbours.shape[1], len(among) // 2)
        further = compare(rows, nearest_neighbours(descriptors, count, rows, np.sort(among)))
        nearest = np.concatenate([last, np.sort(np.maximum(further, last), axis=1)], axis=1)


def _after_gap(ascending: Floats, ratio: float) -> Floats:
    """Return the first value that follows a clear gap, NaN where there is none, (B, K) -> (B,)."""
    before, after = ascending[:, :-1], ascending[:, 1:]
    is_gap = (before <= ratio * after) & np.isfinite(after)
    values = np.where(is_gap, after, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isinf(values), np.nan, values).astype(np.float32)
