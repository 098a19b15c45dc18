"""Scores of parts of the samples (slices), each beside the score of all other samples.

N: rows, V: slices, U: units (see `intervals`). All intervals and tests are closed forms: with many
slices a bootstrap of each would take minutes, and its p-value could not get small enough to
survive a correction for all of them.

Sources:
    Korn, E. L., Graubard, B. I. (1998), as in `effective_size`.
    Rao, J. N. K., Scott, A. J. (1992). A simple method for the analysis of clustered binary data.
        Biometrics 48 (tests of proportions at effective sizes).
    Fisher, R. A. (1934). Statistical methods for research workers, 5th ed. (the exact test).
    Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance components.
        Biometrics Bull. 2 (degrees of freedom of a difference).
    Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Stat. Soc. B
        57.
"""

from typing import Literal, NamedTuple

import numpy as np

from foldwise.metrics import intervals
from foldwise.metrics.classification import Array, Codes, Mask
from foldwise.metrics.effective_size import TrialSums, effective_sizes, unit_sums
from foldwise.metrics.intervals import UNDEFINED, Interval, ProportionMethod
from foldwise.metrics.paired_tests import holm

Correction = Literal["holm", "benjamini_hochberg"]

_MIN_EXPECTED = 10  # successes and failures, below which the exact test is taken
_NAN = float("nan")


class Slicing(NamedTuple):
    """Which slice each row is in."""

    codes: Codes  # (N,), 0..V-1; -1: in none of them
    num_slices: int  # V
    units: Codes  # (N,), 0..U-1: what was drawn independently


class SliceScore(NamedTuple):
    """A metric of a slice, its limits, and the same of the rest; NaN where undefined."""

    value: float
    low: float
    high: float
    method: str
    rest: float
    p_value: float  # two-sided, of value = rest


def share_scores(
    successes: Mask,
    trials: Mask,
    slicing: Slicing,
    confidence: float,
    *,
    method: ProportionMethod = "wilson",
    as_f1: bool = False,
) -> list[SliceScore]:
    """Return a proportion of each slice: its interval and a two-proportion test.

    Both are at the effective sizes. The test is Fisher's where fewer than 10 successes or failures
    are expected on a side, else the score test (z with the pooled proportion). That a unit may lie
    on both sides is not made use of: then the two are alike for that reason, and the test errs
    towards no difference.

    Args:
        successes: (N,), only where there is a trial.
        trials: (N,).
        slicing: The slices.
        confidence: Of the intervals.
        method: Of the intervals.
        as_f1: The proportion is hits / union of a class, and is told as its F1, 2 J / (1 + J).
    """
    inside, outside = _sums(successes.astype(np.float64), trials.astype(np.float64), slicing)
    p_values = _share_p_values(inside, outside, confidence)
    values, rests = (_ratio(sums.successes, sums.trials) for sums in (inside, outside))
    if as_f1:
        half = np.full(slicing.num_slices, 0.5)
        limits = intervals.f_beta_intervals(inside, half, confidence, method)
        values, rests = 2 * values / (1 + values), 2 * rests / (1 + rests)
    else:
        limits = intervals.proportion_intervals(inside, confidence, method)
    columns = zip(values, limits, rests, p_values, strict=True)
    return [SliceScore(float(v), *limit, float(r), float(p)) for v, limit, r, p in columns]


def loss_scores(
    losses: Array, slicing: Slicing, confidence: float, *, as_root: bool = False
) -> list[SliceScore]:
    """Return the mean loss of each slice: score limits, and Welch's test of log means.

    Args:
        losses: (N,), not negative.
        slicing: The slices.
        confidence: Of the intervals.
        as_root: The square root of the mean is told, as of squared errors.
    """
    inside, outside = _sums(losses, np.ones(len(losses)), slicing)
    means, rests = (_ratio(sums.successes, sums.trials) for sums in (inside, outside))
    variances, of_rests = _mean_variances(inside), _mean_variances(outside)
    found = []
    for i, (mean, rest) in enumerate(zip(means, rests, strict=True)):
        interval = UNDEFINED
        if variances[i] > 0:
            low, high, _ = intervals.skewed_mean_interval(
                mean, mean, variances[i], confidence, int(inside.units[i])
            )
            interval = Interval(low, high, "score, of the mean loss")
        p_value = welch_p_value(
            np.log(mean / rest) if mean > 0 and rest > 0 else _NAN,
            variances[i] / mean**2 if mean > 0 else _NAN,
            of_rests[i] / rest**2 if rest > 0 else _NAN,
            (inside.units[i], outside.units[i]),
        )
        if as_root:
            mean, rest = np.sqrt(mean), np.sqrt(rest)
            low, high = (float(np.sqrt(limit)) for limit in interval[:2])
            interval = Interval(low, high, interval.method)
        found.append(SliceScore(float(mean), *interval, float(rest), p_value))
    return found


