"""Draws for the steps of sequences, and for more than one number a sample.

B: batch, T: steps, L: steps of one sequence, W: draws of each.
"""

import numpy as np
import numpy.typing as npt

from foldwise.seeds import numpy_generator

Lengths = npt.NDArray[np.int64]  # (B,)
Floats = npt.NDArray[np.float64]
Noise = npt.NDArray[np.float32]


def uniform_table(size: int, width: int, seed: int, *purpose: str) -> Floats:
    """Return uniform draws in 0..1, (B, W); a sample's do not depend on how many follow it."""
    return numpy_generator(seed, *purpose).random((size, width))


def normal_table(size: int, width: int, seed: int, *purpose: str) -> Floats:
    """Return standard normal draws, (B, W); a sample's do not depend on how many follow it."""
    return numpy_generator(seed, *purpose).standard_normal((size, width))


def uniform_steps(lengths: Lengths, num_steps: int, seed: int, *purpose: str) -> Noise:
    """Return uniform draws in 0..1 at the steps, 2 at the padding, (B, T).

    Only steps draw, so that padding a batch further changes nothing.
    """
    drawn = numpy_generator(seed, *purpose).random(int(lengths.sum()), dtype=np.float32)
    return _spread(drawn, lengths, num_steps, padding=2.0)


def normal_steps(lengths: Lengths, num_steps: int, width: int, seed: int, *purpose: str) -> Noise:
    """Return standard normal draws at the steps, 0 at the padding, (B, T, W).

    Only steps draw, so that padding a batch further changes nothing.
    """
    shape = (int(lengths.sum()), width)
    drawn = numpy_generator(seed, *purpose).standard_normal(shape, dtype=np.float32)
    return _spread(drawn, lengths, num_steps, padding=0.0)


def _spread(drawn: Noise, lengths: Lengths, num_steps: int, padding: float) -> Noise:
    shape = (len(lengths), num_steps, *drawn.shape[1:])
    if (lengths == num_steps).all():
        return drawn.reshape(shape)
    spread = np.full(shape, padding, dtype=np.float32)
    spread[np.arange(num_steps) < lengths[:, np.newaxis]] = drawn
    return spread
