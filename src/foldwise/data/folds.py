"""Folds: which sample is held out where.

A *unit* is what a split must not separate: a group of the user's, or samples of equal content.
"""

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.atomic import atomic_path, read_sealed_json, write_sealed_json
from foldwise.config import Config
from foldwise.data.audit import Finding, find_label_conflicts, find_leaks, tie_together
from foldwise.data.unit_parts import deal_units
from foldwise.errors import UserError
from foldwise.seeds import derive_seed

HELD_OUT = -1  # the fold number of the test part

Codes = npt.NDArray[np.int64]


class SplitConfig(Config):
    """How samples are assigned to folds."""

    num_folds: int = Field(5, ge=2, le=100)
    test: Literal["auto", "fraction", "official"] = "auto"  # auto: official if the source has one
    test_fraction: float = Field(0.15, ge=0, le=0.5)  # 0: no held-out test part
    validation_fraction: float = Field(0.1, gt=0, le=0.5)  # inner part, of each training part
    on_leak: Literal["error", "group", "warn"] = "group"  # group: keep duplicates on one side
    seed: int = Field(0, ge=0)


class SplitError(UserError):
    """The samples cannot be split as asked."""


@dataclass(frozen=True)
class Folds:
    """The assignment of samples to folds, and how it was made."""

    table: pd.DataFrame  # sample_id, fold (0..k-1; -1 = held-out test), repeat; sorted
    info: dict[str, Any]  # scheme, parameters, counts, findings, content_hash

    @property
    def content_hash(self) -> str:
        """SHA-256 of the assignment."""
        return str(self.info["content_hash"])

    @property
    def jobs(self) -> list[tuple[int, int]]:
        """All (repeat, fold) pairs to be trained, in order."""
        pairs = self.table.loc[self.table["fold"] != HELD_OUT, ["repeat", "fold"]]
        return sorted({(int(r), int(f)) for r, f in pairs.itertuples(index=False)})


@dataclass(frozen=True)
class FoldParts:
    """The sample ids of one fold, each part sorted."""

    repeat: int
    fold: int
    train: npt.NDArray[np.object_]  # what the network is fitted on
    validation: npt.NDArray[np.object_]  # inner part: early stopping, thresholds, search
    oof: npt.NDArray[np.object_]  # the outer fold: looked at for no choice


def make_folds(table: pd.DataFrame, config: SplitConfig) -> Folds:
    """Hold out a test part, cut the rest into stratified folds that keep units whole, audit both.

    The result depends on ids, labels, groups, official splits and contents only, never on the
    order of the rows.

    Raises:
        SplitError: A class has too few members, or an official split is asked for and missing.
        LeakError: `on_leak` is `error` and a duplicate or a group stands on two sides.
    """
    rows = table.sort_values("sample_id", ignore_index=True)
    units = _units(rows, config)
    fold = np.zeros(len(rows), dtype=np.int64)
    fold[_test_mask(rows, units, config)] = HELD_OUT
    development = np.flatnonzero(fold != HELD_OUT)
    _require_members(rows["label"], units, fold != HELD_OUT, config)
    labels = _codes(rows["label"])[development]
    splits = _split(
        labels, units[development], config.num_folds, derive_seed(config.seed, "folds")
    )
    for number, members in enumerate(splits):
        fold[development[members]] = number
    assignment = pd.DataFrame({"sample_id": rows["sample_id"], "fold": fold, "repeat": 0})
    findings = find_leaks(rows, fold, on_leak=config.on_leak) + find_label_conflicts(rows)
    return Folds(assignment, _describe(rows, assignment, units, config, findings))


