"""Mean losses of the predicted distributions, with their intervals.

K: classes, N: samples, U: units (see `intervals`), L: scoring rules.
"""

import numpy as np

from foldwise.metrics import intervals
from foldwise.metrics.bootstrap import bca_interval, bootstrap
from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.count_estimates import mean_unit_size, sees_enough, smoothing_counts
from foldwise.metrics.effective_size import design_effect, unit_sums
from foldwise.metrics.estimate import Estimate, Resampling
from foldwise.metrics.intervals import Interval
from foldwise.metrics.scoring_rules import brier_scale, losses, mistaken_losses
from foldwise.seeds import numpy_generator


def loss_bounds(num_classes: int) -> dict[str, tuple[float, float]]:
    """Return the range of each mean loss."""
    return {"log_loss": (0.0, float("inf")), "brier_score": (0.0, 2 * brier_scale(num_classes))}


def loss_estimates(
    target: Codes, probabilities: Array, units: Codes, resampling: Resampling
) -> dict[str, Estimate]:
    """Return log loss and Brier score with their intervals.

    A few wrong predictions make up most of a loss, and a bootstrap cannot see those that happened
    not to occur. So it is taken only where it sees most of the variance that the losses have with
    2 / K hits and 2 / K misses added to each class: a hit costs the mean of the class, a miss what
    samples of other classes would have cost. Else the limits are of a score interval with that
    variance.
    """
    from scipy.sparse import csr_array

    of_rules = losses(target, probabilities)
    names = list(of_rules)
    columns = np.stack([np.ones(len(target)), *of_rules.values()], axis=1)
    num_units = int(units.max()) + 1
    sums = unit_sums(units, columns, num_units)
    # Resamples are summed in single precision: cells of one size lose the fewest digits.
    scale = np.maximum(np.abs(sums).max(axis=0), 1e-300)

    def statistic(cells: Array) -> Array:
        cells = cells * scale
        return np.asarray(cells[:, 1:] / cells[:, :1])

    rng = numpy_generator(resampling.seed, "losses")
    replicates = bootstrap(csr_array(sums / scale), statistic, resampling.num_resamples, rng)
    of_misses = mistaken_losses(target, probabilities)
    bounds = loss_bounds(probabilities.shape[1])
    copies = mean_unit_size(sums[:, 0])
    found = {}
    for i, name in enumerate(names):
        values = of_rules[name]
        value = float(values.mean())
        influence = (sums[:, i + 1] - value * sums[:, 0]) / len(target)
        smoothed = _smoothed_moments(values, target, of_misses[name])
        interval = _interval(
            value,
            float(values.var()) / len(target),
            replicates[:, i],
            influence,
            smoothed,
            copies,
            resampling.confidence,
            bounds[name],
        )
        found[name] = Estimate.of(value, interval)
    return found


def _smoothed_moments(values: Array, target: Codes, of_misses: Array) -> tuple[float, float]:
    """Return the mean loss and its variance with hits and misses added to each class."""
    count = np.bincount(target, minlength=len(of_misses))
    supported = count > 0
    num_supported = int(supported.sum())
    hit, _ = smoothing_counts(num_supported)
    of_hits = np.bincount(target, values, len(of_misses))[supported] / count[supported]
    added = np.concatenate([of_hits, of_misses[supported]])
    weight = len(values) + hit * len(added)
    mean = (values.sum() + hit * added.sum()) / weight
    spread = ((values - mean) ** 2).sum() + hit * ((added - mean) ** 2).sum()
    return float(mean), float(spread / weight**2)


def _interval(
    value: float,
    seen: float,
    replicates: Array,
    influence: Array,
    smoothed: tuple[float, float],
    copies: float,
    confidence: float,
    bounds: tuple[float, float],
) -> Interval:
    limits = bca_interval(value, replicates, influence, confidence, bounds)
    if limits is not None and sees_enough(seen, smoothed[1]):
        return Interval(*limits, "BCa bootstrap")
    effect = design_effect(influence, seen, copies)
    low, high, method = intervals.skewed_mean_interval(
        value, smoothed[0], smoothed[1] * effect, confidence, len(influence)
    )
    return Interval(low, min(high, bounds[1]), method)
