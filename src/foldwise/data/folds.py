"""Make folds: hold out a test part, cut the rest by a scheme, and audit both.

N: samples.
"""

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.findings import Finding, log_findings
from foldwise.data.fold_parts import FoldParts, PartsRule, fold_parts
from foldwise.data.fold_summary import describe, part_name
from foldwise.data.fold_table import (
    HELD_OUT,
    TRAIN_ONLY,
    UNUSED,
    Folds,
    assignment_hash,
    held_out_ids,
    read_folds,
    write_folds,
)
from foldwise.data.held_out_part import hold_out
from foldwise.data.obstacles import find_giant_unit, set_aside_rare
from foldwise.data.schemes import Assigned, Development, assign, choose_scheme
from foldwise.data.split_audit import audit_folds, check_training_parts
from foldwise.data.split_config import Scheme, SplitConfig, SplitError
from foldwise.data.split_rows import SplitRows, read_rows
from foldwise.data.time_folds import initial_length
from foldwise.data.units import connect

__all__ = [
    "HELD_OUT",
    "TRAIN_ONLY",
    "UNUSED",
    "FoldParts",
    "Folds",
    "SplitConfig",
    "SplitError",
    "assignment_hash",
    "fold_parts",
    "held_out_ids",
    "make_folds",
    "read_folds",
    "write_folds",
]

logger = logging.getLogger(__name__)

Codes = npt.NDArray[np.int64]


def make_folds(
    table: pd.DataFrame, config: SplitConfig, duplicates: pd.DataFrame | None = None
) -> Folds:
    """Hold out a test part, cut the rest into folds that keep units whole, audit both.

    The result depends on what `split_rows.read_rows` reads of the samples, never on their order.

    Args:
        table: The samples' table.
        config: Scheme, test part, and what else is to be chosen.
        duplicates: Columns `sample_id`, `exact`, `near` (set numbers), from the audit; None takes
            samples of equal `sha256` for the only duplicates.

    Raises:
        SplitError: The samples cannot be split as asked; it says what would work.
        LeakError: `on_leak` is `error` and something tied stands on two sides.
    """
    rows = read_rows(table, config, duplicates)
    scheme = choose_scheme(rows, config)
    ties = rows.kept_together(scheme, config.on_leak)
    kept = connect([tie.codes for tie in ties], len(rows))
    base, test, findings = hold_out(rows, ties, config, scheme)
    giant = find_giant_unit(rows, base, kept, ties, config, scheme)
    try:
        findings += set_aside_rare(rows, base, kept, config, scheme, test)
        repeats = _assign(rows, base, kept, config, scheme)
    except SplitError as error:
        raise SplitError(" ".join([str(error), *(cause.message for cause in giant)])) from None
    facts: dict[str, Any] = {"scheme": scheme, "test": test}
    if repeats[0].names:
        facts["fold_names"] = {str(k): name for k, name in enumerate(repeats[0].names)}
    folds = [repeat.fold for repeat in repeats]
    findings += giant + audit_folds(rows, folds, ties, config, scheme)
    if scheme == "time_rolling" and rows.spans is not None:
        facts["train_size"] = config.train_size or initial_length(rows.spans, folds[0])
    rule = PartsRule(rows, config, scheme, rows.units(scheme), facts.get("train_size"))
    facts["training"], found = _training(rule, folds)
    assignment = _table(rows, folds, rule.units)
    folds_made = Folds(assignment, describe(rows, assignment, config, findings + found, facts))
    _log(folds_made)
    log_findings(logger, findings + found)
    return folds_made


def _log(folds: Folds) -> None:
    parts = ", ".join(f"{name}: {size}" for name, size in folds.info["sizes"].items())
    logger.info(
        "Split %d samples by the scheme %s (samples in each part: %s).",
        folds.info["num_samples"],
        folds.info["scheme"],
        parts if len(parts) < 500 else f"{len(folds.info['sizes'])} parts",
    )


def _assign(
    rows: SplitRows, base: Codes, units: Codes, config: SplitConfig, scheme: Scheme
) -> list[Assigned]:
    """Return the folds of all samples, (N,), for each repeat."""
    index = np.flatnonzero((base == TRAIN_ONLY) & ~rows.synthetic)
    problem = Development(rows, index, units[index])
    repeats = []
    for repeat in range(config.num_repeats if scheme == "repeated" else 1):
        found = assign(problem, config, scheme, repeat)
        fold = base.copy()
        fold[index] = found.fold
        repeats.append(Assigned(fold, found.names))
    return repeats


def _training(rule: PartsRule, folds: list[Codes]) -> tuple[dict[str, Any], list[Finding]]:
    """Return the sizes of all training parts, and what was found in those of the first repeat."""
    sizes: dict[str, Any] = {}
    findings: list[Finding] = []
    for repeat, fold in enumerate(folds):
        found, of_fold = check_training_parts(rule, fold)
        findings += found if repeat == 0 else []
        sizes |= {part_name(repeat, k, len(folds)): size for k, size in of_fold.items()}
    return sizes, findings


def _table(rows: SplitRows, folds: list[Codes], units: Codes) -> pd.DataFrame:
    ids = pd.concat([rows.table["sample_id"]] * len(folds), ignore_index=True)
    repeat = np.repeat(np.arange(len(folds), dtype=np.int64), len(rows))
    columns = {"fold": np.concatenate(folds), "repeat": repeat, "unit": np.tile(units, len(folds))}
    return pd.DataFrame({"sample_id": ids, **columns})
