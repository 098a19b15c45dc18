"""The audit of the folds: ties that they cut, and what their training parts lack.

N: samples.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.data.fold_parts import PartsRule
from foldwise.data.fold_table import HELD_OUT, UNUSED
from foldwise.data.leaks import cut_ties, find_leaks
from foldwise.data.split_config import (
    FIXED_SCHEMES,
    TIME_SCHEMES,
    Scheme,
    SplitConfig,
    SplitError,
)
from foldwise.data.split_rows import SplitRows
from foldwise.data.synthetic_rows import require_real
from foldwise.data.units import GROUP, WINDOWS, Tie

Codes = npt.NDArray[np.int64]

_MOST_NAMES = 10  # folds named in a message


def audit_folds(
    rows: SplitRows, folds: list[Codes], ties: list[Tie], config: SplitConfig, scheme: Scheme
) -> list[Finding]:
    """Look for ties that the folds cut.

    In time a group goes on, which is said, and overlapping windows are purged: neither is a leak
    there. Where the folds are given and `on_leak` is `group`, ties are purged from the training
    parts instead; near duplicates in time are not, see `SplitRows.kept_together`. Samples that
    were made must stand in training parts only.

    Args:
        rows: The samples.
        folds: The folds of each repeat, (N,) each.
        ties: What the scheme keeps together or purges.
        config: The parameters.
        scheme: The scheme.

    Raises:
        LeakError: There are some, and `on_leak` does not let them pass.
        SplitError: A made sample is held out.
    """
    for fold in folds:
        require_real(rows.ids, rows.synthetic, fold == HELD_OUT, "the test part")
        require_real(rows.ids, rows.synthetic, fold >= 0, "an outer fold")
    natural = {GROUP, WINDOWS} if scheme in TIME_SCHEMES else set()
    checked = [tie for check, tie in rows.ties.items() if check not in natural]
    groups = [tie for check, tie in rows.ties.items() if check in natural - {WINDOWS}]
    ongoing = [_ongoing(leak) for leak in cut_ties(rows.ids, groups, folds[0])]
    if config.on_leak == "group" and scheme in FIXED_SCHEMES:
        purged = {tie.check for tie in ties}
        leaks = cut_ties(rows.ids, checked, folds[0])
        return ongoing + [_softened(leak, leak.check in purged) for leak in leaks]
    found: dict[str, Finding] = {}
    for fold in folds:
        for leak in find_leaks(rows.ids, checked, fold, config.on_leak):
            found.setdefault(leak.check, leak)
    return ongoing + list(found.values())


def _ongoing(cut: Finding) -> Finding:
    then = "In time a group goes on: the scores are of groups that are known, not of new ones."
    return cut.model_copy(update={"severity": "info", "message": f"{cut.message} {then}"})


def _softened(leak: Finding, is_purged: bool) -> Finding:
    then = (
        "What is tied to a fold is left out of its training part."
        if is_purged
        else "In time, content that nearly comes again is no leak by itself; they stay."
    )
    changes = {"severity": "warn", "message": f"{leak.message} {then}"}
    return leak.model_copy(update=changes)


def check_training_parts(
    rule: PartsRule, fold: Codes
) -> tuple[list[Finding], dict[int, dict[str, int]]]:
    """Look at the training part of each fold; return findings, and size and number purged.

    Raises:
        SplitError: A fold has nothing to train on, or nothing beside its inner validation part.
    """
    in_time = rule.scheme in TIME_SCHEMES
    num_classes = len(np.unique(rule.rows.strata[fold != UNUSED]))
    sizes: dict[int, dict[str, int]] = {}
    lacking: dict[int, int] = {}
    one_unit: list[int] = []
    for number in range(max(int(fold.max()) + 1, 1)):
        if not (fold == number).any():
            raise SplitError(
                f"Fold {number} of split.scheme={rule.scheme} would have no sample: what is not "
                "in the test part is tied together or set aside. What would work: fewer folds, a "
                "smaller test part, or ties that reach less far."
            )
        training = rule.training(fold, number)
        fitted = rule.split(training, 0, number)[0] if in_time else training
        if not fitted.any():
            raise SplitError(_nothing_left(rule, number, in_time))
        sizes[number] = {"size": int(training.sum()), "purged": rule.num_purged(fold, number)}
        if rule.is_one_unit(training):
            one_unit.append(number)
        present = len(np.unique(rule.rows.strata[training]))
        if present < num_classes and not rule.rows.is_regression:
            lacking[number] = num_classes - present
    findings = []
    if lacking:
        findings.append(_lacking_classes(lacking))
    if one_unit:
        findings.append(_cut_inner_part(one_unit))
    return findings, sizes


def _nothing_left(rule: PartsRule, number: int, in_time: bool) -> str:
    if not in_time:
        return (
            f"Fold {number} has no sample to train on: all others are in the test part or tied "
            "to the fold. Name what ties them less widely, or use split.on_leak=warn."
        )
    return (
        f"Fold {number} of split.scheme={rule.scheme} has no sample to train on that ended before "
        f"its inner validation part and its outer fold begin (split.gap={rule.config.gap}, "
        f"split.embargo={rule.config.embargo}). What would work: fewer folds, a smaller gap, a "
        "larger split.train_size, or shorter windows."
    )


def _lacking_classes(lacking: dict[int, int]) -> Finding:
    folds = ", ".join(str(number) for number in list(lacking)[:_MOST_NAMES])
    return Finding(
        check="class_not_trained",
        severity="warn",
        message=f"A class is missing in the training part of {len(lacking)} of the folds (number "
        f"{folds}; at most {max(lacking.values())} at once): it cannot be told there.",
        advice="Use a stratified scheme, fewer folds, or merge classes.",
        values={"num_folds": len(lacking), "num_classes": max(lacking.values())},
    )


def _cut_inner_part(numbers: list[int]) -> Finding:
    return Finding(
        check="inner_part_cuts_unit",
        severity="warn",
        message=f"The training part of fold {', '.join(map(str, numbers[:_MOST_NAMES]))} is one "
        "unit, so its inner validation part is of the same unit: early stopping sees no other "
        "group. The outer fold is not concerned.",
        advice="More groups, or more folds.",
        values={"num_folds": len(numbers)},
    )
