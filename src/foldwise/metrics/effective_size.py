"""How many independent samples those of units are worth.

Sources:
    Korn, E. L., Graubard, B. I. (1998). Confidence intervals for proportions with small expected
        number of positive counts. Survey Methodology 24 (effective size, adjusted by t).
    Franco, C., Little, R. J. A., Louis, T. A., Slud, E. V. (2019). Comparative study of
        confidence intervals for proportions in complex sample surveys. J. Surv. Stat. Methodol. 7.

U: units (see `intervals`), K: kinds of trials.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array, Codes


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
    return np.asarray((NormalDist().inv_cdf(0.5 + confidence / 2) / t) ** 2)


def unit_sums(units: Codes, values: Array, num_units: int) -> Array:
    """Sum `values` (N,) or (N, M) over the units (N,) they belong to."""
    if values.ndim == 1:
        return np.bincount(units, values, num_units).astype(np.float64)
    return np.stack([unit_sums(units, column, num_units) for column in values.T], axis=1)
