"""Selective prediction: how right a model is on those samples of which it is most certain.

El-Yaniv, R., Wiener, Y. (2010). On the foundations of noise-free selective classification. JMLR
    11.
Geifman, Y., El-Yaniv, R. (2017). Selective classification for deep neural networks. NeurIPS.
Geifman, Y., Uziel, G., El-Yaniv, R. (2019). Bias-reduced uncertainty estimation for deep neural
    classifiers. ICLR (AURC and what of it the order of the samples is to blame for).
N: samples. Samples of equal confidence are kept or left together: nothing says which goes first.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Mask


class RiskCoverage(NamedTuple):
    """Points by rising coverage, one for each distinct confidence, and their area."""

    threshold: Array  # what is at least as confident is kept
    coverage: Array  # share of the samples that is kept
    risk: Array  # share of errors among those
    aurc: float  # mean of the risk over all coverages 1/N, 2/N, .. 1
    excess_aurc: float  # above that of the best order: first all that is right


class Kept(NamedTuple):
    """What is kept at one coverage."""

    coverage: float  # at least the wanted one
    threshold: float
    kept: Mask  # (N,)


def risk_coverage(confidence: Array, errors: Mask) -> RiskCoverage:
    """Return the risk for each attainable coverage.

    Between two attainable coverages the area takes the mean risk over all orders of the tied
    samples.

    >>> found = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0, 0, 1, 0]) > 0)
    >>> found.coverage.tolist(), found.risk.round(3).tolist(), round(found.aurc, 4)
    ([0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.333, 0.25], 0.1458)
    """
    order = np.argsort(-confidence, kind="stable")
    confidence, wrong = confidence[order], errors[order].astype(np.float64)
    size = len(confidence)
    ends = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    total = np.cumsum(wrong)
    counts = ends + 1
    # Of tied samples each counts the mean of their errors.
    sizes = np.diff(counts, prepend=0)
    mean_wrong = np.diff(total[ends], prepend=0.0) / sizes
    smooth = np.cumsum(np.repeat(mean_wrong, sizes))
    aurc = float((smooth / np.arange(1, size + 1)).mean())
    return RiskCoverage(
        confidence[ends],
        counts / size,
        total[ends] / counts,
        aurc,
        aurc - best_aurc(size, int(errors.sum())),
    )


def best_aurc(size: int, num_errors: int) -> float:
    """Return the area under the risk-coverage curve if all errors come last.

    >>> best_aurc(4, 1)
    0.0625
    """
    kept = np.arange(size - num_errors + 1, size + 1)
    return float(((kept - (size - num_errors)) / kept).sum() / size)


def keep_most_certain(confidence: Array, coverage: float) -> Kept:
    """Keep at least the share `coverage` of the samples, the most confident ones.

    >>> keep_most_certain(np.array([0.9, 0.8, 0.8, 0.6]), 0.5).coverage
    0.75
    """
    size = len(confidence)
    # Rounding must not ask for one more: 0.8 of 5 are 4.
    wanted = max(1, int(np.ceil(coverage * size - 1e-9)))
    threshold = float(np.partition(confidence, size - wanted)[size - wanted])
    kept = confidence >= threshold
    return Kept(float(kept.mean()), threshold, kept)
