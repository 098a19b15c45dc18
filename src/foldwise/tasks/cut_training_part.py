"""A smaller training part of a fold; its inner validation part and its outer fold stay."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.fold_parts import FoldParts
from foldwise.data.folds import Folds
from foldwise.data.nested_parts import latest_part, nested_part
from foldwise.data.samples import Samples
from foldwise.data.split_config import TIME_SCHEMES

_NUM_BINS = 5  # of numbers, in place of classes


def cut_training_part(
    parts: FoldParts, samples: Samples, folds: Folds, fraction: float, seed: int
) -> FoldParts:
    """Return the parts with a fraction of what the network is fitted on; the others stay.

    In time it is the latest part, else a stratified draw that keeps units whole; with one seed a
    larger fraction holds a smaller one.
    """
    if fraction >= 1:
        return parts
    rows = samples.positions(parts.train)
    table = samples.table.iloc[rows]
    if folds.info.get("scheme") in TIME_SCHEMES and "time" in table:
        kept = latest_part(table["time"].to_numpy(), fraction)
    else:
        units = folds.units.reindex(list(parts.train)).to_numpy(dtype=np.int64)
        kept = nested_part(_strata(table, samples), units, fraction, seed)
    return dataclasses.replace(parts, train=parts.train[kept])


def _strata(table: pd.DataFrame, samples: Samples) -> npt.NDArray[np.int64]:
    if samples.classes:
        return np.unique(table["label"].astype(str), return_inverse=True)[1]
    values = table[list(samples.target_names)].mean(axis=1)
    bins = pd.qcut(values, min(_NUM_BINS, len(values)), labels=False, duplicates="drop")
    return bins.fillna(0).to_numpy(dtype=np.int64)
