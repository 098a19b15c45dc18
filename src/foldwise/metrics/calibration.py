"""How far probabilities are from what happens: reliability, calibration error, and a test of it.

A model is calibrated if of all samples to which it gives p, the share p comes true. Scores here
are probabilities of a yes-or-no event, such as that the decided class is right ("top label").
N: samples, B: bins, K: classes, U: units (see `intervals`), R: resamples.

Sources:
    Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. (2017). On calibration of modern neural
        networks. ICML (ECE = sum_b n_b / N |confidence_b - frequency_b|).
    Bröcker, J., Smith, L. A. (2007). Increasing the reliability of reliability diagrams. Weather
        and Forecasting 22 (consistency resampling: outcomes drawn from the probabilities).
    Vaicenavicius, J., et al. (2019). Evaluating model calibration in classification. AISTATS (the
        same as a test).
    Kumar, A., Liang, P., Ma, T. (2019). Verified uncertainty calibration. NeurIPS (the ECE of a
        calibrated model is above 0; debiased estimates).
    Kull, M., et al. (2019). Beyond temperature scaling. NeurIPS (an ECE for each class).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes, Mask
from foldwise.metrics.intervals import Interval, proportion_interval

_CHUNK_CELLS = 2**22  # drawn numbers of one chunk of resamples, or probabilities of one of classes


class Reliability(NamedTuple):
    """What is said and what happens in each bin that is not empty, by rising score."""

    low: Array  # limits of the bin
    high: Array
    confidence: Array  # mean score
    frequency: Array  # share of scores that came true
    num_samples: Codes


class CalibrationError(NamedTuple):
    """An expected calibration error, and what it would be if all scores were true."""

    value: float
    expected: float  # mean over outcomes that are drawn from the scores
    expected_high: float  # which 5 % of those exceed
    p_value: float  # of calibration: how many of those are at least `value`
    debiased: float  # near 0 in the mean of a calibrated model, so sometimes below


class CalibrationTest(NamedTuple):
    """Calibration errors by binning, and the mean gap: score less outcome, above 0 if too sure."""

    errors: tuple[CalibrationError, ...]
    gap: float
    gap_p_value: float
    correlation: float  # of outcomes within a unit, 0 to 1


class ClassErrors(NamedTuple):
    """The calibration errors of the probability of each class, equal width, shape (K,)."""

    value: Array
    expected: Array  # of a calibrated model
    debiased: Array
    gap: Array  # mean probability less share of the class


def top_label(target: Codes, probabilities: Array) -> tuple[Array, Mask]:
    """Return the probability of the decided class and whether it is right, each (N,)."""
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == target


def equal_width_edges(num_bins: int) -> Array:
    """Return the limits of bins of equal width over [0, 1], (B + 1,)."""
    return np.linspace(0.0, 1.0, num_bins + 1)


def equal_mass_edges(scores: Array, num_bins: int) -> Array:
    """Return the limits of bins of about equally many samples; equal scores share a bin.

    There are fewer than `num_bins` where scores are equal.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0.0, 1.0, num_bins + 1)))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def bin_codes(scores: Array, edges: Array) -> Codes:
    """Return the bin [low, high) of each score; the last one holds its upper limit too."""
    return np.searchsorted(edges[1:-1], scores, side="right").astype(np.int64)


def reliability(scores: Array, hits: Mask, edges: Array) -> Reliability:
    """Return mean score and frequency of each bin that is not empty.

    >>> found = reliability(np.array([0.2, 0.3, 0.9]), np.array([False, True, True]),
    ...                     equal_width_edges(2))
    >>> found.confidence.tolist(), found.frequency.tolist()
    ([0.25, 0.9], [0.5, 1.0])
    """
    codes, size = bin_codes(scores, edges), len(edges) - 1
    count = np.bincount(codes, minlength=size).astype(np.int64)
    filled = count > 0
    count = count[filled]
    return Reliability(
        edges[:-1][filled],
        edges[1:][filled],
        np.bincount(codes, scores, size)[filled] / count,
        np.bincount(codes, hits, size)[filled] / count,
        count,
    )