def corrected(p_values: Array, correction: Correction) -> Array:
    """Correct the p-values of a family of tests, shape (m,); an undefined one (NaN) stays so.

    Holm keeps the chance of any false discovery within the level, Benjamini and Hochberg the
    expected share of false ones among the discoveries.
    """
    from statsmodels.stats.multitest import multipletests

    if correction == "holm" or not len(p_values):
        return holm(p_values)
    defined = np.isfinite(p_values)
    adjusted = multipletests(np.where(defined, p_values, 1.0), method="fdr_bh")[1]
    return np.where(defined, adjusted, _NAN)


def welch_p_value(
    difference: float, variance: float, rest_variance: float, units: tuple[float, float]
) -> float:
    """Return the two-sided p-value of a difference, by t with Satterthwaite's freedom."""
    from scipy.special import stdtr

    total = variance + rest_variance
    if not np.isfinite(difference) or not np.isfinite(total) or min(units) < 2:
        return _NAN
    if total == 0:
        return 1.0 if difference == 0 else _NAN
    freedom = total**2 / (variance**2 / (units[0] - 1) + rest_variance**2 / (units[1] - 1))
    return 2 * float(stdtr(freedom, -abs(difference) / np.sqrt(total)))


# -- sums of proportions and losses ---------------------------------------------------------------


def _sums(successes: Array, trials: Array, slicing: Slicing) -> tuple[TrialSums, TrialSums]:
    """Return what is in each slice, (V,), and what is in the rest of each, (V,)."""
    codes, num_slices, units = slicing
    num_units = int(units.max()) + 1
    kept, used = codes >= 0, (trials > 0).astype(np.float64)
    pairs, place = np.unique(codes[kept] * num_units + units[kept], return_inverse=True)
    of_slice, of_unit = pairs // num_units, pairs % num_units
    s, t, n = (unit_sums(place, values[kept], len(pairs)) for values in (successes, trials, used))
    s_all, t_all, n_all = (
        unit_sums(units, values, num_units) for values in (successes, trials, used)
    )

    def moments(s: Array, t: Array, n: Array) -> Array:
        return np.stack([s, t, s**2, s * t, t**2, (n > 0).astype(np.float64), n])

    def of_slices(values: Array) -> Array:
        return np.stack([unit_sums(of_slice, row, num_slices) for row in values])

    of_units = moments(s_all, t_all, n_all)
    whole = of_slices(of_units[:, of_unit])  # of the units that the slice has a part of
    left = moments(s_all[of_unit] - s, t_all[of_unit] - t, n_all[of_unit] - n)
    outside = of_units.sum(axis=1, keepdims=True) - whole + of_slices(left)
    return TrialSums(*of_slices(moments(s, t, n))), TrialSums(*outside)


def _share_p_values(inside: TrialSums, outside: TrialSums, confidence: float) -> Array:
    from scipy.special import ndtr

    sizes = np.stack([effective_sizes(sums, confidence) for sums in (inside, outside)])
    shares = np.stack([_ratio(sums.successes, sums.trials) for sums in (inside, outside)])
    # Whole units on two sides are worth less than their parts: sizes may be undefined there.
    sizes = np.where(np.isfinite(sizes), sizes, 0.0)
    pooled = _ratio((shares * sizes).sum(axis=0), sizes.sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
        p_values = 2 * ndtr(-np.abs(shares[0] - shares[1]) / error)
    p_values = np.where((pooled == 0) | (pooled == 1), 1.0, p_values)
    expected = sizes.min(axis=0) * np.minimum(pooled, 1 - pooled)
    for i in np.flatnonzero((expected < _MIN_EXPECTED) & np.isfinite(p_values)):
        p_values[i] = _fisher_p_value(shares[:, i], sizes[:, i])
    return np.asarray(p_values)


def _fisher_p_value(shares: Array, sizes: Array) -> float:
    """Return the p-value of the exact test, of counts that are rounded where sizes are worths."""
    from scipy.stats import fisher_exact

    hits = np.rint(shares * sizes)
    return float(fisher_exact(np.stack([hits, np.rint(sizes) - hits]).astype(np.int64)).pvalue)


def _mean_variances(sums: TrialSums) -> Array:
    """Return the variance of each mean over units, (V,); NaN with fewer than two units."""
    means = _ratio(sums.successes, sums.trials)
    squares = sums.successes_squared - 2 * means * sums.products + means**2 * sums.trials_squared
    freedom = _ratio(sums.units, sums.units - 1)
    return np.asarray(freedom * np.maximum(squares, 0) / np.maximum(sums.trials, 1) ** 2)


def _ratio(numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
