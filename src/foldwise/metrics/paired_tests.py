"""Tests of the paired differences between methods that saw the same folds, samples or data sets.

Sources:
    Nadeau, C., Bengio, Y. (2003). Inference for the generalization error. Machine Learning 52
        (the corrected resampled t-test).
    Bouckaert, R. R., Frank, E. (2004). Evaluating the replicability of significance tests for
        comparing learning algorithms. PAKDD (the same for repeated cross-validation).
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Stat. 6.
    Efron, B., Tibshirani, R. J. (1993). An introduction to the bootstrap (the paired bootstrap).
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated
        proportions or percentages. Psychometrika 12.
    Durkalski, V. L., Palesch, Y. Y., Lipsitz, S. R., Rust, P. F. (2003). Analysis of clustered
        matched-pair data. Stat. Med. 22 (why McNemar's test is wrong for samples in groups).
    Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets. JMLR 7
        (signed ranks over data sets; average ranks with the correction of Iman and Davenport).

U: units, M: methods, D: data sets.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foldwise.metrics.bootstrap import bca_interval, bootstrap
from foldwise.metrics.classification import Array, Codes, Mask

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_UNDEFINED = float("nan")
_FEW_DISCORDANT = 25  # below it McNemar's test is the exact one
_MOST_STEPS = 20_000_000  # of the exact distribution of a sum of signs
_GRADIENT_CELLS = 256  # whose derivatives are found at once


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


def paired_bootstraps(
    counts: Sequence["csr_array"],
    metric: Callable[[Array], Array],
    num_resamples: int,
    confidence: float,
    rng: np.random.Generator,
    gradient: Callable[[Array], Array] | None = None,
) -> Iterator[tuple[int, int, PairedTest]]:
    """Test all pairs of M sets of predictions of the same units, by the same resamples.

    The networks are taken as they are: what varies is which units happened to be in the sample.
    The interval is bias-corrected and accelerated; the p-value is twice the share of resamples on
    the rarer side of zero. Each method is scored once in each resample, not each pair.

    Args:
        counts: Of each method, what each unit adds to each cell, shape (U, cells).
        metric: From the cells of b resamples of one method (b, cells) to the metric, (b,) in
            [0, 1].
        num_resamples: B.
        confidence: Of the interval, e.g. 0.95.
        rng: The draws.
        gradient: From the cells of a method (cells,) to the derivatives of the metric by each; by
            default found numerically, which for tens of thousands of cells takes minutes.

    Yields:
        The positions of two methods, the first one first, and the test of the metric of the second
        less that of the first.
    """
    from scipy.sparse import hstack

    num_methods, num_cells = len(counts), counts[0].shape[1]

    def metrics(cells: Array) -> Array:
        of_methods = cells.reshape(len(cells), num_methods, num_cells)
        return np.stack([metric(of_methods[:, m]) for m in range(num_methods)], axis=1)

    drawn = bootstrap(hstack(counts, format="csr"), metrics, num_resamples, rng)
    totals = [np.asarray(own.sum(axis=0), dtype=np.float64).ravel() for own in counts]
    values = [float(metric(cells[None])[0]) for cells in totals]
    derive = gradient or (lambda cells: _gradient(metric, cells))
    influences = [own @ derive(cells) for own, cells in zip(counts, totals, strict=True)]
    for first, second in combinations(range(num_methods), 2):
        yield (
            first,
            second,
            _from_resamples(
                values[second] - values[first],
                drawn[:, second] - drawn[:, first],
                influences[second] - influences[first],
                confidence,
            ),
        )


def _from_resamples(value: float, drawn: Array, influence: Array, confidence: float) -> PairedTest:
    """Test a difference in [-1, 1] by its resamples (B,) and the influence of each unit (U,)."""
    num_units = len(influence)
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) < 2:
        return _without_test(value, num_units)
    # The limits of `bca_interval` are those of a metric in [0, 1]; the method is equivariant.
    limits = bca_interval((value + 1) / 2, (drawn + 1) / 2, influence / 2, confidence)
    low, high = (value, value) if limits is None else (2 * limit - 1 for limit in limits)
    rarer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p_value = min(1.0, 2 * (rarer + 1) / (len(drawn) + 1))
    return PairedTest(value, low, high, p_value, num_units, _UNDEFINED)


# -- decisions ------------------------------------------------------------------------------------


class DecisionTest(NamedTuple):
    """How often the decision of one method alone is right, and how surprising that is."""

    num_only_first: int
    num_only_second: int
    p_value: float  # two-sided
    method: str


def mcnemar(first: Mask, second: Mask, units: Codes | None = None) -> DecisionTest:
    """Test whether two methods are right equally often, by the samples on which they disagree.

    - Independent samples: McNemar's test, exact (binomial) below 25 discordant samples, else
      chi-squared with the correction for continuity.
    - Samples in units: the discordant samples of a unit are no independent draws. The sums d_u of
      (+1: the first alone is right, -1: the second alone) over each unit are; if the methods are
      equal each sign of a d_u is as likely as the other. The two-sided test of |sum of d_u| takes
      the exact distribution over all signs, or where that is large the normal one,
      z = sum d_u / sqrt(sum d_u^2), which for units of one sample is McNemar's.

    Args:
        first: Whether the first method's decision is right, of each sample, shape (N,).
        second: The same of the second method.
        units: The number of the independent unit of each sample, shape (N,); None if each sample
            is one.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if only_first + only_second == 0:
        return DecisionTest(0, 0, 1.0, "no discordant sample")
    if units is None:
        p_value, method = _of_independent_pairs(only_first, only_second)
    else:
        difference = first.astype(np.float64) - second
        p_value, method = _sign_flips(np.bincount(units, difference).astype(np.float64))
    return DecisionTest(only_first, only_second, p_value, method)


