"""The search for duplicates, as checks of an audit."""

from functools import partial

from foldwise.data.audit.check import Check, Subject, is_classification
from foldwise.data.audit.config import CheckName
from foldwise.data.audit.duplicate_findings import duplicate_findings
from foldwise.data.findings import Finding


def _find(subject: Subject, name: CheckName) -> list[Finding]:
    """Return what was found of one kind; the search itself is made once for all."""
    found = duplicate_findings(subject.samples, subject.duplicates)
    return [finding for finding in found if finding.check == name]


CHECKS = (
    Check(
        "exact_duplicates",
        "samples of equal content",
        partial(_find, name="exact_duplicates"),
    ),
    Check(
        "near_duplicates",
        "samples that are nearly the same",
        partial(_find, name="near_duplicates"),
    ),
    Check(
        "label_conflicts",
        "equal or nearly equal samples under different labels",
        partial(_find, name="label_conflicts"),
        is_classification,
    ),
)
