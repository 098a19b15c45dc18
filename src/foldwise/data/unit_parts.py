"""Parts of nearly equal class counts that keep units whole.

N: samples, P: parts, K: classes.
"""

import warnings
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]


def stratified_parts(labels: Codes, units: Codes, num_parts: int, seed: int) -> Codes:
    """Return the part of each sample, shape (N,), stratified; no unit stands in two parts."""
    from sklearn.model_selection import StratifiedKFold

    units = np.unique(units, return_inverse=True)[1]
    tied = np.bincount(units).max(initial=0) > 1
    if tied or num_parts > np.bincount(labels).max(initial=0):  # more than scikit-learn cuts
        return deal_units(labels, units, num_parts, seed)
    splitter = StratifiedKFold(num_parts, shuffle=True, random_state=seed % 2**32)
    parts = np.empty(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # Rare classes are judged when the folds are made; an inner part may do without one.
        warnings.filterwarnings("ignore", message="The least populated class")
        for number, (_, members) in enumerate(splitter.split(np.zeros(len(labels)), labels)):
            parts[members] = number
    return parts


def part_of_fraction(labels: Codes, units: Codes, fraction: float, seed: int) -> Codes:
    """Return the positions of one part of about `fraction`, sorted.

    The fraction is k of m equal parts. Of the m unions of k neighbours, the one whose class counts
    are nearest to their share is taken, so that a rare class is not missed by chance.
    """
    share = _ratio(fraction, len(np.unique(units)))
    size = share.denominator
    parts = stratified_parts(labels, units, size, seed)
    cells = np.zeros((size, labels.max(initial=0) + 1), dtype=np.int64)  # (m, K)
    np.add.at(cells, (parts, labels), 1)
    wanted = fraction * cells.sum(axis=0)
    neighbours = (np.arange(size)[:, None] + np.arange(share.numerator)) % size  # (m, k)

    def distance(union: Codes) -> float:
        counts = cells[union].sum(axis=0)
        absent = (counts == 0) & (wanted > 0)
        return float(absent.sum() * len(labels) + np.abs(counts - wanted).sum())

    return np.flatnonzero(np.isin(parts, min(neighbours, key=distance)))


def _ratio(fraction: float, num_units: int) -> Fraction:
    """Return the nearest k / m: m is at most 10, more only for smaller parts than a tenth.

    >>> [str(_ratio(fraction, 1000)) for fraction in (0.1, 0.15, 0.4, 0.02)]
    ['1/10', '1/7', '2/5', '1/50']
    """
    most = max(2, min(max(10, round(1 / fraction)), num_units))
    return max(Fraction(fraction).limit_denominator(most), Fraction(1, most))


def deal_units(labels: Codes, units: Codes, num_parts: int, seed: int) -> Codes:
    """Return the part of each sample, shape (N,), such that no unit stands in two parts.

    Units of several samples are dealt greedily, the largest first, each to the part where it adds
    least to the spread of the classes' shares; single samples then level the parts class by class.
    scikit-learn's `StratifiedGroupKFold` has the same aim, but takes minutes for 60,000 samples.

    Args:
        labels: Class codes, shape (N,).
        units: Unit codes, shape (N,).
        num_parts: P.
        seed: Decides between equally good places.
    """
    generator = np.random.default_rng(seed)
    sizes = np.bincount(units)
    counts = np.zeros((num_parts, labels.max(initial=0) + 1))  # (P, K)
    part_of_unit = np.zeros(len(sizes), dtype=np.int64)
    _deal_tied(labels, units, sizes, counts, part_of_unit, generator)
    parts = part_of_unit[units]
    single = np.flatnonzero(sizes[units] == 1)
    parts[single] = _level(labels[single], counts, generator)
    return parts


def _deal_tied(
    labels: Codes,
    units: Codes,
    sizes: Codes,
    counts: npt.NDArray[np.float64],
    part_of_unit: Codes,
    generator: np.random.Generator,
) -> None:
    """Deal the units of several samples; fill `counts` (P, K) and `part_of_unit`."""
    # A class's share in a part is its count there over its total. The sum of squared shares grows
    # by 2 share(part) share(unit), summed over the unit's classes, and by what is the same for
    # all parts.
    weights = 1.0 / np.maximum(np.bincount(labels, minlength=counts.shape[1]), 1) ** 2
    tied = sizes[units] > 1
    cells, members = np.unique(
        np.stack([units[tied], labels[tied]]), axis=1, return_counts=True
    )  # (2, M) unit and class, in the order of the units
    starts = np.searchsorted(cells[0], np.arange(len(sizes) + 1))
    multiple = generator.permutation(np.flatnonzero(sizes > 1))
    for unit in multiple[np.argsort(-sizes[multiple], kind="stable")]:
        here = slice(starts[unit], starts[unit + 1])
        classes, added = cells[1, here], members[here]
        cost = counts[:, classes] @ (added * weights[classes])
        cheapest = np.flatnonzero(cost == cost.min())
        part = cheapest[counts[cheapest].sum(axis=1).argmin()]
        counts[part, classes] += added
        part_of_unit[unit] = part


def _level(
    labels: Codes, counts: npt.NDArray[np.float64], generator: np.random.Generator
) -> Codes:
    """Return the part of each single sample: the lowest places of each class are filled first."""
    parts = np.empty(len(labels), dtype=np.int64)
    order = generator.permutation(len(counts))  # decides between equal parts
    for label, number in enumerate(np.bincount(labels, minlength=counts.shape[1])):
        present, total = counts[order, label], counts[order].sum(axis=1)
        height = int(present.max()) + -(-int(number) // len(counts))
        places = np.arange(height)[:, None] >= present  # (height, P), free ones
        level, column = np.nonzero(places)
        lowest = np.lexsort((total[column], level))[:number]
        chosen = order[column[lowest]]
        parts[labels == label] = generator.permutation(chosen)
        counts[:, label] += np.bincount(chosen, minlength=len(counts))
    return parts
