"""Intervals for metrics: closed forms, a bootstrap over independent units, and folds.

A *unit* is what was drawn independently: a group of samples where there are groups, else a sample.
Intervals are two-sided, inside the range of their metric and never of zero width.

Sources:
    Wilson, E. B. (1927). Probable inference. J. Amer. Stat. Assoc. 22.
    Clopper, C. J., Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in
        the case of the binomial. Biometrika 26.
    Korn, E. L., Graubard, B. I. (1998). Confidence intervals for proportions with small expected
        number of positive counts. Survey Methodology 24 (effective size, adjusted by t).
    Franco, C., Little, R. J. A., Louis, T. A., Slud, E. V. (2019). Comparative study of
        confidence intervals for proportions in complex sample surveys. J. Surv. Stat. Methodol. 7.
    Lam, K. F. Y., Gopal, V., Qian, J. (2023). Confidence intervals for the F1 score.
        arXiv:2309.14621 ("Wilson indirect").
    Efron, B. (1987). Better bootstrap confidence intervals. J. Amer. Stat. Assoc. 82.
    Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the
        Mann-Whitney statistic, part 2. Stat. Med. 25 (method 5).
    Boyd, K., Eng, K. H., Page, C. D. (2013). Area under the precision-recall curve: point
        estimates and confidence intervals. ECML PKDD.
    Zou, G. Y. (2008). On the estimation of additive interaction by use of the four-by-two table
        and beyond. Amer. J. Epidemiol. 168 (MOVER).
"""

from collections.abc import Callable, Mapping
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array, Codes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ProportionMethod = Literal["wilson", "clopper_pearson"]

_NORMAL = NormalDist()
_CHUNK_BYTES = 64 * 2**20  # of the weights, or of the cells, of one chunk of resamples


class Interval(NamedTuple):
    """Two limits and how they were found."""

    low: float
    high: float
    method: str


UNDEFINED = Interval(float("nan"), float("nan"), "undefined")