def _of_independent_pairs(only_first: int, only_second: int) -> tuple[float, str]:
    from statsmodels.stats.contingency_tables import mcnemar as test

    is_exact = only_first + only_second < _FEW_DISCORDANT
    # What both get right or wrong does not enter.
    found = test([[0, only_first], [only_second, 0]], exact=is_exact, correction=True)
    return float(found.pvalue), "exact binomial" if is_exact else "chi-squared"


def _sign_flips(sums: Array) -> tuple[float, str]:
    sizes = np.abs(sums[sums != 0]).astype(np.int64)
    observed, total = abs(int(sums.sum())), int(sizes.sum())
    if len(sizes) * total > _MOST_STEPS:
        from scipy.special import erfc

        z = observed / np.sqrt(float((sizes**2).sum()))
        return float(erfc(z / np.sqrt(2))), "sign flips of units, normal"
    chance = np.zeros(total + 1)  # that the positive ones sum to 0, 1, ...
    chance[0] = 1.0
    for size in sizes:
        moved = np.zeros_like(chance)
        moved[size:] = chance[: len(chance) - size]
        chance = (chance + moved) / 2
    is_as_far = np.abs(2 * np.arange(total + 1) - total) >= observed
    return min(1.0, float(chance[is_as_far].sum())), "sign flips of units, exact"


# -- several data sets ----------------------------------------------------------------------------


class RankTest(NamedTuple):
    """Signed ranks of the differences of two methods over data sets."""

    mean_difference: float
    median_difference: float
    p_value: float  # two-sided; NaN for one data set
    num_data_sets: int
    least_p: float  # the smallest that so many data sets can give


def wilcoxon_over_data_sets(differences: Array) -> RankTest:
    """Test whether two methods differ over data sets, by Wilcoxon's signed ranks.

    The ranks of data sets without any difference are split evenly between the signs (Demsar 2006).

    Args:
        differences: Of the mean scores, one per data set, shape (D,).
    """
    from scipy.stats import wilcoxon

    num = len(differences)
    mean, median = float(np.mean(differences)), float(np.median(differences))
    least = 2.0 ** (1 - num)
    if num < 2:
        return RankTest(mean, median, _UNDEFINED, num, least)
    if not differences.any():
        return RankTest(mean, median, 1.0, num, least)
    p_value = float(wilcoxon(differences, zero_method="zsplit").pvalue)
    return RankTest(mean, median, p_value, num, least)


class Ranks(NamedTuple):
    """The average ranks of methods over data sets, and whether they differ at all."""

    average: Array  # (M,); 1 is the best
    p_value: float  # NaN for fewer than three methods or two data sets
    statistic: float  # F of Iman and Davenport


def average_ranks(scores: Array) -> Ranks:
    """Rank the methods on each data set and average; equal scores share their ranks.

    With Friedman's chi^2 of D data sets and M methods, F = (D - 1) chi^2 / (D (M - 1) - chi^2)
    with M - 1 and (M - 1) (D - 1) degrees of freedom (Iman and Davenport; Demsar 2006).

    Args:
        scores: Higher is better, shape (D, M).
    """
    from scipy.stats import f, friedmanchisquare, rankdata

    num_sets, num_methods = scores.shape
    average = np.asarray(rankdata(-scores, axis=1).mean(axis=0), dtype=np.float64)
    if num_methods < 3 or num_sets < 2:
        return Ranks(average, _UNDEFINED, _UNDEFINED)
    if np.ptp(scores, axis=1).max() == 0:
        return Ranks(average, 1.0, 0.0)
    chi2 = float(friedmanchisquare(*scores.T).statistic)
    rest = num_sets * (num_methods - 1) - chi2
    if rest <= 1e-12:  # the same order on all data sets
        return Ranks(average, 0.0, float("inf"))
    statistic = (num_sets - 1) * chi2 / rest
    p_value = float(f.sf(statistic, num_methods - 1, (num_methods - 1) * (num_sets - 1)))
    return Ranks(average, p_value, statistic)


# -- families of tests ----------------------------------------------------------------------------


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


def _gradient(statistic: Callable[[Array], Array], cells: Array) -> Array:
    """Return the derivatives of a statistic by each cell, shape (cells,)."""
    steps = np.maximum(cells, 1.0) * 1e-5
    found = np.empty_like(steps)
    # A few at a time: of ten thousand classes all at once would need gigabytes.
    for start in range(0, len(cells), _GRADIENT_CELLS):
        some = slice(start, start + _GRADIENT_CELLS)
        shifts = np.zeros((len(steps[some]), len(cells)))
        shifts[np.arange(len(shifts)), start + np.arange(len(shifts))] = steps[some]
        found[some] = statistic(cells + shifts) - statistic(cells - shifts)
    return np.nan_to_num(found) / (2 * steps)
