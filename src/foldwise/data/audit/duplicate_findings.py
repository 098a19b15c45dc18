"""What duplicates mean for a split: how many there are, where, and what would leak."""

from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.audit.duplicates import Duplicates
from foldwise.data.findings import Finding, Severity
from foldwise.data.samples import Samples

EXACT, NEAR, CONFLICTS = "exact_duplicates", "near_duplicates", "label_conflicts"

_NUM_FOLDS = 5  # of the random split that is imagined
_HARMLESS = 0.001  # of the test samples with a twin in training

_TIE = "split.on_leak=group keeps them on one side of the split."


def duplicate_findings(samples: Samples, duplicates: Duplicates) -> list[Finding]:
    """Tell of equal samples, of nearly equal ones, and of those under two labels."""
    rows = set_rows(samples, duplicates)
    findings = [_exact_finding(rows, len(samples)), _near_finding(rows, len(samples))]
    if samples.task == "classification":
        findings.append(_conflict_finding(samples, duplicates, rows))
    return [finding for finding in findings if finding is not None]


def set_rows(samples: Samples, duplicates: Duplicates) -> pd.DataFrame:
    """Return the table of duplicates with what else is known of each of its samples."""
    known = ["sample_id", "label", "group", "official_split"]
    table = samples.table[[name for name in known if name in samples.table]]
    return duplicates.table.merge(table, on="sample_id", how="left", validate="one_to_one")


def leaked_share(set_sizes: pd.Series, num_samples: int, num_folds: int = _NUM_FOLDS) -> float:
    """Return the share of test samples that a random split would give a twin in training.

    Each sample is in the test fold once; any other of its set is in training with probability
    1 - 1/k, independently.

    >>> leaked_share(pd.Series([2]), num_samples=4)
    0.4
    """
    sizes = set_sizes.to_numpy(np.float64)
    return float((sizes * (1 - (1 / num_folds) ** (sizes - 1))).sum() / num_samples)


def _exact_finding(rows: pd.DataFrame, num_samples: int) -> Finding | None:
    rows = rows[rows["exact"].notna()]
    if rows.empty:
        return None
    values = _counts(rows, "exact", num_samples)
    repeats = values["samples"] - values["sets"]
    told = f"{repeats} of {num_samples} samples repeat the content of another"
    values["repeats"] = repeats
    if "label" in rows:
        values["repeats_with_label"] = int(rows.duplicated(["exact", "label"]).sum())
        told += f" ({values['repeats_with_label']} of them its label as well)"
    return _finding(EXACT, f"{told}, in {_in_sets(values)}.", values, rows, "exact")


def _near_finding(rows: pd.DataFrame, num_samples: int) -> Finding | None:
    near = rows[rows["near"].notna()]
    if near.empty:
        return None
    values = _counts(near, "near", num_samples)
    # A sample with both kinds of twins is in a near set together with its exact copies.
    either = [*near["near"].value_counts(), *rows[rows["near"].isna()]["exact"].value_counts()]
    values["leaked_share_with_exact"] = leaked_share(pd.Series(either), num_samples)
    told = f"{values['samples']} of {num_samples} samples are nearly the same as another"
    return _finding(NEAR, f"{told}, in {_in_sets(values)}.", values, near, "near")


def _counts(rows: pd.DataFrame, column: str, num_samples: int) -> dict[str, Any]:
    """Count sets, and the sets that stand across something that should set them apart."""
    sets = rows.groupby(column)
    sizes = sets.size()
    counts: dict[str, Any] = {
        "samples": len(rows),
        "sets": len(sizes),
        "largest": int(sizes.max()),
        "leaked_share": leaked_share(sizes, num_samples),
    }
    if "label" in rows:
        counts["across_classes"] = int((sets["label"].nunique() > 1).sum())
        counts["within_class"] = len(sizes) - counts["across_classes"]
    for name in ("official_split", "group"):
        if name in rows and rows[name].notna().any():
            counts[f"across_{name}"] = int((sets[name].nunique() > 1).sum())
    return counts


def _in_sets(values: dict[str, Any]) -> str:
    many, size = values["sets"], values["largest"]
    parts = [f"{many} sets of up to {size}" if many > 1 else f"one set of {size}"]
    for name, what in (
        ("across_classes", "across classes"),
        ("across_official_split", "across the official split"),
        ("across_group", "across groups"),
    ):
        if values.get(name):
            parts.append(f"{values[name]} {what}")
    return ", ".join(parts)


def _finding(
    check: str, told: str, values: dict[str, Any], rows: pd.DataFrame, column: str
) -> Finding:
    share = values["leaked_share"]
    across = values.get("across_official_split", 0)
    severity: Severity = "warn" if across or share >= _HARMLESS else "info"
    message = (
        f"{told} In {_NUM_FOLDS} random folds {100 * share:.1f} % of the test samples would have "
        "a twin in the training part."
    )
    advice = _TIE
    if across:
        advice = (
            "The official split cuts these sets: a score on its test part after training "
            "on all the rest is too good. split.on_leak=group (the default) leaves the training "
            "samples that are tied to a test sample out of the folds; split.on_leak=warn does not."
        )
    ids = rows.groupby(column)["sample_id"].apply(tuple)
    largest_first = sorted(ids, key=lambda members: (-len(members), members))
    return Finding(
        check=check,
        severity=severity,
        message=message,
        advice=advice,
        values=values,
        sample_ids=tuple(largest_first),
    )


def _conflict_finding(
    samples: Samples, duplicates: Duplicates, rows: pd.DataFrame
) -> Finding | None:
    """Find equal samples under two labels, and nearly equal pairs of two labels."""
    labels = rows.groupby("exact")["label"].transform("nunique")
    exact = rows[(labels > 1).fillna(False)]
    exact_sets = [_labels_first(members) for _, members in exact.groupby("exact")]
    label = samples.table["label"].to_numpy()
    pairs = duplicates.near.pairs
    pairs = pairs[label[pairs[:, 0]] != label[pairs[:, 1]]]
    ids = samples.table["sample_id"].to_numpy()
    near_sets = [tuple(sorted(ids[pair])) for pair in pairs]
    if not exact_sets and not near_sets:
        return None
    told = []
    if exact_sets:
        sets = "sets" if len(exact_sets) > 1 else "set"
        told.append(f"{len(exact_sets)} {sets} of equal samples ({len(exact)} samples)")
    if near_sets:
        pairs_word = "pairs" if len(near_sets) > 1 else "pair"
        told.append(f"{len(near_sets)} {pairs_word} of nearly equal samples")
    return Finding(
        check=CONFLICTS,
        severity="warn",
        message=f"Different labels are carried by {' and '.join(told)}.",
        advice="Look at them: either a label is wrong, or the classes overlap, and then no model "
        "can tell these apart.",
        values={
            "exact_sets": len(exact_sets),
            "exact_samples": len(exact),
            "near_pairs": len(near_sets),
        },
        sample_ids=(*sorted(exact_sets), *sorted(near_sets)),
    )


def _labels_first(members: pd.DataFrame) -> tuple[str, ...]:
    """Return the ids of a set, one of each label before all others."""
    again = members["label"].duplicated()
    return tuple(pd.concat([members[~again], members[again]])["sample_id"])
