"""The parts of the Brier score: what bad calibration costs, and what knowing the samples gains.

Murphy, A. H. (1973). A new vector partition of the probability score. J. Appl. Meteor. 12.
Stephenson, D. B., Coelho, C. A. S., Jolliffe, I. T. (2008). Two extra components in the Brier
    score decomposition. Weather and Forecasting 23 (what bins leave over).
Ferro, C. A. T., Fricker, T. E. (2012). A bias-corrected decomposition of the Brier score. Quart.
    J. Roy. Meteor. Soc. 138.
N: samples, K: classes, B: bins.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.calibration import class_bin_sums
from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.scoring_rules import brier_scale

_CHUNK_CELLS = 2**22  # probabilities of one chunk of classes


class BrierParts(NamedTuple):
    """Brier score = reliability - resolution + uncertainty + within bins, over all classes.

    With o the frequency in a bin, p the mean probability there and o_all the share of the class:
    reliability is the mean of (p - o)^2 (0 if calibrated), resolution that of (o - o_all)^2 (how
    far the bins tell samples apart) and uncertainty o_all (1 - o_all), what saying the share every
    time costs. Their bias is corrected, so a part that is truly 0 may be found a little below.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float  # what probabilities of one bin differ in


def brier_parts(target: Codes, probabilities: Array, num_bins: int) -> BrierParts:
    """Return the parts, summed over the classes; of two classes those of one.

    Args:
        target: Shape (N,).
        probabilities: Shape (N, K).
        num_bins: B, of equal width.
    """
    size, num_classes = probabilities.shape
    step = max(1, _CHUNK_CELLS // max(1, size))
    parts = np.zeros(4)
    for start in range(0, num_classes, step):
        parts += _parts_of_classes(target, probabilities[:, start : start + step], num_bins, start)
    return BrierParts(*(float(part) for part in parts * brier_scale(num_classes)))


def _parts_of_classes(
    target: Codes, probabilities: Array, num_bins: int, first_class: int
) -> Array:
    sums = class_bin_sums(target, probabilities, num_bins, first_class)
    size = len(target)
    filled = np.maximum(sums.num_samples, 1)
    said, came = sums.said / filled, sums.hits / filled
    share = sums.hits.sum(axis=1, keepdims=True) / size
    weight = sums.num_samples / size
    reliability = (weight * (said - came) ** 2).sum()
    resolution = (weight * (came - share) ** 2).sum()
    uncertainty = float((share * (1 - share)).sum())
    score = (sums.squares.sum() - 2 * _own_sum(target, probabilities, first_class)) / size
    score += float(share.sum())
    within = score - (reliability - resolution + uncertainty)
    noise = float((weight * came * (1 - came) / np.maximum(sums.num_samples - 1, 1)).sum())
    of_share = uncertainty / max(size - 1, 1)
    corrected = (reliability - noise, resolution - noise + of_share, uncertainty + of_share)
    return np.array([*corrected, within])


def _own_sum(target: Codes, probabilities: Array, first_class: int) -> float:
    """Sum the probabilities of the classes that came, of those at hand."""
    own = target - first_class
    known = np.flatnonzero((own >= 0) & (own < probabilities.shape[1]))
    return float(probabilities[known, own[known]].sum())
