"""Which samples are looked at for shortcuts, and the folds on which trees are tried.

N: samples, B: samples looked at.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.shortcut_config import ShortcutsConfig
from foldwise.data.samples import Samples
from foldwise.seeds import derive_seed, numpy_generator

IntArray = npt.NDArray[np.int64]

_NUM_BINS = 5  # of a regression's target, by which folds are stratified


@dataclass(frozen=True)
class Fold:
    """Positions among the samples looked at."""

    train: IntArray
    test: IntArray


def scored_rows(
    samples: Samples, units: IntArray | None, config: ShortcutsConfig, seed: int
) -> tuple[IntArray, tuple[str, ...]]:
    """Return the rows to look at, (B,) and sorted, and the classes that are left out.

    A class of fewer units than there are folds is left out: nothing that is found on it could be
    confirmed. There is no row at all where fewer than two classes, or too few units, are left.
    """
    own = np.arange(len(samples)) if units is None else units
    if not samples.classes:
        rows = np.arange(len(samples)) if len(np.unique(own)) >= 2 * config.num_folds else own[:0]
        return _drawn(rows, np.zeros(len(rows), np.int64), config, seed), ()
    labels = samples.table["label"].to_numpy(dtype=object)
    num_units = pd.Series(own).groupby(labels).nunique()
    few = set(num_units.index[num_units < config.num_folds])
    left_out = tuple(name for name in samples.classes if name in few)
    rows = np.flatnonzero(~np.isin(labels, list(few)))
    if len(samples.classes) - len(left_out) < 2:
        rows = rows[:0]
    return _drawn(rows, pd.factorize(labels[rows])[0], config, seed), left_out


def _drawn(rows: IntArray, codes: IntArray, config: ShortcutsConfig, seed: int) -> IntArray:
    """Draw as many rows of each class as there is room for; small classes are kept whole."""
    if len(rows) <= config.num_samples:
        return rows
    sizes = np.bincount(codes)
    cap = max(2 * config.num_folds, _largest_share(sizes, config.num_samples))
    order = numpy_generator(seed, "shortcuts", "samples").permutation(len(rows))
    place = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy()
    return np.sort(rows[order[place < cap]])


def _largest_share(sizes: IntArray, room: int) -> int:
    """Return the number to which each class is cut so that all together fill the room."""
    ascending = np.sort(sizes)
    before = np.concatenate([[0], np.cumsum(ascending)[:-1]])
    share = (room - before) // np.arange(len(sizes), 0, -1)
    fits = np.flatnonzero(ascending > share)
    return int(share[fits[0]]) if len(fits) else int(ascending[-1])


def shortcut_folds(
    y: npt.NDArray[Any], units: IntArray | None, config: ShortcutsConfig, seed: int
) -> list[Fold]:
    """Return the folds of all repeats, stratified by class or by fifths of the (first) target.

    Whole units are dealt out, each by the rarest class in it: scikit-learn's splitter of groups
    weighs them one by one, which takes seconds where most units are single samples.

    Args:
        y: Class indices, (B,), or targets, (B, H).
        units: The unit of each sample, (B,); none is on both sides of a fold. None ties nothing.
        config: Number of folds and repeats.
        seed: Of the dealing.
    """
    from sklearn.model_selection import StratifiedKFold

    strata = y if y.ndim == 1 else _bins(y[:, 0])
    unit = np.arange(len(y)) if units is None else pd.factorize(units)[0].astype(np.int64)
    rarest = _rarest_stratum(strata, unit, config.num_folds)
    if len(rarest) < config.num_folds:
        return []
    folds = []
    for repeat in range(config.num_repeats):
        random_state = derive_seed(seed, "shortcuts", "folds", repeat) % 2**32
        cut = StratifiedKFold(config.num_folds, shuffle=True, random_state=random_state)
        for _, tested in cut.split(rarest, rarest):
            is_tested = np.isin(unit, tested)
            folds.append(Fold(np.flatnonzero(~is_tested), np.flatnonzero(is_tested)))
    return folds


def _rarest_stratum(strata: IntArray, unit: IntArray, least: int) -> IntArray:
    """Return the rarest stratum in each unit; strata of too few units go with the largest."""
    rank = np.argsort(np.argsort(np.bincount(strata), kind="stable"), kind="stable")
    rarest: IntArray = pd.Series(rank[strata]).groupby(unit).min().to_numpy(np.int64)
    num_units = np.bincount(rarest)
    return np.where(num_units[rarest] < least, num_units.argmax(), rarest)


def _bins(target: npt.NDArray[np.float64]) -> IntArray:
    ranks = pd.Series(target).rank(method="first").to_numpy() - 1
    return (ranks * _NUM_BINS // len(ranks)).astype(np.int64)
