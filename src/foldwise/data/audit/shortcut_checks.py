"""The search for shortcuts, as checks of an audit."""

from functools import partial

from foldwise.data.audit.check import Check, Subject
from foldwise.data.audit.config import CheckName
from foldwise.data.audit.shortcut_findings import SHORTCUT_CHECKS, shortcut_findings
from foldwise.data.findings import Finding

_NAMES: tuple[CheckName, ...] = ("visible_shortcut", "collection_shortcut", "row_order")


def _find(subject: Subject, name: CheckName) -> list[Finding]:
    """Return what was found of one kind; the search itself is made once for all."""
    found = shortcut_findings(subject.shortcuts, subject.config.shortcuts)
    return [finding for finding in found if finding.check == name]


CHECKS = tuple(Check(name, SHORTCUT_CHECKS[name][1], partial(_find, name=name)) for name in _NAMES)
