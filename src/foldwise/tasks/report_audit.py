"""The section of the report about what the audit found in the samples."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from foldwise.tasks.report_section import ReportSection

_ANCHOR, _TITLE = "audit", "Audit of the samples"
_WORDS = {"error": "error", "warn": "warning", "info": "note"}
_OUTCOMES = {
    "found": "found something",
    "nothing found": "found nothing",
    "does not apply": "do not apply to such samples",
    "off": "are off",
}
_MAX_TEXT = 700  # characters of one finding
_MAX_FINDINGS = 30


def audit_section(record: Mapping[str, Any] | None) -> ReportSection:
    """Return the findings in short, the gravest first; the audit's own page has the samples.

    Args:
        record: `audit_json`: `checks`, `counts`, `findings`; none where nobody has audited.
    """
    if not record:
        return ReportSection(_ANCHOR, _TITLE, ("The samples were not audited.",))
    outcomes = Counter(check["outcome"] for check in record["checks"])
    told = ", ".join(f"{outcomes[key]} {text}" for key, text in _OUTCOMES.items() if outcomes[key])
    findings = record["findings"]
    facts = finding_facts(findings[:_MAX_FINDINGS])
    more = len(findings) - len(facts)
    paragraphs = [
        f"Before any split, {len(record['checks'])} checks looked at the samples: {told}.",
        "Duplicates, groups and overlapping windows are kept on one side by the split. The "
        "samples concerned, with pictures, stand in audit_report.html.",
    ]
    if more > 0:
        paragraphs.append(f"{more} findings of the least gravity are left out here.")
    return ReportSection(_ANCHOR, _TITLE, tuple(paragraphs), facts=facts)


def finding_facts(findings: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return the name of each finding with its gravity, and what is said of it."""
    return tuple(
        (f"{finding['check'].replace('_', ' ')} ({_WORDS[finding['severity']]})", _text(finding))
        for finding in findings
    )


def _text(finding: Mapping[str, Any]) -> str:
    text = " ".join([finding["message"], finding.get("advice", "")]).strip()
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1].rstrip()}…"