def frequency_intervals(
    scores: Array, hits: Mask, edges: Array, units: Codes | None, confidence: float
) -> list[Interval]:
    """Return Wilson's interval for the frequency in each bin that is not empty."""
    codes = bin_codes(scores, edges)
    found = []
    for code in np.unique(codes):
        inside = codes == code
        yes, trials = hits[inside].astype(np.float64), np.ones(int(inside.sum()))
        if units is not None:
            of_unit = np.unique(units[inside], return_inverse=True)[1]
            yes, trials = (
                np.bincount(of_unit, values).astype(np.float64) for values in (yes, trials)
            )
        found.append(proportion_interval(yes, trials, confidence))
    return found


def debiased_distance(distance: Array, deviation: Array) -> Array:
    """Return distances that chance does not lengthen, of any shape.

    A distance |d| of noise alone has a mean above 0. If one half of the samples gave the sign and
    the other the size, a product of two independent noises, its mean would be 0. This is the mean
    of that over all ways to halve, for normal noise of deviation s:
    |d| erf(|d| / (s sqrt 2)) - s sqrt(2 / pi) exp(-d^2 / (2 s^2)).
    Far from 0 it is |d|; where d is about as large as s it is somewhat too small, as the sign is
    uncertain there.
    """
    from scipy.special import erf

    length, deviation = np.abs(distance), np.maximum(deviation, 1e-300)
    scaled = length / deviation
    noise = deviation * np.sqrt(2 / np.pi) * np.exp(-(np.minimum(scaled, 40.0) ** 2) / 2)
    return np.asarray(length * erf(scaled / np.sqrt(2)) - noise)


def calibration_test(
    scores: Array,
    hits: Mask,
    binnings: Sequence[Array],
    units: Codes | None,
    num_resamples: int,
    rng: np.random.Generator,
) -> CalibrationTest:
    """Compare calibration errors with those of outcomes that are drawn from the scores.

    Within a unit the drawn outcomes are correlated as the found ones are.

    Args:
        scores: Shape (N,).
        hits: What happened, (N,).
        binnings: The edges of each binning.
        units: The number of the independent unit of each sample, (N,); None if each is one.
        num_resamples: R.
        rng: The draws.
    """
    order = np.argsort(scores, kind="stable")
    scores, hits = scores[order], hits[order]
    units = None if units is None else np.unique(units[order], return_inverse=True)[1]
    first = [np.unique(bin_codes(scores, edges), return_index=True)[1] for edges in binnings]
    starts = np.unique(np.concatenate(first))  # of pieces: every bin is made of whole ones
    said = np.add.reduceat(scores, starts)
    correlation = 0.0
    if units is not None:
        correlation = _correlation(scores, hits, bin_codes(scores, binnings[-1]), units)
    drawn = _drawn_hits(scores, units, correlation, starts, num_resamples, rng)
    excess = (said - drawn) / len(scores)  # (R, pieces)
    found = (said - np.add.reduceat(hits.astype(np.int64), starts)) / len(scores)
    errors = []
    for begin in first:
        pieces = np.searchsorted(starts, begin)
        null = np.add.reduceat(excess, pieces, axis=1)
        distance = np.add.reduceat(found, pieces)
        errors.append(_error(distance, null))
    gap, gaps = float(found.sum()), excess.sum(axis=1)
    p_value = _share(np.abs(gaps) >= abs(gap) - 1e-12)
    return CalibrationTest(tuple(errors), gap, p_value, correlation)