def wilson_interval(value: float, size: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's limits for the proportion `value` of `size` independent trials.

    >>> low, high = wilson_interval(1.0, 10, 0.95)
    >>> round(low, 4), high
    (0.7225, 1.0)
    """
    z = _z(confidence)
    size = max(size, 1e-9)
    share = z * z / size
    centre = (value + share / 2) / (1 + share)
    half = z / (1 + share) * np.sqrt(value * (1 - value) / size + share / (4 * size))
    # The limits touch 0 and 1 exactly there, and rounding must not move them.
    low = 0.0 if value <= 0 else max(0.0, float(centre - half))
    high = 1.0 if value >= 1 else min(1.0, float(centre + half))
    return low, high


def clopper_pearson_interval(value: float, size: float, confidence: float) -> tuple[float, float]:
    """Return Clopper and Pearson's limits for the proportion `value` of independent trials.

    They hold the truth at least as often as they say, mostly more often: they are wider than
    Wilson's.

    >>> low, high = clopper_pearson_interval(1.0, 10, 0.95)
    >>> round(low, 4), high
    (0.6915, 1.0)
    """
    from scipy.special import betaincinv

    tail, size = (1 - confidence) / 2, max(size, 1e-9)
    hits = value * size
    low = 0.0 if value <= 0 else float(betaincinv(hits, size - hits + 1, tail))
    high = 1.0 if value >= 1 else float(betaincinv(hits + 1, size - hits, 1 - tail))
    return low, high


class TrialSums(NamedTuple):
    """What proportions of K kinds of trials need to know of the units, each of shape (K,).

    s and t are a unit's successes and trials.
    """

    successes: Array  # sum of s
    trials: Array  # sum of t
    successes_squared: Array  # sum of s^2
    products: Array  # sum of s t
    trials_squared: Array  # sum of t^2
    units: Array  # how many units have trials
    samples: Array  # how many samples have trials; as many as units if all are independent

    @classmethod
    def of(cls, successes: Array, trials: Array) -> "TrialSums":
        """Sum successes and trials, whole numbers per unit (U,), of one kind."""
        moments = (successes**2, successes * trials, trials**2, trials > 0)
        first, total = np.array([successes.sum()]), np.array([trials.sum()])
        squares, products, trials_squared, units = (np.array([m.sum()]) for m in moments)
        return cls(first, total, squares, products, trials_squared, units, samples=total)


def effective_sizes(sums: TrialSums, confidence: float) -> Array:
    """Return the number of independent trials that the trials of all units are worth, (K,).

    The design effect is the cluster-robust variance of the ratio over that of independent trials,
    at least 1; the size is then reduced for the few degrees of freedom behind it (Korn and
    Graubard 1998). Where all trials agree the variance tells nothing: then the trials of a unit
    count as copies of one another.

    Args:
        sums: Of the units.
        confidence: Of the interval that the size is meant for.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sums.successes / sums.trials
        residuals = (
            sums.successes_squared - 2 * value * sums.products + value**2 * sums.trials_squared
        )
        clustered = sums.units / (sums.units - 1) * residuals / sums.trials**2
        independent = value * (1 - value) / sums.trials
        copies = sums.trials_squared / sums.trials
        is_known = (independent > 0) & (sums.units > 1)
        effect = np.maximum(1.0, np.where(is_known, clustered / independent, copies))
        reduced = sums.trials / effect * few_units_factors(sums.units, confidence)
    return np.where(sums.units == sums.samples, sums.trials, reduced)


def proportion_intervals(
    sums: TrialSums, confidence: float, method: ProportionMethod = "wilson"
) -> list[Interval]:
    """Return an interval for each proportion."""
    sizes = effective_sizes(sums, confidence)
    limits, name = _PROPORTIONS[method]
    found = []
    for code, size in enumerate(sizes):
        if sums.trials[code] == 0:
            found.append(UNDEFINED)
            continue
        value = min(float(sums.successes[code] / sums.trials[code]), 1.0)
        is_independent = sums.units[code] == sums.samples[code]
        called = name if is_independent else f"{name}, design effect"
        found.append(Interval(*limits(value, float(size), confidence), called))
    return found


def proportion_interval(
    successes: Array, trials: Array, confidence: float, method: ProportionMethod = "wilson"
) -> Interval:
    """Return the interval of a proportion, from successes and trials per unit (U,)."""
    return proportion_intervals(TrialSums.of(successes, trials), confidence, method)[0]


def f_beta_intervals(
    sums: TrialSums, scale: Array, confidence: float, method: ProportionMethod = "wilson"
) -> list[Interval]:
    """Return intervals for F-beta (Lam et al. 2023, Wilson indirect, who do it for F1).

    J = hits / (hits + errors / scale) is a proportion, F = J / (J + scale (1 - J)) a rising
    function of it. For F1, in which a miss and a false alarm count one half each, the scale is
    one half and J = hits / union.

    Args:
        sums: Hits as successes; hits and errors / scale as trials.
        scale: What an error counts on average, (K,).
        confidence: E.g. 0.95.
        method: Of the proportion.
    """
    found = []
    for one, weight in zip(proportion_intervals(sums, confidence, method), scale, strict=True):
        if one is UNDEFINED:
            found.append(one)
            continue
        low, high = (share / (share + float(weight) * (1 - share)) for share in one[:2])
        found.append(Interval(low, high, f"{one.method}, of hits / union"))
    return found


def skewed_mean_interval(
    value: float, smoothed_value: float, variance: float, confidence: float, num_units: int
) -> Interval:
    """Return score limits for the mean of losses that cannot be negative.

    The limits m solve (value - m)^2 = z^2 f m, where f is variance / mean of the smoothed losses:
    as for a count, the variance grows with the mean. So they are never negative, and further up
    than down.

    Args:
        value: The mean loss.
        smoothed_value: The mean of the smoothed losses.
        variance: Of the mean, from the smoothed losses.
        confidence: E.g. 0.95.
        num_units: How many units the variance rests on.
    """
    # No variance even when smoothed: then that of losses which spread as much as they amount to.
    if variance < 1e-12 * smoothed_value**2:
        variance = smoothed_value**2 / num_units
    factor = variance / smoothed_value / few_units_factor(num_units, confidence)
    share = _z(confidence) ** 2 * factor / 2
    half = np.sqrt(2 * value * share + share**2)
    low, high = max(0.0, float(value + share - half)), float(value + share + half)
    return Interval(low, high, "score, smoothed variance")


def linear_variance_interval(
    value: float, smoothed_value: float, variance: float, confidence: float, num_units: int
) -> Interval:
    """Return Wilson's limits at the size that would give a proportion this variance.

    For a mean of proportions in which a rare class has (nearly) no errors: a bootstrap cannot see
    the errors that happened not to occur, a variance of smoothed counts can.

    Args:
        value: The metric.
        smoothed_value: The metric of the smoothed counts.
        variance: Of the metric, from the smoothed counts.
        confidence: E.g. 0.95.
        num_units: How many units the variance rests on.
    """
    # No variance even when smoothed (one class alone): then it is a proportion of the units.
    size = smoothed_value * (1 - smoothed_value) / variance if variance > 0 else num_units
    size *= few_units_factor(num_units, confidence)
    low, high = wilson_interval(value, size, confidence)
    return Interval(low, high, "Wilson, smoothed variance")


def auc_interval(value: float, positives: float, negatives: float, confidence: float) -> Interval:
    """Return Newcombe's score-type limits for an area under the ROC curve (2006, method 5).

    Args:
        value: The area.
        positives: How many independent positives.
        negatives: How many independent negatives.
        confidence: E.g. 0.95.
    """
    from scipy.optimize import brentq

    z2 = _z(confidence) ** 2
    mean_size = (positives + negatives) / 2

    def excess(limit: float) -> float:
        spread = (1 - limit) / (2 - limit) + limit / (1 + limit)
        variance = limit * (1 - limit) * (1 + (mean_size - 1) * spread) / (positives * negatives)
        return float((limit - value) ** 2 - z2 * variance)

    # excess is negative at `value`; at a value of 0 or 1 it is 0 there and negative just inside.
    inner = min(max(value, 1e-9), 1 - 1e-9)
    low = float(brentq(excess, 0.0, inner)) if value > 0 and excess(inner) < 0 else 0.0
    high = float(brentq(excess, inner, 1.0)) if value < 1 and excess(inner) < 0 else 1.0
    return Interval(low, high, "Newcombe score")


def average_precision_interval(value: float, positives: float, confidence: float) -> Interval:
    """Return Wilson's limits on the number of positives (binomial form of Boyd et al. 2013)."""
    low, high = wilson_interval(value, positives, confidence)
    return Interval(low, high, "Wilson, on the positives")


def mean_interval(values: Array, lows: Array, highs: Array, weights: Array) -> tuple[float, float]:
    """Return limits for a weighted mean of independent estimates from their own limits (MOVER)."""
    shares = weights / weights.sum()
    centre = (shares * values).sum()
    below = np.sqrt(((shares * (values - lows)) ** 2).sum())
    above = np.sqrt(((shares * (highs - values)) ** 2).sum())
    return max(0.0, float(centre - below)), min(1.0, float(centre + above))


def bca_interval(
    value: float,
    replicates: Array,
    influence: Array,
    confidence: float,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> tuple[float, float] | None:
    """Return the bias-corrected and accelerated bootstrap limits, or None if they coincide.

    Args:
        value: The metric of the sample.
        replicates: The metric of each resample, shape (B,); NaN where undefined.
        influence: The derivative of the metric by the weight of each unit, shape (U,); gives the
            acceleration in place of a jackknife.
        confidence: E.g. 0.95.
        bounds: Of the metric; no limit crosses them.
    """
    replicates = replicates[np.isfinite(replicates)]
    spread = float((influence**2).sum())
    if len(replicates) < 2 or np.ptp(replicates) < 1e-12 or spread == 0:
        return None
    acceleration = float((influence**3).sum()) / (6 * spread**1.5)
    below = (np.sum(replicates < value) + 0.5 * np.sum(replicates == value)) / len(replicates)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / len(replicates)), 1 - 1 / len(replicates)))
    z = _z(confidence)
    levels = [
        _NORMAL.cdf(bias + (bias + side) / (1 - acceleration * (bias + side))) for side in (-z, z)
    ]
    low, high = np.quantile(replicates, levels)
    # Where the metric is at its least or largest, all resamples lie on one side of it, and the
    # correction of the bias pushes both limits to the end.
    if max(high, value) - min(low, value) < 1e-6 * np.ptp(replicates):
        return None
    return max(bounds[0], float(min(low, value))), min(bounds[1], float(max(high, value)))


