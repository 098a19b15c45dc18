"""What stands in the way of even folds: rare classes, and units larger than a fold.

N: samples.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.data.fold_table import HELD_OUT, TRAIN_ONLY, UNUSED
from foldwise.data.split_config import (
    DEALT_SCHEMES,
    STRATIFIED_SCHEMES,
    Scheme,
    SplitConfig,
    SplitError,
    TestPart,
)
from foldwise.data.split_rows import SplitRows
from foldwise.data.units import EXACT, GROUP, NEAR, WINDOWS, Tie

Codes = npt.NDArray[np.int64]

_MOST_NAMES = 10  # classes named in a message
_REMEDIES = {
    GROUP: "look whether the column 'group' says what must not be separated",
    EXACT: "remove the copies from the source",
    NEAR: "let the audit call less alike near duplicates, or use split.on_leak=warn",
    WINDOWS: "use a scheme of time (split.scheme=time_expanding) or windows that do not overlap",
}


def set_aside_rare(
    rows: SplitRows, fold: Codes, units: Codes, config: SplitConfig, scheme: Scheme, test: TestPart
) -> list[Finding]:
    """Deal with classes that cannot stand in every fold, as `rare_classes` says.

    `drop` sets them UNUSED in `fold`, in all parts. `test` is how the test part was chosen.

    Raises:
        SplitError: It names the classes, their counts and what would work.
    """
    if scheme not in STRATIFIED_SCHEMES or rows.is_regression:
        return []
    labels = rows.table["label"].to_numpy(dtype=object)
    counts = _independent_members(rows, units, (fold == TRAIN_ONLY) & ~rows.synthetic)
    rare = np.flatnonzero(counts < config.num_folds)
    rare = rare[np.argsort(counts[rare], kind="stable")]
    if not len(rare):
        return []
    first = np.unique(rows.strata, return_index=True)[1]
    few = {str(labels[first[code]]): int(counts[code]) for code in rare}
    if config.rare_classes == "error":
        everything = _independent_members(rows, units, np.isin(fold, (TRAIN_ONLY, HELD_OUT)))
        least = int(everything[rare].min()) if test == "fraction" else None
        raise SplitError(_rare_message(few, config, bool((fold == HELD_OUT).any()), least))
    if config.rare_classes == "keep":
        then = "so they are not held out in every fold"
        return [_rare_finding(few, then, "their scores rest on few samples", config)]
    dropped = np.isin(rows.strata, rare)
    fold[dropped] = UNUSED
    then = f"so their {int(dropped.sum())} samples are in no part"
    return [_rare_finding(few, then, "no network learns them", config)]


def _independent_members(rows: SplitRows, units: Codes, chosen: npt.NDArray[np.bool_]) -> Codes:
    """Count the units that each class has among the chosen samples, (classes,)."""
    members = np.unique(np.stack([rows.strata, units])[:, chosen], axis=1)[0]
    return np.bincount(members, minlength=rows.strata.max(initial=0) + 1)


def _rare_message(
    few: dict[str, int], config: SplitConfig, has_test: bool, least_without_test: int | None
) -> str:
    """Say what is rare and what would work.

    Args:
        few: The independent members of each rare class, ascending.
        config: What was asked for.
        has_test: Whether a test part was taken.
        least_without_test: Members of the rarest of them were none taken; None: it is given.
    """
    least = next(iter(few.values()))
    remedies = []
    if least >= 2:
        remedies += [
            f"split.num_folds={least}",
            "split.scheme=repeated with split.num_folds=2 (fewer folds, several times)",
        ]
    if least_without_test is not None and least_without_test > max(least, 1):
        folds = min(least_without_test, config.num_folds)
        fewer = f"split.num_folds={folds} with " if folds < config.num_folds else ""
        remedies.append(f"{fewer}split.test_fraction=0 (no held-out part)")
    remedies += [
        "split.rare_classes=drop (leave the class out)",
        "split.rare_classes=keep (it is missing in some folds)",
    ]
    after = "after the test part was taken " if has_test else ""
    return (
        f"split.num_folds is {config.num_folds}, but {after}there are "
        f"classes with fewer independent members (samples, or groups where samples are tied "
        f"together): {_listed(few)}. What would work: {', '.join(remedies)}, more "
        "samples, or merging or dropping the class at the source."
    )


def _rare_finding(few: dict[str, int], then: str, advice: str, config: SplitConfig) -> Finding:
    return Finding(
        check="rare_class",
        severity="warn",
        message="There are classes with fewer independent members than the "
        f"{config.num_folds} folds ({_listed(few)}), {then} "
        f"(split.rare_classes={config.rare_classes}).",
        advice=f"Merge these classes or get more samples: {advice}.",
        values=dict(few),
    )


def _listed(few: dict[str, int]) -> str:
    named = [f"{name!r} has {count}" for name, count in list(few.items())[:_MOST_NAMES]]
    more = [f"and {len(few) - _MOST_NAMES} more classes have too few"]
    return ", ".join(named + more * (len(few) > _MOST_NAMES))


def find_giant_unit(
    rows: SplitRows,
    fold: Codes,
    units: Codes,
    ties: list[Tie],
    config: SplitConfig,
    scheme: Scheme,
) -> list[Finding]:
    """Find a unit that is larger than a fold, and say what ties it together."""
    development = fold == TRAIN_ONLY
    sizes = np.bincount(units[development])
    total = int(development.sum())
    if scheme not in DEALT_SCHEMES or sizes.max(initial=0) * config.num_folds <= total:
        return []
    members = development & (units == sizes.argmax())
    size = int(members.sum())
    largest = {tie.check: _largest(tie.codes[members]) for tie in ties}
    alone = {check: count for check, count in largest.items() if count > 1}
    if not alone:  # one sample, where there are fewer samples than folds
        return []
    cause = max(alone, key=lambda check: alone[check])
    what = {tie.check: tie.what for tie in ties}
    shares = ", ".join(f"{what[check]} alone up to {count}" for check, count in alone.items())
    finding = Finding(
        check="giant_unit",
        severity="warn",
        message=f"{size} of {total} samples ({size / total:.0%}) are tied into one unit, which is "
        f"more than a fold (1/{config.num_folds}): {shares}. The folds differ much in size.",
        advice=f"To get even folds, {_REMEDIES[cause]}; or use fewer folds.",
        values={"num_samples": size, "share": round(size / total, 4), "cause": cause},
    )
    return [finding]


def _largest(codes: Codes) -> int:
    return int(np.bincount(codes[codes >= 0]).max(initial=0))
