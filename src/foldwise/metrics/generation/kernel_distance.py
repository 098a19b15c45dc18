"""The kernel distance between two sets of vectors (KID), with an interval.

Sources:
    Binkowski, M., Sutherland, D. J., Arbel, M., Gretton, A. (2018). Demystifying MMD GANs. ICLR
        (in the space of Inception's features: KID).
    Gretton, A. et al. (2012). A kernel two-sample test. JMLR 13, lemma 6 (the unbiased form).
    Arvesen, J. N. (1969). Jackknifing U-statistics. Ann. Math. Statist. 40.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.generation.frechet import Vectors
from foldwise.metrics.intervals import UNDEFINED, Interval

_CHUNK_NUMBERS = 2**24  # of a kernel matrix at a time


def kernel_distance(real: Vectors, generated: Vectors, confidence: float = 0.95) -> Estimate:
    """Return the unbiased squared maximum mean discrepancy of the kernel (x.y / D + 1)^3.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), no sample with itself: its expectation is 0
    for equal distributions, whatever N and M are, so that it may be below 0. All pairs are taken
    rather than random subsets, whose mean has the same expectation and a larger variance. The
    interval rests on the jackknife's variance over both sets, which is not below the true one in
    expectation (Efron and Stein 1981).

    Args:
        real: (N, D).
        generated: (M, D).
        confidence: Of the interval.

    Returns:
        NaN for fewer than three samples of either kind.
    """
    from scipy.special import stdtrit

    sizes = len(real), len(generated)
    if min(sizes) < 3:
        return Estimate.of(float("nan"), UNDEFINED)
    x, y = (np.asarray(vectors, dtype=np.float64) for vectors in (real, generated))
    sums = _PairSums.of(x, y)
    of_x, of_y, value = sums.without_one(), sums.swapped().without_one(), sums.distance()
    variance = sum(
        (len(found) - 1) / len(found) * np.square(found - found.mean()).sum()
        for found in (of_x, of_y)
    )
    half = float(stdtrit(min(sizes) - 1, 0.5 + confidence / 2) * np.sqrt(variance))
    return Estimate.of(value, Interval(value - half, value + half, "jackknife, t"))


class _PairSums(NamedTuple):
    """Sums of the kernel over all partners of each sample, itself left out."""

    within: Array  # (N,) partners of the same set
    across: Array  # (N,) partners of the other set
    other_within: Array  # (M,)
    other_across: Array  # (M,)

    @classmethod
    def of(cls, x: Array, y: Array) -> "_PairSums":
        """Sum over sets (N, D) and (M, D)."""
        of_x, of_xy = _kernel_sums(x, x)[0], _kernel_sums(x, y)
        of_y = _kernel_sums(y, y)[0]
        return cls(of_x - _own(x), of_xy[0], of_y - _own(y), of_xy[1])

    def swapped(self) -> "_PairSums":
        """Return the same with the sets in the other order."""
        return _PairSums(self.other_within, self.other_across, self.within, self.across)

    def distance(self) -> float:
        """Return the squared discrepancy."""
        n, m = len(self.within), len(self.other_within)
        same = self.within.sum() / (n * (n - 1)) + self.other_within.sum() / (m * (m - 1))
        return float(same - 2 * self.across.sum() / (n * m))

    def without_one(self) -> Array:
        """Return the squared discrepancy without each sample of the first set, (N,)."""
        n, m = len(self.within), len(self.other_within)
        within = (self.within.sum() - 2 * self.within) / ((n - 1) * (n - 2))
        across = (self.across.sum() - self.across) / ((n - 1) * m)
        return np.asarray(within + self.other_within.sum() / (m * (m - 1)) - 2 * across)


def _kernel_sums(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the sums of the kernel's rows (N,) and columns (M,), in chunks."""
    rows, columns = np.empty(len(x)), np.zeros(len(y))
    step = max(1, _CHUNK_NUMBERS // len(y))
    for start in range(0, len(x), step):
        kernel = _cubed(x[start : start + step] @ y.T / x.shape[1] + 1)
        rows[start : start + step] = kernel.sum(axis=1)
        columns += kernel.sum(axis=0)
    return rows, columns


def _own(x: Array) -> Array:
    """Return the kernel of each sample with itself, (N,)."""
    return _cubed(np.square(x).sum(axis=1) / x.shape[1] + 1)


def _cubed(values: Array) -> Array:
    return values * values * values  # ten times as fast as a power
