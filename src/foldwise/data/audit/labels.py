"""What is odd about the labels: missing, rare or imbalanced."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.audit.check import Check, Subject, is_classification, one_by_one
from foldwise.data.audit.files import lacks_label
from foldwise.data.bad_input import listing
from foldwise.data.findings import Finding
from foldwise.data.samples import Samples

_TOLD_RATIO = 3.0  # from here on an imbalance is told


def label_summary(samples: Samples) -> dict[str, Any]:
    """Return how the samples are spread over the classes, an official test part left out.

    What a model is fitted on counts: a test part may be balanced although the rest is not.
    The effective number of classes is that of equally large classes of the same diversity: the
    exponential of Shannon's entropy, and the inverse of Simpson's index, which looks more at the
    large classes (Hill, Diversity and evenness, Ecology 54, 1973: the numbers of order 1 and 2).
    """
    counts = _counts(samples)
    shares = counts.to_numpy(np.float64) / counts.sum()
    return {
        "num_classes": len(counts),
        "largest": int(counts.max()),
        "smallest": int(counts.min()),
        "imbalance_ratio": float(counts.max() / counts.min()),
        "effective_classes": float(np.exp(-(shares * np.log(shares)).sum())),
        "effective_classes_simpson": float(1 / (shares**2).sum()),
    }


def _counts(samples: Samples) -> pd.Series:
    table = samples.table
    is_development = table["official_split"].ne("test").fillna(True)
    counted = table[is_development] if is_development.any() else table
    return counted["label"].value_counts()


def find_missing_labels(subject: Subject) -> list[Finding]:
    """Find the rows that were skipped because they have no label."""
    paths = subject.skipped_files["path"][lacks_label(subject.skipped_files)]
    if paths.empty:
        return []
    total = len(subject.samples) + len(subject.skipped_files)
    return [
        Finding(
            check="missing_labels",
            severity="warn",
            message=f"{len(paths)} of {total} files or rows have no label and were skipped, such "
            f"as {listing(paths, 3)}.",
            advice="Label them, or find out why they have none: if not by chance, the scores hold "
            "only for what is easy to label.",
            values={"count": len(paths), "share": len(paths) / total},
            sample_ids=one_by_one(paths),
        )
    ]


def find_single_member_classes(subject: Subject) -> list[Finding]:
    """Find classes of one member."""
    counts = _counts(subject.samples)
    names = sorted(counts.index[counts == 1])
    if not names:
        return []
    return [
        Finding(
            check="single_member_classes",
            severity="warn",
            message=f"{len(names)} of {len(counts)} classes have one member: {listing(names, 5)}.",
            advice="Such a class cannot be learned and scored at once: merge it with another, "
            "collect more, or leave it out with split.rare_classes=drop.",
            values={"count": len(names)},
            sample_ids=_members(subject, names),
        )
    ]


def find_rare_classes(subject: Subject) -> list[Finding]:
    """Find classes that cannot stand in every fold."""
    counts = _counts(subject.samples)
    least = subject.config.min_class_size
    rare = counts[(counts > 1) & (counts < least)].sort_index()
    if rare.empty:
        return []
    listed = ", ".join(f"'{name}' has {count}" for name, count in rare.items())
    return [
        Finding(
            check="rare_classes",
            severity="warn",
            message=f"Classes of fewer than {least} members cannot stand in each of "
            f"{least} folds: {listed}.",
            advice="Use fewer folds (split.num_folds), merge the class with another, or leave it "
            "out with split.rare_classes=drop.",
            values={str(name): int(count) for name, count in rare.items()},
            sample_ids=_members(subject, list(rare.index)),
        )
    ]


def _members(subject: Subject, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    table = subject.table[subject.table["label"].isin(names)]
    return tuple(tuple(sorted(ids)) for _, ids in table.groupby("label")["sample_id"])


def find_class_imbalance(subject: Subject) -> list[Finding]:
    """Tell how uneven the classes are, where they are."""
    summary = label_summary(subject.samples)
    ratio = summary["imbalance_ratio"]
    if ratio < min(_TOLD_RATIO, subject.config.imbalance_ratio):
        return []
    counts = _counts(subject.samples)
    is_part = subject.table["official_split"].eq("test").any()
    where = "Outside the official test part, the" if is_part else "The"
    return [
        Finding(
            check="class_imbalance",
            severity="warn" if ratio >= subject.config.imbalance_ratio else "info",
            message=f"{where} largest class ('{counts.index[0]}', {counts.iloc[0]}) has "
            f"{ratio:.1f} times the members of the smallest ('{counts.index[-1]}', "
            f"{counts.iloc[-1]}); the "
            f"{len(counts)} classes are as diverse as {summary['effective_classes']:.1f} of equal "
            "size.",
            advice="Look at macro scores and those of each class, not at the accuracy; try "
            "balance.method.",
            values=summary,
        )
    ]


CHECKS = (
    Check("missing_labels", "files and rows without a label", find_missing_labels),
    Check(
        "single_member_classes",
        "classes of one member",
        find_single_member_classes,
        is_classification,
    ),
    Check(
        "rare_classes",
        "classes of fewer members than there are folds",
        find_rare_classes,
        is_classification,
    ),
    Check(
        "class_imbalance",
        "classes of very different size",
        find_class_imbalance,
        is_classification,
    ),
)
