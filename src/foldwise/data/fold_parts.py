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
from foldwise.data.unit_parts import part_of_fraction, stratified_parts
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
        members, units, ties = self._separable(training)
        seed = derive_seed(self.config.seed, repeat, number, "inner")
        fraction = self.config.validation_fraction
        inner = part_of_fraction(self.rows.strata[members], units, fraction, seed)
        return self._around(training, members[inner], ties)

    def cut(
        self, training: Mask, repeat: int, number: int, num_parts: int
    ) -> list[tuple[Mask, Mask]]:
        """Cut a training part into inner folds; return of each what `split` does of one.

        Raises:
            SplitError: The scheme is one of time, or there are fewer independent units than parts.
        """
        if self.scheme in TIME_SCHEMES:
            raise SplitError(
                f"The folds are in time (split.scheme={self.scheme}): the inner part comes after "
                "what is fitted on, and a training part cannot be cut into inner folds."
            )
        members, units, ties = self._separable(training)
        num_units = len(np.unique(units))
        if num_units < num_parts:
            raise SplitError(
                f"The training part of repeat {repeat}, fold {number} has {num_units} independent "
                f"units, of which {num_parts} inner folds cannot be made."
            )
        seed = derive_seed(self.config.seed, repeat, number, "inner_folds", num_parts)
        parts = stratified_parts(self.rows.strata[members], units, num_parts, seed)
        return [self._around(training, members[parts == i], ties) for i in range(num_parts)]

    def _separable(self, training: Mask) -> tuple[Codes, Codes, Codes]:
        """Return the rows that can be validated on, (n,), their units (n,), and all ties (N,)."""
        members = np.flatnonzero(training & ~self.rows.synthetic)
        if not self.is_one_unit(training):
            return members, self.units[members], self.units
        ties = self.rows.ties[EXACT].codes
        return members, connect([ties[members]], len(members)), ties

    def _around(self, training: Mask, inner: Codes, ties: Codes) -> tuple[Mask, Mask]:
        """Return what is fitted on beside the rows of an inner part, and that part, (N,)."""
        validation = np.zeros_like(training)
        validation[inner] = True
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


@dataclass(frozen=True)
class _OuterFold:
    """One outer fold and what its training part is."""

    rule: PartsRule
    repeat: int
    number: int
    fold: Codes  # (N,), of each sample in this repeat

    def parts(self, fitted: Mask, validation: Mask) -> FoldParts:
        """Return the ids of the parts, each of which holds real samples where it must."""
        rows, outer = self.rule.rows, self.fold == self.number
        where = f"of repeat {self.repeat}, fold {self.number}"
        for part, name in ((validation, "inner validation"), (outer, "outer")):
            require_real(rows.ids, rows.synthetic, part, f"the {name} part {where}")
        ids = rows.ids
        return FoldParts(self.repeat, self.number, ids[fitted], ids[validation], ids[outer])


def fold_parts(folds: Folds, table: pd.DataFrame) -> Iterator[FoldParts]:
    """Yield the parts of each fold; what is not in the assignment is derived from it alone.

    The inner validation part is stratified and keeps units whole; in the schemes of time it is
    the last stretch. It is the same on every call.

    Raises:
        SplitError: The folds were made from other samples, or made samples stand in a part that
            is not fitted on.
    """
    for outer in _outer_folds(folds, table):
        training = outer.rule.training(outer.fold, outer.number)
        yield outer.parts(*outer.rule.split(training, outer.repeat, outer.number))


def inner_fold_parts(
    folds: Folds, table: pd.DataFrame, num_parts: int
) -> Iterator[tuple[FoldParts, ...]]:
    """Yield of each fold its training part cut into inner folds, by the rules of `fold_parts`.

    Each of them is the validation part once, and the others are what is fitted on.

    Raises:
        SplitError: As `fold_parts`; or the folds are in time, or the units too few.
    """
    for outer in _outer_folds(folds, table):
        training = outer.rule.training(outer.fold, outer.number)
        cut = outer.rule.cut(training, outer.repeat, outer.number, num_parts)
        yield tuple(outer.parts(*inner) for inner in cut)


def _outer_folds(folds: Folds, table: pd.DataFrame) -> Iterator[_OuterFold]:
    config = SplitConfig.model_validate(folds.info["parameters"])
    rows = _the_same_rows(folds, table, config)
    scheme, train_size = folds.info["scheme"], folds.info.get("train_size")
    for repeat, number in folds.jobs:
        start = repeat * len(rows)
        assigned = folds.table.iloc[start : start + len(rows)]
        fold = assigned["fold"].to_numpy(dtype=np.int64)
        units = assigned["unit"].to_numpy(dtype=np.int64)
        yield _OuterFold(PartsRule(rows, config, scheme, units, train_size), repeat, number, fold)


def _require_same_ids(table: pd.DataFrame, rows: SplitRows) -> None:
    """Refuse other ids: a sample without a fold would slip into every training part."""
    first = table.loc[table["repeat"] == 0, "sample_id"].to_numpy(dtype=object)
    if len(first) != len(rows) or (first != rows.ids).any():
        shared = len(np.intersect1d(first.astype(str), rows.ids.astype(str)))
        raise SplitError(
            f"The folds were made from other samples: {shared} of the {len(first)} that they "
            f"assign are among the {len(rows)} at hand. Run the stage 'split' again."
        )


def _the_same_rows(folds: Folds, table: pd.DataFrame, config: SplitConfig) -> SplitRows:
    """Return the rows if they are those that the folds were made from."""
    rows = read_rows(table, config)
    _require_same_ids(folds.table, rows)
    expected = folds.info["columns"]
    found = column_digests(rows.table)
    changed = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    if changed:
        raise SplitError(
            "The folds were made from other samples: their ids are the same, but not what stands "
            f"in {', '.join(changed)}. Run the stage 'split' again."
        )
    return rows
