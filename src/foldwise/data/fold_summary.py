"""What `folds.json` tells of a split: how it was made, and what is in each part.

N: samples.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.findings import Finding
from foldwise.data.fold_table import HELD_OUT, TRAIN_ONLY, UNUSED, assignment_hash
from foldwise.data.samples import target_columns
from foldwise.data.split_config import TIME_SCHEMES, SplitConfig
from foldwise.data.split_rows import SplitRows, column_digests

_MOST_GROUPS = 100  # counted one by one in each part
_PARTS = {HELD_OUT: "test", UNUSED: "unused", TRAIN_ONLY: "train_only"}
_QUANTILES = {
    "min": 0.0,
    "lower_quartile": 0.25,
    "median": 0.5,
    "upper_quartile": 0.75,
    "max": 1.0,
}

Tree = dict[str, Any]  # JSON


def describe(
    rows: SplitRows,
    assignment: pd.DataFrame,
    config: SplitConfig,
    findings: list[Finding],
    facts: Tree,
) -> Tree:
    """Return all that is told of a split.

    Args:
        rows: The samples.
        assignment: The folds' table.
        config: The parameters.
        findings: What was found.
        facts: `scheme`, `test`, `training` and what else only who made the folds knows.
    """
    parts = _parts(assignment)
    first = assignment["unit"].to_numpy()[: len(rows)]
    return {
        **facts,
        "parameters": config.model_dump(mode="json"),
        "num_samples": len(rows),
        "num_units": len(np.unique(first)),
        "num_groups": int(rows.table["group"].nunique()) if "group" in rows.table else 0,
        "sizes": {name: len(members) for name, members in parts.items()},
        **_contents(rows, parts),
        "nested": _nested(config, facts["scheme"], rows.is_regression),
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "columns": column_digests(rows.table),
        "content_hash": assignment_hash(assignment),
    }


def part_name(repeat: int, fold: int, num_repeats: int) -> str:
    """Return the name of a part in the summary.

    >>> part_name(0, -1, 1), part_name(0, 3, 1), part_name(1, 3, 2)
    ('test', '3', 'repeat 1, fold 3')
    """
    if fold in _PARTS:
        return _PARTS[fold]
    return str(fold) if num_repeats == 1 else f"repeat {repeat}, fold {fold}"


def _parts(assignment: pd.DataFrame) -> dict[str, npt.NDArray[np.int64]]:
    """Return the row numbers of each part; those that are the same in all repeats once."""
    num_repeats = int(assignment["repeat"].max()) + 1
    size = len(assignment) // num_repeats
    folds = assignment["fold"].to_numpy().reshape(num_repeats, size)
    parts = {}
    for repeat, fold in enumerate(folds):
        for number in np.unique(fold):
            if number >= 0 or repeat == 0:
                name = part_name(repeat, int(number), num_repeats)
                parts[name] = np.flatnonzero(fold == number)
    return parts


def _contents(rows: SplitRows, parts: dict[str, npt.NDArray[np.int64]]) -> Tree:
    """Return classes or targets, groups and times of each part, as far as there are any."""
    table = rows.table
    contents: Tree = {}
    if rows.is_regression:
        targets = list(target_columns(table))
        contents["targets"] = {
            name: _target_summary(table[targets].iloc[members]) for name, members in parts.items()
        }
    else:
        contents["counts"] = _tables(table["label"], parts)
    if rows.is_grouped:
        groups = table["group"]
        if groups.nunique() <= _MOST_GROUPS:
            contents["groups"] = _tables(groups, parts)
        else:
            contents["groups"] = {n: int(groups.iloc[m].nunique()) for n, m in parts.items()}
    if rows.spans is not None:
        contents["time"] = {name: _period(table.iloc[m]) for name, m in parts.items()}
    return contents


def _tables(values: pd.Series, parts: dict[str, npt.NDArray[np.int64]]) -> Tree:
    """Count each value in each part; zeros are told for classes and groups alike."""
    codes, names = pd.factorize(values, sort=True)
    return {
        part: {
            str(name): int(count)
            for name, count in zip(
                names,
                np.bincount(codes[members][codes[members] >= 0], minlength=len(names)),
                strict=True,
            )
        }
        for part, members in parts.items()
    }


def _target_summary(targets: pd.DataFrame) -> Tree:
    """Return mean, deviation and quantiles; of several steps ahead, over all of them."""
    values = targets.to_numpy(dtype=np.float64).ravel()
    numbers = np.quantile(values, list(_QUANTILES.values()))
    spread = {"mean": values.mean(), "std": values.std(ddof=0)}
    named = spread | dict(zip(_QUANTILES, numbers, strict=True))
    return {name: float(f"{number:.6g}") for name, number in named.items()}


def _period(rows: pd.DataFrame) -> dict[str, str | float | int]:
    """Return the first and the last moment, dates as ISO text."""
    last = rows["time_end"] if "time_end" in rows else rows["time"]
    moments = {"first": rows["time"].min(), "last": last.max()}
    return {
        name: moment.isoformat() if isinstance(moment, pd.Timestamp) else moment.item()
        for name, moment in moments.items()
        if not pd.isna(moment)
    }


def _nested(config: SplitConfig, scheme: str, is_regression: bool) -> str:
    """Say how the inner part is made."""
    share = f"{config.validation_fraction:.0%} of each training part"
    if scheme in TIME_SCHEMES:
        return (
            f"The inner validation part is the last {share} in time. What is fitted on ended "
            f"before it{f', less {config.gap} time steps' if config.gap else ''}."
        )
    by = "quantile of the target" if is_regression else "class"
    return (
        f"The inner validation part is about {share}, stratified by {by}, units kept whole, drawn "
        "by a seed of its own for each fold."
    )
