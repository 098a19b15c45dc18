"""Intervals for metrics in closed form.

A *unit* is what was drawn independently: a group of samples where there are groups, else a sample.
Intervals are two-sided, inside the range of their metric and never of zero width.

Sources:
    Wilson, E. B. (1927). Probable inference. J. Amer. Stat. Assoc. 22.
    Clopper, C. J., Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in
        the case of the binomial. Biometrika 26.
    Lam, K. F. Y., Gopal, V., Qian, J. (2023). Confidence intervals for the F1 score.
        arXiv:2309.14621 ("Wilson indirect").
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
from typing import Literal, NamedTuple

import numpy as np

from foldwise.metrics.classification import Array
from foldwise.metrics.effective_size import TrialSums, effective_sizes, few_units_factor

ProportionMethod = Literal["wilson", "clopper_pearson"]

_NORMAL = NormalDist()


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
