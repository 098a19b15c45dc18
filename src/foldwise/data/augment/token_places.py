"""Where the tokens of changed texts come from.

B: batch, T: tokens, L: tokens of one text.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.augment.step_draws import Floats, Lengths, Noise

Places = npt.NDArray[np.int64]


def swapped_with_any(draws: Noise, fraction: float) -> Places:
    """Return places (B, T) where random tokens have changed places two and two.

    An odd one stays where it is, so a text changes if at least two are drawn.

    Args:
        draws: Uniform in 0..1 at tokens, above 1 at the padding, (B, T).
        fraction: Of tokens that are drawn.
    """
    size, num_steps = draws.shape
    order = np.argsort(draws, axis=1, kind="stable")  # the drawn ones first, in random order
    numbers = (draws < fraction).sum(axis=1, keepdims=True)  # (B, 1)
    ranks = np.arange(num_steps)
    partners = np.where((ranks | 1) < numbers, ranks ^ 1, ranks)
    places = np.empty((size, num_steps), dtype=np.int64)
    np.put_along_axis(places, order, np.take_along_axis(order, partners, axis=1), axis=1)
    return places


def swapped_with_neighbour(
    draws: Noise, lengths: Lengths, fraction: float, offsets: Floats
) -> Places:
    """Return places (B, T) where random pairs of neighbours have changed places.

    A text is paired off from its first or its second token on, so that no token moves twice.

    Args:
        draws: Uniform in 0..1, (B, T); that of a pair's first token decides.
        lengths: (B,).
        fraction: Of pairs that are drawn.
        offsets: Uniform in 0..1, (B,): where pairs begin.
    """
    steps = np.arange(draws.shape[1])
    begins = (steps + (offsets[:, np.newaxis] < 0.5)) % 2 == 0
    first = begins & (draws < fraction) & (steps < lengths[:, np.newaxis] - 1)
    second = np.zeros_like(first)
    second[:, 1:] = first[:, :-1]
    return np.asarray(steps + first - second.astype(np.int64))


def remaining_first(draws: Noise, fraction: float) -> tuple[Places, Lengths]:
    """Return places (B, T) with those first that are not left out, and how many these are, (B,).

    Args:
        draws: Uniform in 0..1 at tokens, above 1 at the padding, (B, T); the smallest are left
            out, but for the largest of a text.
        fraction: Of tokens that are left out.
    """
    at_steps = np.where(draws <= 1, draws, -1)
    kept = (at_steps >= fraction) | (
        (at_steps >= 0) & (at_steps == at_steps.max(axis=1, keepdims=True, initial=-1))
    )
    return np.argsort(~kept, axis=1, kind="stable"), kept.sum(axis=1)
