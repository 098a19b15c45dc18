"""How small a Frechet distance can be expected to get: that between halves of the real samples."""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.generation.frechet import Vectors, frechet_distance

_NUM_HALVINGS = 5


class FrechetFloor(NamedTuple):
    """Distances to one half of the real samples, means over several halvings.

    Both are computed from as many samples, so that their bias is the same.
    """

    floor: float  # of the other half of the real ones
    generated: float  # of as many generated samples
    lowest: float  # floor among the halvings
    highest: float

    @property
    def ratio(self) -> float:
        """How many times as far the generated samples are as real ones; 1: no farther."""
        return self.generated / self.floor if self.floor > 0 else float("nan")


def frechet_floor(
    real: Vectors,
    generated: Vectors,
    rng: np.random.Generator,
    num_halvings: int = _NUM_HALVINGS,
) -> FrechetFloor:
    """Halve the real samples at random, several times, and measure from half to half.

    Args:
        real: (N, D).
        generated: (M, D); where M = N, those at the places of the other half are taken, so that
            generated samples with the labels of the real ones keep the shares of the classes.
        rng: Draws the halves.
        num_halvings: How often.

    Returns:
        NaN for fewer than four real samples, or fewer generated ones than half of them.
    """
    size = len(real) // 2
    if size < 2 or len(generated) < size:
        return FrechetFloor(*(float("nan"),) * 4)
    floors, distances = [], []
    for _ in range(num_halvings):
        order = rng.permutation(len(real))
        one, other = order[:size], order[size : 2 * size]
        places = other if len(generated) == len(real) else rng.permutation(len(generated))[:size]
        floors.append(frechet_distance(real[one], real[other]))
        distances.append(frechet_distance(real[one], generated[places]))
    return FrechetFloor(
        float(np.mean(floors)), float(np.mean(distances)), min(floors), max(floors)
    )