def fold_parts(folds: Folds, table: pd.DataFrame) -> Iterator[FoldParts]:
    """Yield the parts of each fold; the inner validation part is derived from the fold alone.

    It is stratified, keeps groups and equal contents whole, and is the same on every call.

    Raises:
        SplitError: The folds were made from other samples.
    """
    config = SplitConfig.model_validate(folds.info["parameters"])
    rows = table.sort_values("sample_id", ignore_index=True)
    # Also where `on_leak` leaves duplicates on both sides of an outer fold: here it costs nothing.
    labels, units = _codes(rows["label"]), tie_together(rows, ["group", "sha256"])
    ids = rows["sample_id"].to_numpy(dtype=object)
    for repeat, number in folds.jobs:
        fold = _assigned(folds.table[folds.table["repeat"] == repeat], ids)
        training = np.flatnonzero((fold != HELD_OUT) & (fold != number))
        seed = derive_seed(config.seed, repeat, number, "inner")
        inner = _part(labels[training], units[training], config.validation_fraction, seed)
        train = np.setdiff1d(training, training[inner])
        yield FoldParts(
            repeat, number, ids[train], ids[training[inner]], ids[np.flatnonzero(fold == number)]
        )


def held_out_ids(folds: Folds) -> npt.NDArray[np.object_]:
    """Return the ids of the test part, sorted."""
    table = folds.table
    mask = (table["fold"] == HELD_OUT) & (table["repeat"] == 0)
    return table.loc[mask, "sample_id"].to_numpy(dtype=object)


def write_folds(path: Path, folds: Folds) -> None:
    """Write `path` (Parquet) and the JSON beside it."""
    # Inside, so that a table that cannot be written (a full disk, say) leaves the earlier pair.
    with atomic_path(path) as temporary:
        folds.table.to_parquet(temporary, index=False)
        write_sealed_json(path.with_suffix(".json"), folds.info)


def read_folds(path: Path) -> Folds:
    """Read what `write_folds` wrote.

    Raises:
        SplitError: A file is missing or damaged, or the two do not belong together.
    """
    try:
        info = read_sealed_json(path.with_suffix(".json"))
        table = pd.read_parquet(path)
        found = assignment_hash(table)
    except FileNotFoundError as error:
        message = f"{error.filename} is missing. Run the stage 'split' first."
        raise SplitError(message) from None
    except (ValueError, KeyError, OSError) as error:
        raise SplitError(f"{path} is damaged ({error}). Run the stage 'split' again.") from None
    if found != info.get("content_hash"):
        raise SplitError(f"{path} does not match its JSON. Run the stage 'split' again.")
    return Folds(table, info)


def assignment_hash(table: pd.DataFrame) -> str:
    """Return the SHA-256 of an assignment table, blind to the file format's own bytes."""
    digest = hashlib.sha256()
    for row in table[["sample_id", "fold", "repeat"]].itertuples(index=False):
        digest.update(f"{row.sample_id}\x1f{row.fold}\x1f{row.repeat}\n".encode())
    return digest.hexdigest()


def _assigned(of_repeat: pd.DataFrame, ids: npt.NDArray[np.object_]) -> Codes:
    """Return the fold of each id; a sample without one would slip into every training part."""
    row = pd.Index(of_repeat["sample_id"]).get_indexer(pd.Index(ids, dtype="str"))
    shared = int((row >= 0).sum())
    if not shared == len(of_repeat) == len(ids):
        raise SplitError(
            f"The folds were made from other samples: {shared} of the {len(of_repeat)} that they "
            f"assign are among the {len(ids)} at hand. Run the stage 'split' again."
        )
    fold: Codes = of_repeat["fold"].to_numpy(dtype=np.int64)[row]
    return fold


def _units(rows: pd.DataFrame, config: SplitConfig) -> Codes:
    columns = ["group"] if config.on_leak != "group" else ["group", "sha256"]
    return tie_together(rows, columns)


def _codes(values: pd.Series) -> Codes:
    return np.unique(values.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)


def _test_mask(rows: pd.DataFrame, units: Codes, config: SplitConfig) -> npt.NDArray[np.bool_]:
    official = rows["official_split"].isin(["test"]).to_numpy()
    if config.test == "official" and not official.any():
        raise SplitError(
            "split.test is 'official', but the source marks no sample as test. "
            "Use split.test=fraction."
        )
    if official.any() and config.test != "fraction":
        return official
    mask = np.zeros(len(rows), dtype=bool)
    if config.test_fraction > 0:
        seed = derive_seed(config.seed, "test")
        mask[_part(_codes(rows["label"]), units, config.test_fraction, seed)] = True
    return mask