def class_calibration_errors(
    target: Codes, probabilities: Array, num_bins: int, copies: float = 1.0
) -> ClassErrors:
    """Return the calibration error of each class against the rest, in bins of equal width.

    What is expected of a calibrated model follows from the variance of outcomes, as of normal
    noise.

    Args:
        target: Shape (N,).
        probabilities: Shape (N, K).
        num_bins: B.
        copies: How many dependent samples are worth one, at least 1.
    """
    size, num_classes = probabilities.shape
    value, expected, debiased, gap = (np.zeros(num_classes) for _ in range(4))
    step = max(1, _CHUNK_CELLS // max(1, size))
    for start in range(0, num_classes, step):
        some = slice(start, min(start + step, num_classes))
        sums = class_bin_sums(target, probabilities[:, some], num_bins, start)
        distance = (sums.said - sums.hits) / size
        deviation = np.sqrt(sums.variance * copies) / size
        value[some] = np.abs(distance).sum(axis=1)
        expected[some] = deviation.sum(axis=1) * np.sqrt(2 / np.pi)
        debiased[some] = debiased_distance(distance, deviation).sum(axis=1)
        gap[some] = distance.sum(axis=1)
    return ClassErrors(value, expected, debiased, gap)


class ClassBinSums(NamedTuple):
    """Sums over the samples in each bin of the probability of each class, (K, B)."""

    num_samples: Array
    said: Array  # of the probabilities
    hits: Array  # how many are of the class
    variance: Array  # of `hits` if the probabilities were true
    squares: Array  # of the probabilities' squares


def class_bin_sums(
    target: Codes, probabilities: Array, num_bins: int, first_class: int = 0
) -> ClassBinSums:
    """Sum over bins of equal width, for the classes from `first_class` on, (N, K) -> (K, B)."""
    size, num_classes = probabilities.shape
    codes = bin_codes(probabilities.ravel(), equal_width_edges(num_bins))
    cells = codes + np.tile(np.arange(num_classes) * num_bins, size)
    flat, shape = probabilities.ravel(), (num_classes, num_bins)
    own = target - first_class
    known = np.flatnonzero((own >= 0) & (own < num_classes))
    hit_cells = cells[known * num_classes + own[known]]

    def summed(of_cell: Codes, weights: Array | None) -> Array:
        found = np.bincount(of_cell, weights, num_classes * num_bins)
        return np.asarray(found.reshape(shape), dtype=np.float64)

    said, squares = summed(cells, flat), summed(cells, flat**2)
    # Rounding may leave a variance a hair below 0.
    variance = np.maximum(said - squares, 0.0)
    return ClassBinSums(summed(cells, None), said, summed(hit_cells, None), variance, squares)


def copies_per_sample(units: Codes | None, correlation: float) -> float:
    """Return how many dependent samples are worth one: 1 + (mean size of a unit - 1) * rho."""
    if units is None:
        return 1.0
    sizes = np.bincount(np.unique(units, return_inverse=True)[1])
    return float(1 + ((sizes**2).sum() / sizes.sum() - 1) * correlation)


def _error(distance: Array, null: Array) -> CalibrationError:
    """Return the error from the bins' shares of it, (B,), and those of resamples, (R, B)."""
    value, resampled = float(np.abs(distance).sum()), np.abs(null).sum(axis=1)
    return CalibrationError(
        value,
        float(resampled.mean()),
        float(np.quantile(resampled, 0.95)),
        _share(resampled >= value - 1e-12),
        float(debiased_distance(distance, null.std(axis=0)).sum()),
    )


def _share(extreme: Mask) -> float:
    """Return the p-value of a test by resampling; the sample itself counts as one."""
    return float((extreme.sum() + 1) / (len(extreme) + 1))


def _drawn_hits(
    scores: Array,
    units: Codes | None,
    correlation: float,
    starts: Codes,
    num_resamples: int,
    rng: np.random.Generator,
) -> Codes:
    """Return how many scores came true in each piece of the sorted samples, (R, pieces)."""
    size, single = len(scores), scores.astype(np.float32)
    step = max(1, _CHUNK_CELLS // size)
    parts = []
    for start in range(0, num_resamples, step):
        shape = (min(step, num_resamples - start), size)
        draws = rng.random(shape, dtype=np.float32)
        if units is not None and correlation > 0:
            # Two samples of a unit share a draw with probability rho: so their outcomes correlate.
            shared = rng.random((shape[0], int(units.max()) + 1), dtype=np.float32)
            is_shared = rng.random(shape, dtype=np.float32) < np.sqrt(correlation)
            draws = np.where(is_shared, shared[:, units], draws)
        hits = draws < single
        parts.append(np.add.reduceat(hits, starts, axis=1, dtype=np.int64))
    return np.concatenate(parts)


def _correlation(scores: Array, hits: Mask, codes: Codes, units: Codes) -> float:
    """Return the correlation of outcomes within units about the frequency of their bin, 0 to 1.

    The moment estimator: products of the residuals of all pairs within units over what they would
    be if each pair had the same outcome.
    """
    frequency = np.bincount(codes, hits) / np.maximum(np.bincount(codes), 1)
    residuals = hits - frequency[codes]
    scale = np.sqrt(frequency * (1 - frequency))[codes]

    def pairs(values: Array) -> float:
        return float((np.bincount(units, values) ** 2).sum() - (values**2).sum())

    most = pairs(scale)
    return min(max(pairs(residuals) / most, 0.0), 1.0) if most > 0 else 0.0
