"""Which steps of series are hidden.

B: batch, T: steps, L: steps of one series, K: blocks.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.step_draws import Floats, Lengths


def hidden_steps(
    lengths: Lengths, num_steps: int, fraction: float, probability: float, draws: Floats
) -> npt.NDArray[np.bool_]:
    """Return which steps are hidden, (B, T): a fraction of each chosen series, in blocks.

    Blocks do not overlap, so that no fewer are hidden; the fraction holds on average where it is
    no whole number of steps.

    Args:
        lengths: (B,).
        num_steps: T.
        fraction: Of the steps of a series.
        probability: That a series is chosen.
        draws: Uniform in 0..1, (B, 2 + K): who is chosen, how the number of steps is rounded,
            where the blocks are.
    """
    num_blocks = draws.shape[1] - 2
    number = np.floor(fraction * lengths + draws[:, 1]).astype(np.int64)
    number = np.where(draws[:, 0] < probability, number, 0)[:, np.newaxis]
    # Blocks are strung together without gaps, then moved apart by what remains of the series.
    edges = number * np.arange(num_blocks + 1) // num_blocks  # (B, K + 1)
    free = lengths[:, np.newaxis] - number + 1
    moved_by = np.floor(np.sort(draws[:, 2:]) * free).astype(np.int64)
    starts, stops = edges[:, :-1] + moved_by, edges[:, 1:] + moved_by
    steps = np.arange(num_steps)[:, np.newaxis]
    inside = (steps >= starts[:, np.newaxis]) & (steps < stops[:, np.newaxis])  # (B, T, K)
    return np.asarray(inside.any(axis=2))
