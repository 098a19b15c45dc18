"""The parts of each fold: what is fitted on, the inner validation part, the outer fold.

N: samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.fold_table import HELD_OUT, UNUSED, Folds
from foldwise.data.split_config import (
    FIXED_SCHEMES,
    TIME_SCHEMES,
    Scheme,
    SplitConfig,
    SplitError,
)
from foldwise.data.split_rows import SplitRows, column_digests, read_rows
from foldwise.data.synthetic_rows import require_real
from foldwise.data.time_folds import inner_in_time, outside_in_time
from foldwise.data.unit_parts import part_of_fraction
from foldwise.data.units import EXACT, connect
from foldwise.seeds import derive_seed

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FoldParts:
    """The sample ids of one fold, each part sorted."""

    repeat: int
    fold: int
    train: npt.NDArray[np.object_]  # what the network is fitted on
    validation: npt.NDArray[np.object_]  # inner part: early stopping, thresholds, search
    oof: npt.NDArray[np.object_]  # the outer fold: looked at for no choice


@dataclass(frozen=True)
class PartsRule:
    """How training parts follow from the assignment, the same each time.

    Where the folds are given (by time, officially, by a column), what is tied to an outer fold is
    purged from its training part: the other schemes keep ties whole.
    """

    rows: SplitRows
    config: SplitConfig
    scheme: Scheme
    units: Codes  # (N,)
    train_size: int | None = None  # of time_rolling, in steps

    def training(self, fold: Codes, number: int) -> Mask:
        """Mark the training part of a fold, inner part included, (N,)."""
        outer = fold == number
        training: Mask = (fold != HELD_OUT) & (fold != UNUSED) & ~outer
        if self.scheme in TIME_SCHEMES and self.rows.spans is not None:
            training &= outside_in_time(
                self.rows.spans, outer, self.config, self.scheme, self.train_size
            )
        return training & ~self._tied_to(outer)

    def num_purged(self, fold: Codes, number: int) -> int:
        """Count what the training part of a fold lacks because of gap, embargo, overlap, ties."""
        outer = fold == number
        others = (fold != HELD_OUT) & (fold != UNUSED) & ~outer
        if self.scheme in ("time_expanding", "time_rolling") and self.rows.spans is not None:
            first = self.rows.spans.first
            start = int(first[outer].min())
            others &= first < start
            if self.train_size is not None:
                others &= first >= start - self.config.gap - self.train_size
        return int((others & ~self.training(fold, number)).sum())

    def split(self, training: Mask, repeat: int, number: int) -> tuple[Mask, Mask]:
        """Split a training part; return what is fitted on and the validation part, (N,).

        Made samples are fitted on, but for those that are tied to a sample of the validation part.
        """
        if self.scheme in TIME_SCHEMES and self.rows.spans is not None:
            fitted, validation = inner_in_time(self.rows.spans, training, self.config)
            return fitted & ~self._tied_to(validation), validation
        members = np.flatnonzero(training & ~self.rows.synthetic)
        units, strata = self.units[members], self.rows.strata[members]
        ties = self.units
        if self.is_one_unit(training):
            ties = self.rows.ties[EXACT].codes
            units = connect([ties[members]], len(members))
        seed = derive_seed(self.config.seed, repeat, number, "inner")
        inner = part_of_fraction(strata, units, self.config.validation_fraction, seed)
        validation = np.zeros_like(training)
        validation[members[inner]] = True
        is_tied = self.rows.synthetic & np.isin(ties, ties[validation]) & (ties >= 0)
        return training & ~validation & ~is_tied, validation

    def is_one_unit(self, training: Mask) -> bool:
        """Tell whether no inner part can keep units whole: then it keeps equal contents whole."""
        units = self.units[training & ~self.rows.synthetic]
        return (
            self.scheme not in TIME_SCHEMES and len(units) > 0 and bool((units == units[0]).all())
        )

    def _tied_to(self, held_out: Mask) -> Mask:
        if self.config.on_leak != "group" or self.scheme not in FIXED_SCHEMES:
            return np.zeros_like(held_out)
        # In time a unit goes on after the fold; of it, only exact copies are not trained on.
        in_time = self.scheme in TIME_SCHEMES
        ties = self.rows.ties[EXACT].codes if in_time else self.units
        is_tied = np.zeros(ties.max(initial=-1) + 2, dtype=bool)
        is_tied[ties[held_out]] = True
        is_tied[-1] = False  # the code -1
        return is_tied[ties]


def fold_parts(folds: Folds, table: pd.DataFrame) -> Iterator[FoldParts]:
    """Yield the parts of each fold; what is not in the assignment is derived from it alone.

    The inner validation part is stratified and keeps units whole; in the schemes of time it is
    the last stretch. It is the same on every call.

    Raises:
        SplitError: The folds were made from other samples, or made samples stand in a part that
            is not fitted on.
    """
    config = SplitConfig.model_validate(folds.info["parameters"])
    rows = _the_same_rows(folds, table, config)
    order = _order(folds.table, rows)
    scheme, train_size = folds.info["scheme"], folds.info.get("train_size")
    for repeat, number in folds.jobs:
        start = repeat * len(rows)
        assigned = folds.table.iloc[start : start + len(rows)]
        fold = assigned["fold"].to_numpy(dtype=np.int64)
        units = assigned["unit"].to_numpy(dtype=np.int64)
        rule = PartsRule(rows, config, scheme, units, train_size)
        train, validation = rule.split(rule.training(fold, number), repeat, number)
        where = f"of repeat {repeat}, fold {number}"
        for part, name in ((validation, "inner validation"), (fold == number, "outer")):
            require_real(rows.ids, rows.synthetic, part, f"the {name} part {where}")
        yield FoldParts(repeat, number, order[train], order[validation], order[fold == number])


def _order(table: pd.DataFrame, rows: SplitRows) -> npt.NDArray[np.object_]:
    """Return the ids; a sample without a fold would slip into every training part."""
    first = table.loc[table["repeat"] == 0, "sample_id"].to_numpy(dtype=object)
    if len(first) != len(rows) or (first != rows.ids).any():
        shared = len(np.intersect1d(first.astype(str), rows.ids.astype(str)))
        raise SplitError(
            f"The folds were made from other samples: {shared} of the {len(first)} that they "
            f"assign are among the {len(rows)} at hand. Run the stage 'split' again."
        )
    return rows.ids


def _the_same_rows(folds: Folds, table: pd.DataFrame, config: SplitConfig) -> SplitRows:
    """Return the rows if they are those that the folds were made from."""
    rows = read_rows(table, config)
    _order(folds.table, rows)
    expected = folds.info["columns"]
    found = column_digests(rows.table)
    changed = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if changed:
        raise SplitError(
            "The folds were made from other samples: their ids are the same, but not what stands "
            f"in {', '.join(changed)}. Run the stage 'split' again."
        )
    return rows
