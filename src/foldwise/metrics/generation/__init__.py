"""How far generated samples are from real ones, as vectors in a space of features.

N: real samples, M: generated samples, D: numbers of a vector.
"""

from foldwise.metrics.generation.copies import CopyLimit, copy_limit
from foldwise.metrics.generation.floor import FrechetFloor, frechet_floor
from foldwise.metrics.generation.frechet import frechet_distance, gaussian_frechet_distance
from foldwise.metrics.generation.kernel_distance import kernel_distance
from foldwise.metrics.generation.manifold import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from foldwise.metrics.generation.neighbours import Neighbours, nearest_neighbours, own_neighbours

__all__ = [
    "CopyLimit",
    "DensityCoverage",
    "FrechetFloor",
    "Neighbours",
    "PrecisionRecall",
    "copy_limit",
    "density_coverage",
    "frechet_distance",
    "frechet_floor",
    "gaussian_frechet_distance",
    "kernel_distance",
    "nearest_neighbours",
    "own_neighbours",
    "precision_recall",
]
