"""Every metric of a regression, pooled and of each step ahead, with its interval.

S: samples, H: steps ahead, Q: quantiles, U: units (see `intervals`), C: cells, M: metrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foldwise.metrics import intervals, regression
from foldwise.metrics.bootstrap import bca_interval, bootstrap
from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.effective_size import unit_sums
from foldwise.metrics.estimates import Estimate, Resampling
from foldwise.metrics.fold_intervals import fold_deviation, fold_interval, fold_mean
from foldwise.metrics.intervals import UNDEFINED, Interval
from foldwise.seeds import numpy_generator

_COVERAGE = "coverage_"
_ROUNDING = 1e-12  # relative size of a difference that is none


class Outcomes(NamedTuple):
    """What was to be predicted and what was."""

    target: Array  # (S, H)
    prediction: Array  # (S, H)
    quantiles: Array  # (S, H, Q); Q may be 0
    levels: Array  # (Q,), rising
    scale: Array | None = None  # (S,), of MASE; None: there is no naive forecast to compare with


@dataclass(frozen=True)
class RegressionEstimates:
    """All metrics of one set of predictions; the same names for each step as for all of them."""

    pooled: dict[str, Estimate]
    steps: list[dict[str, Estimate]]  # one per step ahead
    num_units: int | None  # independent units if there are fewer than samples


def estimate(
    outcomes: Outcomes, units: Codes | None, resampling: Resampling
) -> RegressionEstimates:
    """Compute every metric with its interval.

    Coverage is a proportion: Wilson's interval (or Clopper and Pearson's), at the number of
    independent targets that those of a unit are worth. All others are smooth functions of sums
    over targets: the bias-corrected and accelerated bootstrap over units. The steps of a sample
    stay together.

    Args:
        outcomes: Targets and predictions.
        units: The number of the independent unit of each sample, shape (S,); None if each sample
            is one.
        resampling: Confidence, number of resamples and seed.
    """
    size, num_steps = outcomes.target.shape
    codes = np.arange(size) if units is None else np.unique(units, return_inverse=True)[1]
    num_units = int(codes.max()) + 1
    losses = _losses(outcomes)
    sums = _unit_sums(outcomes, losses, codes, num_units)
    names = list(losses)
    replicates = _resample(sums, names, resampling)
    found = []
    for step in [*range(num_steps), None]:
        columns = slice(None) if step is None else slice(step, step + 1)
        values = point_metrics(_steps(outcomes, columns))
        of_step = sums[:, :, columns].sum(axis=2)
        drawn = replicates[:, :, num_steps if step is None else step]
        found.append(_estimates(values, of_step, drawn, names, resampling))
    return RegressionEstimates(found[-1], found[:-1], num_units if num_units < size else None)


def point_metrics(outcomes: Outcomes) -> dict[str, float]:
    """Return all metrics over all steps, without intervals; NaN where undefined."""
    target, prediction = outcomes.target.ravel(), outcomes.prediction.ravel()
    metrics = {
        "mae": regression.mean_absolute_error(target, prediction),
        "rmse": regression.root_mean_squared_error(target, prediction),
        "r2": regression.r2(target, prediction),
        "mape": regression.mape(target, prediction),
        "smape": regression.smape(target, prediction),
        "bias": regression.bias(target, prediction),
    }
    if outcomes.scale is not None:
        metrics["mase"] = regression.mase(target, prediction, _scales(outcomes))
    if len(outcomes.levels):
        quantiles = outcomes.quantiles.reshape(len(target), -1)
        losses = regression.pinball_loss(target, quantiles, outcomes.levels)
        metrics["pinball"] = float(losses.mean())
        for pair in regression.quantile_pairs(outcomes.levels):
            low, high = quantiles[:, pair.low], quantiles[:, pair.high]
            metrics[f"{_COVERAGE}{pair.percent}"] = regression.coverage(target, low, high)
            metrics[f"width_{pair.percent}"] = regression.mean_width(low, high)
    return metrics


def fold_limits(values: Array, confidence: float, metric: str) -> tuple[float, float] | None:
    """Return t limits for the mean over folds; None where fewer than two folds differ.

    Args:
        values: Shape (repeats, folds).
        confidence: E.g. 0.95.
        metric: Its name; no limit crosses what no value can.
    """
    if fold_deviation(values) <= _ROUNDING * abs(fold_mean(values)):
        return None
    return fold_interval(values, confidence, regression.bounds_of(metric))


# -- sums over units ------------------------------------------------------------------------------


def _losses(outcomes: Outcomes) -> dict[str, Array]:
    """Return what each target adds to the sum behind each metric, (S, H); RMSE by its square."""
    target, prediction = outcomes.target.ravel(), outcomes.prediction.ravel()
    errors = regression.errors(target, prediction)
    losses = {
        "mae": np.abs(errors),
        "rmse": errors**2,
        "mape": regression.absolute_percentage_errors(target, prediction),
        "smape": regression.symmetric_percentage_errors(target, prediction),
        "bias": errors,
    }
    if outcomes.scale is not None:
        losses["mase"] = regression.scaled_errors(target, prediction, _scales(outcomes))
    if len(outcomes.levels):
        quantiles = outcomes.quantiles.reshape(len(target), -1)
        pinball = regression.pinball_losses(target, quantiles, outcomes.levels)
        losses["pinball"] = pinball.mean(axis=1)
        for pair in regression.quantile_pairs(outcomes.levels):
            low, high = quantiles[:, pair.low], quantiles[:, pair.high]
            is_inside = regression.inside(target, low, high)
            losses[f"{_COVERAGE}{pair.percent}"] = is_inside.astype(np.float64)
            losses[f"width_{pair.percent}"] = high - low
    return {name: values.reshape(outcomes.target.shape) for name, values in losses.items()}


def _unit_sums(
    outcomes: Outcomes, losses: dict[str, Array], codes: Codes, num_units: int
) -> Array:
    """Return for each unit and step the number of targets, their moments and losses, (U, C, H)."""
    # Moments about any point give the variation; about the mean they keep the most digits.
    centred = outcomes.target - outcomes.target.mean()
    columns = [np.ones_like(centred), centred, centred**2, *losses.values()]
    return np.stack([unit_sums(codes, column, num_units) for column in columns], axis=1)


def _resample(sums: Array, names: list[str], resampling: Resampling) -> Array:
    """Return the metrics of resamples of units, (B, M, H + 1); the last column is of all steps."""
    from scipy.sparse import csr_array

    num_units, num_cells, num_steps = sums.shape
    # Resamples are summed in single precision: cells of one size lose no digits, nor do they
    # overflow. What is undefined (NaN) is so in each resample.
    undefined = np.isnan(sums).any(axis=0)
    cells = np.where(undefined, 0.0, sums)
    size = np.abs(cells).max(axis=(0, 2), keepdims=True)
    size[size == 0] = 1.0

    def statistic(drawn: Array) -> Array:
        of_steps = drawn.reshape(-1, num_cells, num_steps) * size
        of_steps = np.where(undefined, np.nan, of_steps)
        pooled = np.concatenate([of_steps, of_steps.sum(axis=2, keepdims=True)], axis=2)
        return np.asarray(_metrics_of_sums(pooled, names).reshape(len(drawn), -1))

    rng = numpy_generator(resampling.seed, "regression")
    counts = csr_array((cells / size).reshape(num_units, -1))
    drawn = bootstrap(counts, statistic, resampling.num_resamples, rng)
    return drawn.reshape(len(drawn), -1, num_steps + 1)


def _metrics_of_sums(sums: Array, names: list[str]) -> Array:
    """Return the metrics from the cells (b, C, H), in the order of `_names`, (b, M, H)."""
    means = sums[:, 3:] / sums[:, :1]
    squares = names.index("rmse")
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = 1 - sums[:, 3 + squares] / _variation(sums)
    means[:, squares] = np.sqrt(means[:, squares])
    explained = np.where(np.isfinite(explained), explained, np.nan)
    return np.concatenate([means, explained[:, None]], axis=1)


def _variation(sums: Array) -> Array:
    """Return sum (y - mean y)^2 from the number and the moments of targets, (b, H)."""
    return sums[:, 2] - sums[:, 1] ** 2 / sums[:, 0]


def _names(losses: Sequence[str]) -> list[str]:
    return [*losses, "r2"]


def _influences(sums: Array, names: Sequence[str]) -> dict[str, Array]:
    """Return the derivative of each metric by the weight of each unit, (U,), from (U, C)."""
    totals = sums.sum(axis=0)
    count = sums[:, 0]
    found = {}
    for column, name in enumerate(names, start=3):
        influence = (sums[:, column] - count * totals[column] / totals[0]) / totals[0]
        if name == "rmse":
            influence = influence / (2 * max(np.sqrt(totals[column] / totals[0]), 1e-300))
        found[name] = influence
    squares = sums[:, 3 + list(names).index("rmse")]
    variation = float(_variation(totals[None])[0])
    if variation > 0:
        centre = totals[1] / totals[0]
        spread = sums[:, 2] - 2 * centre * sums[:, 1] + centre**2 * count
        found["r2"] = -(squares - spread * squares.sum() / variation) / variation
    return found


# -- intervals ------------------------------------------------------------------------------------


def _estimates(
    values: dict[str, float],
    sums: Array,
    replicates: Array,
    losses: Sequence[str],
    resampling: Resampling,
) -> dict[str, Estimate]:
    """Return the metrics with their intervals.

    Args:
        values: The metrics.
        sums: Of each unit, (U, C).
        replicates: The metrics of resamples, (B, M).
        losses: Names of the cells after the first three.
        resampling: How intervals are made.
    """
    confidence = resampling.confidence
    influences = _influences(sums, losses)
    names = _names(losses)
    result = {}
    for name, value in values.items():
        if not np.isfinite(value):
            interval = UNDEFINED
        elif name.startswith(_COVERAGE):
            hits = sums[:, 3 + names.index(name)]
            interval = intervals.proportion_interval(
                hits, sums[:, 0], confidence, resampling.proportion_interval
            )
        else:
            drawn = replicates[:, names.index(name)]
            interval = _bootstrap_interval(value, drawn, influences[name], confidence)
        result[name] = Estimate(value, *interval)
    return result


def _bootstrap_interval(
    value: float, replicates: Array, influence: Array, confidence: float
) -> Interval:
    """Return BCa limits of a metric of any range, or none where all resamples agree."""
    drawn = replicates[np.isfinite(replicates)]
    if not len(drawn):
        return UNDEFINED
    lowest, highest = min(float(drawn.min()), value), max(float(drawn.max()), value)
    span = highest - lowest
    if not span > _ROUNDING * max(abs(lowest), abs(highest)):
        return UNDEFINED
    # The limits of `bca_interval` are those of a metric in [0, 1]; the method is equivariant.
    limits = bca_interval(
        (value - lowest) / span, (drawn - lowest) / span, influence / span, confidence
    )
    if limits is None:
        return UNDEFINED
    low, high = (lowest + span * limit for limit in limits)
    return Interval(min(low, value), max(high, value), "BCa bootstrap")


def _steps(outcomes: Outcomes, columns: slice) -> Outcomes:
    return outcomes._replace(
        target=outcomes.target[:, columns],
        prediction=outcomes.prediction[:, columns],
        quantiles=outcomes.quantiles[:, columns],
    )


def _scales(outcomes: Outcomes) -> Array:
    """Return the scale of each target, (S * H,)."""
    assert outcomes.scale is not None
    return np.repeat(outcomes.scale, outcomes.target.shape[1])
