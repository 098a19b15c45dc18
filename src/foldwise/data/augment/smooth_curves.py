"""Smooth random curves along sequences.

B: batch, T: steps, L: steps of one sequence, K: knots, F: channels, U: different lengths.
"""

import functools

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.step_draws import Floats, Lengths

KNOTS = 6  # both ends and four between, as in the papers on warping


def smooth_curves(knots: Floats, lengths: Lengths, num_steps: int) -> Floats:
    """Return cubic splines through knots (B, K, F), at all steps, (B, T, F).

    The knots lie evenly from the first to the last step of each sequence. What stands at the
    padding means nothing.

    Args:
        knots: Values of the curves, (B, K, F).
        lengths: Steps of each sequence, (B,).
        num_steps: T.
    """
    unique, inverse = np.unique(lengths, return_inverse=True)  # mostly few: batches are bucketed
    weights = _knot_weights(unique, num_steps, knots.shape[1])  # (U, T, K)
    curves: Floats = np.matmul(weights[inverse], knots)
    return curves


def _knot_weights(lengths: Lengths, num_steps: int, num_knots: int) -> Floats:
    """Return how much each knot counts at each step, (U,) -> (U, T, K): splines are linear."""
    last = np.maximum(lengths - 1, 1)[:, np.newaxis]
    places = np.minimum(np.arange(num_steps) / last, 1) * (num_knots - 1)  # (U, T)
    pieces = np.minimum(places.astype(np.int64), num_knots - 2)
    within = (places - pieces)[..., np.newaxis]
    cubic, square, linear, constant = _coefficients(num_knots)[:, pieces]  # each (U, T, K)
    weights: Floats = ((cubic * within + square) * within + linear) * within + constant
    return weights


@functools.cache
def _coefficients(num_knots: int) -> npt.NDArray[np.float64]:
    """Return the polynomials, (4, K - 1, K): power from 3 to 0, piece, which knot is 1."""
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(np.arange(num_knots), np.eye(num_knots))
    return np.asarray(spline.c, dtype=np.float64)
