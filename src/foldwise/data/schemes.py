"""The splitting schemes: from the development part to folds.

N: samples, D: samples of the development part.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foldwise.data.fold_table import TRAIN_ONLY, UNUSED
from foldwise.data.predefined import predefined_folds
from foldwise.data.split_config import (
    TIME_SCHEMES,
    Scheme,
    SplitConfig,
    SplitError,
    refuse_foreign_parameters,
)
from foldwise.data.split_rows import SplitRows
from foldwise.data.time_folds import cut_in_time
from foldwise.data.unit_parts import deal_units, stratified_parts
from foldwise.data.units import GROUP, WINDOWS
from foldwise.seeds import derive_seed

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Development:
    """What is left for the folds when the test part is taken."""

    rows: SplitRows
    index: Codes  # (D,), row numbers
    units: Codes  # (D,), what the scheme keeps together

    @property
    def strata(self) -> Codes:
        """Class or quantile bin, (D,)."""
        return self.rows.strata[self.index]


@dataclass(frozen=True)
class Assigned:
    """The folds of the development part."""

    fold: Codes  # (D,), also TRAIN_ONLY and UNUSED
    names: tuple[str, ...] = ()  # of the folds, where they have any


def choose_scheme(rows: SplitRows, config: SplitConfig) -> Scheme:
    """Return the scheme, which `auto` takes from what there is: times, groups, ties.

    Raises:
        SplitError: A parameter was set that the scheme or the task does not read.
    """
    scheme = _automatic(rows, config) if config.scheme == "auto" else config.scheme
    try:
        refuse_foreign_parameters(config, scheme)
    except ValueError as error:
        raise SplitError(str(error)) from None
    defaults = SplitConfig.model_fields
    name = "rare_classes" if rows.is_regression else "num_bins"
    if getattr(config, name) != defaults[name].default:
        task, other = (
            ("regression", "classes") if rows.is_regression else ("classes", "regression")
        )
        raise SplitError(
            f"split.{name} is {getattr(config, name)!r}, but it is meant for {other} and the task "
            f"is one of {task}. Leave it at {defaults[name].default!r}."
        )
    if scheme in TIME_SCHEMES:
        rows.require_times(f"split.scheme={scheme}")
        _require_no_synthetic(rows, scheme)
    return scheme


def _require_no_synthetic(rows: SplitRows, scheme: Scheme) -> None:
    if rows.synthetic.any():
        raise SplitError(
            f"split.scheme is {scheme!r}, but the column 'synthetic' is true of "
            f"{int(rows.synthetic.sum())} samples: what was made has no place in time. Leave them "
            "out at the source, or use a scheme without time, e.g. split.scheme=stratified."
        )


def assign(problem: Development, config: SplitConfig, scheme: Scheme, repeat: int) -> Assigned:
    """Return the folds of one repeat.

    Raises:
        SplitError: The samples do not have what the scheme needs.
    """
    if scheme in TIME_SCHEMES:
        spans = problem.rows.require_times(f"split.scheme={scheme}")
        return Assigned(cut_in_time(spans.first[problem.index], scheme, config.num_folds))
    return _SCHEMES[scheme](problem, config, repeat)


def _automatic(rows: SplitRows, config: SplitConfig) -> Scheme:
    if WINDOWS in rows.ties:
        return "time_expanding"
    kept = rows.kept_together("stratified_group", config.on_leak)
    tied = any(len(known) > len(np.unique(known)) for known in (_known(t.codes) for t in kept))
    return "stratified_group" if tied or rows.is_grouped else "stratified"


def _known(codes: Codes) -> Codes:
    return codes[codes >= 0]


def _stratified(problem: Development, config: SplitConfig, repeat: int) -> Assigned:
    _require_units(problem.units, config)
    purpose = ("folds", repeat) if repeat else ("folds",)
    seed = derive_seed(config.seed, *purpose)
    return Assigned(stratified_parts(problem.strata, problem.units, config.num_folds, seed))


def _group(problem: Development, config: SplitConfig, _: int) -> Assigned:
    if len(np.unique(problem.units)) == len(problem.units):
        raise SplitError(
            "split.scheme is 'group', but no sample has a group and no two are tied. Name the "
            "group in ingest.source, or use split.scheme=stratified."
        )
    _require_units(problem.units, config)
    units = np.unique(problem.units, return_inverse=True)[1]
    seed = derive_seed(config.seed, "folds")
    return Assigned(deal_units(np.zeros_like(units), units, config.num_folds, seed))


def _leave_one_group_out(problem: Development, _: SplitConfig, __: int) -> Assigned:
    """Hold out one group after the other; groups that are tied to one another together."""
    from sklearn.model_selection import LeaveOneGroupOut

    rows = problem.rows
    tie = rows.ties.get(GROUP)
    codes = np.full(len(problem.index), -1) if tie is None else tie.codes[problem.index]
    if (codes < 0).any():
        sample = rows.ids[problem.index[codes < 0]][0]
        raise SplitError(
            "split.scheme=leave_one_group_out needs a group for each sample, but "
            f"{int((codes < 0).sum())} of {len(codes)} have none, for example {sample!r}. Name "
            "the group in ingest.source, or use split.scheme=stratified_group."
        )
    named = rows.table["group"].to_numpy(dtype=object)[problem.index]
    names: dict[int, set[str]] = {}
    for unit, name in set(zip(problem.units.tolist(), named, strict=True)):
        names.setdefault(unit, set()).add(str(name))
    if len(names) < 2:
        raise SplitError(
            "split.scheme=leave_one_group_out needs two independent groups or more, but outside "
            f"the test part there {_counted(names)}."
        )
    joined = {unit: " + ".join(sorted(of_unit)) for unit, of_unit in names.items()}
    ordered = sorted(joined, key=lambda unit: joined[unit])
    rank = np.zeros(problem.units.max() + 1, dtype=np.int64)
    rank[ordered] = np.arange(len(ordered))
    groups = rank[problem.units]
    fold = np.empty(len(groups), dtype=np.int64)
    for number, (_, members) in enumerate(LeaveOneGroupOut().split(groups, groups=groups)):
        fold[members] = number
    return Assigned(fold, tuple(joined[unit] for unit in ordered))


def _counted(names: dict[int, set[str]]) -> str:
    """Say how many groups there are, none or one of several that are tied."""
    joined = " + ".join(sorted(name for of_unit in names.values() for name in of_unit))
    return f"is {len(names)}: {joined[:200]}" if names else "is none: all are in it or tied to it"


def _official(problem: Development, _: SplitConfig, __: int) -> Assigned:
    """Take the official validation part for the only fold, or the test part if there is none.

    The latter is how benchmarks are scored: fitted on all that is for training, once.
    """
    table = problem.rows.table
    marks = np.full(len(table), None, dtype=object)
    if "official_split" in table:
        marks = table["official_split"].to_numpy(dtype=object)
    marks = marks[problem.index]
    name = "val" if (marks == "val").any() else "test"
    fold = np.select([marks == name, marks == "train"], [0, TRAIN_ONLY], UNUSED).astype(np.int64)
    if not (fold == 0).any() or not (fold == TRAIN_ONLY).any():
        lacking = "val" if not (fold == 0).any() else "train"
        raise SplitError(
            f"split.scheme is 'official', but the source marks no sample as {lacking!r}. What "
            "would work: split.scheme=auto with split.test=official, which holds out the official "
            "test part and cuts folds from all other samples."
        )
    return Assigned(fold, (name,))


def _predefined(problem: Development, config: SplitConfig, _: int) -> Assigned:
    codes, names = predefined_folds(problem.rows.table, config)
    fold = codes[problem.index]
    present = np.unique(fold[fold >= 0])
    if len(present) == 1 and not (fold == TRAIN_ONLY).any():
        raise SplitError(
            f"Column {config.column!r} (split.column) names one fold, {names[present[0]]!r}, and "
            "marks no sample as 'train', so that nothing is left to train on."
        )
    rank = np.searchsorted(present, fold)
    return Assigned(np.where(fold >= 0, rank, fold), tuple(names[code] for code in present))


def _require_units(units: Codes, config: SplitConfig) -> None:
    count = len(np.unique(units))
    if count < config.num_folds:
        raise SplitError(
            f"split.num_folds is {config.num_folds}, but outside the test part there are "
            f"{count} independent units (samples, or groups where samples are tied together). "
            f"What would work: {f'split.num_folds={count}, ' if count > 1 else ''}a smaller "
            "split.test_fraction, or more samples or groups."
        )


_SCHEMES: dict[str, Callable[[Development, SplitConfig, int], Assigned]] = {
    "stratified": _stratified,
    "stratified_group": _stratified,
    "repeated": _stratified,
    "group": _group,
    "leave_one_group_out": _leave_one_group_out,
    "official": _official,
    "predefined": _predefined,
}
