"""What the report tells of the data: facts of the data card, and how many samples a class has."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from foldwise.tasks.page import facts

_SIMPLE = (
    "modality",
    "task",
    "num_samples",
    "num_distinct_samples",
    "imbalance_ratio",
    "targets",
    "shape",
    "size_policy",
    "num_groups",
    "num_distinct_tokens",
    "num_skipped_files",
    "content_hash",
)
_MAX_CLASSES = 40  # shown one by one


class ClassCounts(NamedTuple):
    """How many samples classes have: all of them, or the largest and the smallest."""

    rows: tuple[tuple[str, int, float], ...]  # name, samples, % of the largest
    num_left_out: int


def data_facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return facts of the data card (`data.card.data_card`) as texts, the most telling first."""
    known = {name: card.get(name) for name in _SIMPLE if name != "targets"}
    shown = facts(known)
    classes, targets = card.get("classes"), card.get("targets")
    if classes:
        shown.insert(2, ("classes", f"{len(classes):,}"))
    elif targets:
        names = targets if isinstance(targets, str) else ", ".join(list(targets)[:10])
        shown.insert(2, ("targets", names))
    if card.get("official_splits"):
        parts = ", ".join(f"{name} {count:,}" for name, count in card["official_splits"].items())
        shown.append(("official split", parts))
    if card.get("time"):
        shown.append(("time", " to ".join(card["time"])))
    for name in ("length", "original_size"):
        if card.get(name):
            shown.append((name.replace("_", " "), _ranges(card[name])))
    return shown


def class_counts_shown(counts: Mapping[str, int]) -> ClassCounts:
    """Return the classes in order; of very many, the largest and the smallest."""
    names, largest = list(counts), max(counts.values(), default=1) or 1
    if len(names) > _MAX_CLASSES:
        by_size = sorted(names, key=lambda name: -counts[name])
        names = by_size[: _MAX_CLASSES // 2] + by_size[-_MAX_CLASSES // 2 :]
    rows = tuple((name, counts[name], 100 * counts[name] / largest) for name in names)
    return ClassCounts(rows, len(counts) - len(names))


def _ranges(value: Mapping[str, Any]) -> str:
    """Return ranges such as `3 to 17`, or `height 8 to 9, width 3 to 17`.

    >>> _ranges({"height": {"min": 8, "max": 9}, "width": {"min": 3, "max": 3}})
    'height 8 to 9, width 3'
    """
    if "min" in value:
        low, high = value["min"], value["max"]
        return str(low) if low == high else f"{low} to {high}"
    return ", ".join(f"{name} {_ranges(inner)}" for name, inner in value.items())
