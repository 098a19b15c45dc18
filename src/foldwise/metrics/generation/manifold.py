"""Whether generated samples lie where real ones do, and real ones where generated ones do.

The region of a set is the union of balls around its members; the radius of each ball is the
distance to its member's k-th nearest other member.

Sources:
    Kynkaanniemi, T. et al. (2019). Improved precision and recall metric for assessing generative
        models. NeurIPS.
    Naeem, M. F. et al. (2020). Reliable fidelity and diversity metrics for generative models.
        ICML.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array
from foldwise.metrics.generation.frechet import Vectors
from foldwise.metrics.generation.neighbours import own_neighbours

_CHUNK_NUMBERS = 2**23  # of distances at a time
_UNDEFINED = float("nan")


class PrecisionRecall(NamedTuple):
    """Shares, 0 to 1."""

    precision: float  # of the generated samples, that lie in the region of the real ones
    recall: float  # of the real samples, that lie in the region of the generated ones


class DensityCoverage(NamedTuple):
    """What one outlier among the real samples changes little."""

    density: float  # how many balls a generated sample lies in, over k; 1 on average if equal
    coverage: float  # share of the real samples whose ball holds a generated one, 0 to 1


def precision_recall(
    real: Vectors, generated: Vectors, num_neighbours: int = 3
) -> PrecisionRecall:
    """Return the share of each set that lies in the region of the other one.

    Args:
        real: (N, D).
        generated: (M, D).
        num_neighbours: k; 3 is the paper's.

    Returns:
        NaN where a set has no more than k members.
    """
    if min(len(real), len(generated)) <= num_neighbours:
        return PrecisionRecall(_UNDEFINED, _UNDEFINED)
    return PrecisionRecall(
        precision=_share_inside(generated, real, num_neighbours),
        recall=_share_inside(real, generated, num_neighbours),
    )


def density_coverage(
    real: Vectors, generated: Vectors, num_neighbours: int = 5
) -> DensityCoverage:
    """Return density and coverage, both by the balls around the real samples alone.

    Of two sets of N from one distribution the density is 1 on average, and the coverage
    1 - (N - 1) ... (N - k) / ((2 N - 1) ... (2 N - k)), which is nearly 1 - 2^-k.

    Args:
        real: (N, D).
        generated: (M, D).
        num_neighbours: k; 5 is the paper's.

    Returns:
        NaN where the real set has no more than k members, or the generated one none.
    """
    if len(real) <= num_neighbours or not len(generated):
        return DensityCoverage(_UNDEFINED, _UNDEFINED)
    num_inside, is_covered = 0, np.zeros(len(real), dtype=np.bool_)
    for inside in _balls_around(generated, real, num_neighbours):
        num_inside += int(inside.sum())
        is_covered |= inside.any(axis=0)
    density = num_inside / (num_neighbours * len(generated))
    return DensityCoverage(density, float(is_covered.mean()))


def _share_inside(vectors: Vectors, members: Vectors, num_neighbours: int) -> float:
    found = [inside.any(axis=1) for inside in _balls_around(vectors, members, num_neighbours)]
    return float(np.concatenate(found).mean())


def _balls_around(
    vectors: Vectors, members: Vectors, num_neighbours: int
) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield, chunk by chunk of the vectors, in which members' balls each lies, (chunk, N)."""
    from scipy.spatial.distance import cdist

    x, y = (np.asarray(found, dtype=np.float64) for found in (vectors, members))
    radii: Array = own_neighbours(y, num_neighbours).distances[:, -1]
    # Distances there and here are computed in different ways: rounding must not decide.
    radii = radii * (1 + 1e-9) + 1e-12
    step = max(1, _CHUNK_NUMBERS // len(y))
    for start in range(0, len(x), step):
        yield cdist(x[start : start + step], y) <= radii