def _part(labels: Codes, units: Codes, fraction: float, seed: int) -> Codes:
    """Return the positions of one part of about `fraction`.

    The fraction is k of m equal parts. Of the m unions of k neighbours, the one whose class counts
    are nearest to their share is taken, so that a rare class is not missed by chance.
    """
    share = _ratio(fraction, len(np.unique(units)))
    size = share.denominator
    parts = _split(labels, units, size, seed)
    unions = [
        np.sort(np.concatenate([parts[(first + i) % size] for i in range(share.numerator)]))
        for first in range(size)
    ]
    wanted = fraction * np.bincount(labels)

    def distance(part: Codes) -> float:
        counts = np.bincount(labels[part], minlength=len(wanted))
        absent = (counts == 0) & (wanted > 0)
        return float(absent.sum() * len(labels) + np.abs(counts - wanted).sum())

    return min(unions, key=distance)


def _ratio(fraction: float, num_units: int) -> Fraction:
    """Return the nearest k / m: m is at most 10, more only for smaller parts than a tenth.

    >>> [str(_ratio(fraction, 1000)) for fraction in (0.1, 0.15, 0.4, 0.02)]
    ['1/10', '1/7', '2/5', '1/50']
    """
    most = max(2, min(max(10, round(1 / fraction)), num_units))
    return max(Fraction(fraction).limit_denominator(most), Fraction(1, most))


def _split(labels: Codes, units: Codes, num_parts: int, seed: int) -> list[Codes]:
    """Cut positions into stratified parts that keep units whole."""
    from sklearn.model_selection import StratifiedKFold

    tied = np.bincount(units).max(initial=0) > 1
    if tied or num_parts > np.bincount(labels).max(initial=0):  # more than scikit-learn cuts
        dealt = deal_units(labels, units, num_parts, seed)
        return [np.flatnonzero(dealt == number) for number in range(num_parts)]
    splitter = StratifiedKFold(num_parts, shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # Rare classes are judged by _require_members; an inner part may do without one.
        warnings.filterwarnings("ignore", message="The least populated class")
        return [part for _, part in splitter.split(np.zeros(len(labels)), labels)]


def _require_members(
    labels: pd.Series, units: Codes, is_development: npt.NDArray[np.bool_], config: SplitConfig
) -> None:
    """Refuse a class that cannot stand in every fold.

    Raises:
        SplitError: It names the class, its count and what would work.
    """
    names = labels.to_numpy(dtype=object)
    per_class = pd.Series(units[is_development]).groupby(names[is_development]).nunique()
    per_class = per_class.reindex(np.unique(names), fill_value=0)
    too_small = per_class[per_class < config.num_folds].sort_values()
    if too_small.empty:
        return
    listed = ", ".join(f"{name!r} has {count}" for name, count in too_small.items())
    least = int(too_small.iloc[0])
    advice = f"split.num_folds={least}, " if least >= 2 else ""
    raise SplitError(
        f"split.num_folds is {config.num_folds}, but after the test part was taken the class "
        f"{listed} independent members (samples, or groups where samples are tied together). "
        f"What would work: {advice}split.test_fraction=0 (no held-out part), more samples, "
        "or merging or dropping the class."
    )


def _describe(
    rows: pd.DataFrame,
    assignment: pd.DataFrame,
    units: Codes,
    config: SplitConfig,
    findings: list[Finding],
) -> dict[str, Any]:
    counts = pd.crosstab(assignment["fold"], rows["label"])
    official = config.test == "official" or (
        config.test == "auto" and bool(rows["official_split"].isin(["test"]).any())
    )
    grouped = len(np.unique(units)) < len(units)
    return {
        "scheme": "stratified group k-fold" if grouped else "stratified k-fold",
        "test": "official" if official else "fraction",
        "parameters": config.model_dump(mode="json"),
        "num_samples": len(rows),
        "num_units": len(np.unique(units)),
        "num_groups": int(rows["group"].nunique()),
        "counts": {
            "test" if fold == HELD_OUT else str(fold): {str(k): int(v) for k, v in row.items()}
            for fold, row in counts.iterrows()
        },
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "content_hash": assignment_hash(assignment),
    }