def bootstrap(
    counts: "csr_array",
    statistic: Callable[[Array], Array],
    num_resamples: int,
    rng: np.random.Generator,
) -> Array:
    """Return the statistics of resamples of units, drawn with replacement, shape (B, M).

    Args:
        counts: What each unit adds to each cell, shape (U, cells).
        statistic: From the cells of b resamples (b, cells) to their statistics (b, M).
        num_resamples: B.
        rng: The draws.
    """
    num_units = counts.shape[0]
    cells = counts.T.tocsr().astype(np.float32)  # exact for counts below 2**24
    step = max(1, min(64, _CHUNK_BYTES // (8 * max(counts.shape))))
    parts = []
    for start in range(0, num_resamples, step):
        size = min(step, num_resamples - start)
        weights = np.empty((size, num_units), dtype=np.float32)
        # One resample at a time: its counts stay in the cache, which is three times as fast.
        for row in weights:
            drawn = rng.integers(num_units, size=num_units, dtype=np.int64)
            row[:] = np.bincount(drawn, minlength=num_units)
        parts.append(statistic((cells @ np.ascontiguousarray(weights.T)).T.astype(np.float64)))
    return np.concatenate(parts)


def design_effect(unit_influence: Array, independent_variance: float, copies: float) -> float:
    """Return how much larger a variance over units is than that of independent samples, >= 1.

    Args:
        unit_influence: Sums of the samples' influence (or residuals) over each unit, shape (U,).
        independent_variance: Sum of the squares of the samples' own influence.
        copies: The effect where that variance is 0 and tells nothing.
    """
    num_units = len(unit_influence)
    if independent_variance <= 0 or num_units < 2:
        return max(1.0, copies)
    clustered = num_units / (num_units - 1) * float((unit_influence**2).sum())
    return max(1.0, clustered / independent_variance)


def few_units_factor(num_units: int, confidence: float) -> float:
    """Return the factor (below 1) on a size whose variance was estimated from few units."""
    return float(few_units_factors(np.array([num_units]), confidence)[0])


def few_units_factors(num_units: npt.ArrayLike, confidence: float) -> Array:
    """Return `few_units_factor` for each number of units."""
    from scipy.special import stdtrit

    t = stdtrit(np.maximum(np.asarray(num_units, dtype=np.float64) - 1, 1), 0.5 + confidence / 2)
    return np.asarray((_z(confidence) / t) ** 2)


def fold_interval(
    values: Array, confidence: float, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float] | None:
    """Return t limits for the mean over folds; None where fewer than two folds differ.

    Args:
        values: Shape (repeats, folds), NaN where undefined. Repeats see the same samples again:
            they steady the mean and its spread but add no degrees of freedom.
        confidence: E.g. 0.95.
        bounds: Of the metric; no limit crosses them.
    """
    from scipy.special import stdtrit

    num_folds = int(np.isfinite(values).sum(1).min(initial=values.shape[1]))
    if num_folds < 2:
        return None
    deviation = fold_deviation(values)
    if not deviation > 0:
        return None
    centre = float(np.nanmean(values))
    half = float(stdtrit(num_folds - 1, 0.5 + confidence / 2)) * deviation / np.sqrt(num_folds)
    return max(bounds[0], centre - half), min(bounds[1], centre + half)


def fold_deviation(values: Array) -> float:
    """Return the standard deviation between folds (ddof 1) within repeats, of (repeats, folds)."""
    enough = np.isfinite(values).sum(1) >= 2
    if not enough.any():
        return float("nan")
    return float(np.sqrt(np.nanvar(values[enough], axis=1, ddof=1).mean()))


def unit_sums(units: Codes, values: Array, num_units: int) -> Array:
    """Sum `values` (N,) or (N, M) over the units (N,) they belong to."""
    if values.ndim == 1:
        return np.bincount(units, values, num_units).astype(np.float64)
    return np.stack([unit_sums(units, column, num_units) for column in values.T], axis=1)


def _z(confidence: float) -> float:
    return _NORMAL.inv_cdf(0.5 + confidence / 2)


_PROPORTIONS: Mapping[ProportionMethod, tuple[Callable[..., tuple[float, float]], str]] = (
    MappingProxyType(
        {
            "wilson": (wilson_interval, "Wilson"),
            "clopper_pearson": (clopper_pearson_interval, "Clopper-Pearson"),
        }
    )
)
