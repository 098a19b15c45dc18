"""Smaller training parts, each of which holds the ones before it.

N: samples of a training part.
"""

import numpy as np
import numpy.typing as npt

from foldwise.seeds import numpy_generator

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def nested_part(strata: Codes, units: Codes, fraction: float, seed: int) -> Mask:
    """Mark about a fraction of the samples, (N,): strata keep their shares, units stay whole.

    With one seed, a larger fraction marks all that a smaller one does. Every stratum keeps one
    unit at least. A unit counts to the stratum of most of its samples, the first of equal ones.

    >>> strata, units = np.array([0] * 8 + [1] * 2), np.arange(10)
    >>> int(nested_part(strata, units, 0.5, seed=0).sum())
    5

    Args:
        strata: The class, or the bin of the number, of each sample, shape (N,).
        units: What is not to be separated: equal numbers, shape (N,).
        fraction: In (0, 1].
        seed: Of the choice.
    """
    _, unit = np.unique(units, return_inverse=True)
    _, stratum = np.unique(strata, return_inverse=True)
    num_units, num_strata = int(unit.max()) + 1, int(stratum.max()) + 1
    sizes = np.bincount(unit)
    own = np.bincount(unit * num_strata + stratum, minlength=num_units * num_strata)
    of_unit = own.reshape(num_units, num_strata).argmax(axis=1)
    order = numpy_generator(seed, "nested").permutation(num_units)
    taken = np.zeros(num_units, dtype=bool)
    for number in range(num_strata):
        members = order[of_unit[order] == number]
        before = np.cumsum(sizes[members]) - sizes[members]
        # As long as the share is not reached: the first unit always belongs to it.
        taken[members[before < fraction * sizes[members].sum() - 1e-9]] = True
    return np.asarray(taken[unit])


def latest_part(times: npt.NDArray[np.generic], fraction: float) -> Mask:
    """Mark the latest fraction of the samples, (N,): what a shorter history would have been."""
    number = max(1, round(fraction * len(times)))
    marked = np.zeros(len(times), dtype=bool)
    marked[np.argsort(times, kind="stable")[len(times) - number :]] = True
    return marked
