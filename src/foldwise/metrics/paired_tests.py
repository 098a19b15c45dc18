"""Tests of the paired differences between two methods that saw the same folds or samples.

Sources:
    Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52
        (the corrected resampled t-test).
    Bouckaert, R. R., Frank, E. (2004). Evaluating the replicability of significance tests for
        comparing learning algorithms. PAKDD (the same for repeated cross-validation).
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6.
    Efron, B., Tibshirani, R. J. (1993). An introduction to the bootstrap (the paired bootstrap).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foldwise.metrics import intervals
from foldwise.metrics.classification import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_UNDEFINED = float("nan")


class PairedTest(NamedTuple):
    """A mean difference, its interval and how surprising it is if there is none."""

    difference: float
    low: float
    high: float
    p_value: float  # two-sided; NaN where there is nothing to judge the difference by
    num_pairs: int
    statistic: float


def corrected_resampled_t(
    differences: Array, test_to_train: float, confidence: float
) -> PairedTest:
    """Test whether the mean of paired differences over resamples is zero.

    The training parts of folds overlap, so their scores are not independent and the usual variance
    s^2 / k of a mean is too small. Nadeau and Bengio take s^2 (1/k + n_test / n_train) instead,
    with k - 1 degrees of freedom.

    Args:
        differences: One per resample (fold, or fold and repeat), shape (k,); NaN is left out.
        test_to_train: n_test / n_train of a resample; 0 gives the usual paired t-test, which is
            right for differences that are independent.
        confidence: Of the interval, e.g. 0.95.
    """
    from scipy.special import stdtr, stdtrit

    differences = differences[np.isfinite(differences)]
    num_pairs = len(differences)
    if num_pairs == 0:
        return _without_test(_UNDEFINED, 0)
    mean = float(differences.mean())
    if num_pairs == 1:
        return _without_test(mean, 1)
    if np.ptp(differences) == 0:
        # Without any spread there is nothing to judge a difference by; no difference is none.
        p_value = 1.0 if mean == 0 else _UNDEFINED
        return PairedTest(mean, mean, mean, p_value, num_pairs, _UNDEFINED)
    variance = float(differences.var(ddof=1)) * (1 / num_pairs + test_to_train)
    error = float(np.sqrt(variance))
    statistic = mean / error
    half = float(stdtrit(num_pairs - 1, 0.5 + confidence / 2)) * error
    p_value = 2 * float(stdtr(num_pairs - 1, -abs(statistic)))
    return PairedTest(mean, mean - half, mean + half, p_value, num_pairs, statistic)


def paired_bootstrap(
    counts: "csr_array",
    difference: Callable[[Array], Array],
    num_resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> PairedTest:
    """Test whether two sets of predictions of the same units score alike.

    The networks are taken as they are: what varies is which units happened to be in the sample.
    The interval is bias-corrected and accelerated; the p-value is twice the share of resamples on
    the rarer side of zero.

    Args:
        counts: What each unit adds to each cell, of both methods, shape (U, cells).
        difference: From the cells of b resamples (b, cells) to the difference of the metric, (b,)
            in [-1, 1].
        num_resamples: B.
        confidence: Of the interval, e.g. 0.95.
        rng: The draws.
    """
    totals = np.asarray(counts.sum(axis=0), dtype=np.float64).ravel()
    value = float(difference(totals[None])[0])
    num_units = counts.shape[0]
    drawn = intervals.bootstrap(counts, lambda c: difference(c)[:, None], num_resamples, rng)[:, 0]
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) < 2:
        return _without_test(value, num_units)
    influence = counts @ _gradient(difference, totals)
    # The limits of `bca_interval` are those of a metric in [0, 1]; the method is equivariant.
    limits = intervals.bca_interval((value + 1) / 2, (drawn + 1) / 2, influence / 2, confidence)
    low, high = (value, value) if limits is None else (2 * limit - 1 for limit in limits)
    rarer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p_value = min(1.0, 2 * (rarer + 1) / (len(drawn) + 1))
    return PairedTest(value, low, high, p_value, num_units, _UNDEFINED)


def holm(p_values: Array) -> Array:
    """Adjust the p-values of a family of tests, shape (m,), by Holm's method.

    Comparing them with alpha keeps the chance of any false discovery at most alpha. An undefined
    one (NaN) stays so and counts as a test of the family, which can only make the others larger.
    """
    from statsmodels.stats.multitest import multipletests

    if not len(p_values):
        return p_values
    defined = np.isfinite(p_values)
    adjusted = multipletests(np.where(defined, p_values, 1.0), method="holm")[1]
    return np.where(defined, adjusted, _UNDEFINED)


def _without_test(difference: float, num_pairs: int) -> PairedTest:
    undefined = float("nan")
    return PairedTest(difference, undefined, undefined, undefined, num_pairs, undefined)


def _gradient(difference: Callable[[Array], Array], cells: Array) -> Array:
    """Return the derivatives of the difference by each cell, shape (cells,)."""
    steps = np.maximum(cells, 1.0) * 1e-5
    shifts = np.diag(steps)
    return np.nan_to_num(difference(cells + shifts) - difference(cells - shifts)) / (2 * steps)
