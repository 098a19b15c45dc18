"""Nearest neighbours by the Euclidean distance.

Q: vectors whose neighbours are sought, k: neighbours of each.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.generation.frechet import Vectors


class Neighbours(NamedTuple):
    """The nearest ones of each vector, the nearest first."""

    distances: Array  # (Q, k)
    indices: Codes  # (Q, k)


def nearest_neighbours(vectors: Vectors, among: Vectors, num_neighbours: int = 1) -> Neighbours:
    """Return the nearest of `among` (N, D) for each of the vectors (Q, D).

    Args:
        vectors: (Q, D).
        among: (N, D).
        num_neighbours: k, at most N.
    """
    # Here, since it takes seconds to import.
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=num_neighbours, algorithm="brute").fit(_wide(among))
    return Neighbours(*found.kneighbors(_wide(vectors)))


def own_neighbours(vectors: Vectors, num_neighbours: int) -> Neighbours:
    """Return the nearest others of each vector in its own set, (Q, D); it itself is left out.

    Args:
        vectors: (Q, D).
        num_neighbours: k, less than Q.
    """
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=num_neighbours, algorithm="brute").fit(_wide(vectors))
    return Neighbours(*found.kneighbors())


def _wide(vectors: Vectors) -> Array:
    return np.ascontiguousarray(vectors, dtype=np.float64)
