"""The section of the report about how the samples were split into folds."""

from collections.abc import Mapping, Sequence
from typing import Any

from foldwise.tasks.page import facts
from foldwise.tasks.regression_summary import show_number
from foldwise.tasks.report_audit import finding_facts
from foldwise.tasks.report_section import ReportSection, ReportTable

_MAX_CLASSES, _MAX_PARTS = 40, 24  # in the table
_FIRST = ("scheme", "test", "num_samples", "num_units", "num_groups", "nested")
_STATISTICS = ("mean", "std", "min", "median", "max")

Counts = Mapping[str, Mapping[str, int]]  # part -> class -> samples


def folds_section(split: Mapping[str, Any], classes: Sequence[str]) -> ReportSection:
    """Return how the folds were made, what stands in each, and what could not be kept apart.

    Args:
        split: `Folds.info`.
        classes: In order; none of a regression.
    """
    findings = split.get("findings", [])
    told = (
        "What the split found stands last in the list."
        if findings
        else "Nothing was found that the split separates and should not."
    )
    tables = [_counts(split.get("counts") or {}, classes), _targets(split.get("targets") or {})]
    return ReportSection(
        "split",
        "Folds",
        (told,),
        tables=tuple(table for table in tables if table.rows),
        facts=(*_facts(split), *finding_facts(findings)),
    )


def _facts(split: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is told of the split, how it was made first and its hash last."""
    first = {name: split.get(name) for name in _FIRST}
    last = {"content_hash": split.get("content_hash")}
    known = {"findings", *first, *last}
    rest = {name: value for name, value in split.items() if name not in known}
    return facts(first | rest | last)


def _counts(counts: Counts, classes: Sequence[str]) -> ReportTable:
    """Return the samples of each class in each part; of many classes, the rarest."""
    shown, parts, notes = list(classes), list(counts), []
    if len(shown) > _MAX_CLASSES:
        totals = {name: sum(part.get(name, 0) for part in counts.values()) for name in classes}
        shown = sorted(totals, key=lambda name: totals[name])[:_MAX_CLASSES]
        notes = [f"The {_MAX_CLASSES} rarest; {len(classes) - len(shown):,} classes are left out."]
    if len(parts) > _MAX_PARTS:
        notes.append(f"{len(parts) - _MAX_PARTS} of {len(parts)} parts are left out.")
        parts = parts[:_MAX_PARTS]
    rows = [(name, *(f"{counts[part].get(name, 0):,}" for part in parts)) for name in shown]
    columns = ("class", *map(_part_name, parts))
    return ReportTable(
        "Samples of each class", columns, tuple(rows) if parts else (), " ".join(notes)
    )


def _targets(targets: Mapping[str, Mapping[str, float]]) -> ReportTable:
    rows = [
        (_part_name(part), *(show_number(values.get(name)) for name in _STATISTICS))
        for part, values in targets.items()
    ]
    note = ""
    if len(rows) > _MAX_CLASSES:
        note = f"{len(rows) - _MAX_CLASSES} of {len(rows)} parts are left out."
    columns = ("part", *_STATISTICS)
    return ReportTable("Targets of each part", columns, tuple(rows[:_MAX_CLASSES]), note)


def _part_name(part: str) -> str:
    """Return the name of a part for people.

    >>> _part_name("3"), _part_name("train_only")
    ('fold 3', 'train only')
    """
    return f"fold {part}" if part.isdigit() else part.replace("_", " ")
