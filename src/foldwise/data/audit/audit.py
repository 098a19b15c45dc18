"""The audit: all checks, run on samples before they are split."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from foldwise.data.audit import (
    class_names,
    duplicate_checks,
    files,
    groups,
    images,
    labels,
    missing,
    regularity,
    sequences,
    shortcut_checks,
    target_leak,
    targets,
    time_order,
    values,
)
from foldwise.data.audit.check import Check, Subject
from foldwise.data.audit.config import AuditConfig
from foldwise.data.audit.duplicates import Duplicates
from foldwise.data.audit.shortcuts import Shortcuts
from foldwise.data.findings import Finding, Severity, log_findings
from foldwise.data.samples import Samples
from foldwise.errors import UserError

logger = logging.getLogger(__name__)

# In the order in which a reader would want to know.
CHECKS: tuple[Check, ...] = (
    *files.CHECKS,
    *labels.CHECKS,
    *class_names.CHECKS,
    *targets.CHECKS,
    *duplicate_checks.CHECKS,
    *groups.CHECKS,
    *time_order.CHECKS,
    *regularity.CHECKS,
    *shortcut_checks.CHECKS,
    *values.CHECKS,
    *missing.CHECKS,
    *target_leak.CHECKS,
    *images.CHECKS,
    *sequences.CHECKS,
)
SEVERITIES: tuple[Severity, ...] = ("error", "warn", "info")  # the gravest first
_MAX_SETS, _MAX_IDS = 50, 20  # listed in a record, of each finding and of each set

Outcome = Literal["found", "nothing found", "off", "does not apply"]


class AuditError(UserError):
    """The audit found what must not be split as it is."""


@dataclass(frozen=True)
class CheckResult:
    """What became of one check."""

    check: Check
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Audit:
    """What was looked for and what was found."""

    results: tuple[CheckResult, ...]  # one for every check there is
    duplicates: Duplicates  # for the split, and to be looked at
    shortcuts: Shortcuts | None  # none: all checks for them are off
    summary: dict[str, Any]  # what the samples are, in numbers; JSON

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the gravest first, then by check."""
        found = [finding for result in self.results for finding in result.findings]
        return tuple(sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.check)))


def run_audit(samples: Samples, skipped_files: pd.DataFrame, config: AuditConfig) -> Audit:
    """Run all checks that are not off and that apply to samples of this kind.

    Args:
        samples: What is to be split.
        skipped_files: What ingest left out; columns `path` and `reason`.
        config: The severities and thresholds.
    """
    subject = Subject(samples, skipped_files, config)
    audit = Audit(
        results=tuple(_result(check, subject) for check in CHECKS),
        duplicates=subject.duplicates,
        shortcuts=subject.shortcuts if _is_wanted(shortcut_checks.CHECKS, config) else None,
        summary=_summary(subject),
    )
    counts = severity_counts(audit.findings)
    logger.info("Audited %d samples: %s.", len(samples), _counted(counts))
    log_findings(logger, audit.findings)
    return audit


def _is_wanted(checks: Sequence[Check], config: AuditConfig) -> bool:
    return any(config.severity.get(check.name) != "off" for check in checks)


def _result(check: Check, subject: Subject) -> CheckResult:
    chosen = subject.config.severity.get(check.name)
    if chosen == "off":
        return CheckResult(check, "off")
    if not check.applies(subject):
        return CheckResult(check, "does not apply")
    found = check.find(subject)
    if chosen is not None:
        found = [finding.model_copy(update={"severity": chosen}) for finding in found]
    return CheckResult(check, "found" if found else "nothing found", tuple(found))


def _summary(subject: Subject) -> dict[str, Any]:
    samples = subject.samples
    summary: dict[str, Any] = {
        "samples_hash": samples.content_hash,
        "num_samples": len(samples),
        "modality": samples.modality,
        "task": samples.task,
        "num_groups": int(subject.table["group"].nunique()) or None,
        "num_skipped_files": len(subject.skipped_files),
    }
    if samples.task == "classification":
        summary |= labels.label_summary(samples)
    return summary


def severity_counts(findings: tuple[Finding, ...]) -> dict[str, int]:
    """Return the number of findings of each severity, the gravest first."""
    return {level: sum(f.severity == level for f in findings) for level in SEVERITIES}


def _counted(counts: Mapping[str, int]) -> str:
    names = {"error": "errors", "warn": "warnings", "info": "notes"}
    return ", ".join(f"{count} {names[level]}" for level, count in counts.items())


def findings_table(audit: Audit) -> pd.DataFrame:
    """Return one row per finding: check, severity, message, advice, num_sets, first_ids."""
    rows = [
        (f.check, f.severity, f.message, f.advice, len(f.sample_ids), _first_ids(f))
        for f in audit.findings
    ]
    columns = ["check", "severity", "message", "advice", "num_sets", "first_ids"]
    return pd.DataFrame(rows, columns=columns).astype(
        {name: "int64" if name == "num_sets" else "str" for name in columns}
    )


def _first_ids(finding: Finding) -> str:
    """Return the first sets: commas within a set, semicolons between sets, dots where cut."""
    sets = finding.sample_ids
    shown = [", ".join([*ids[:3], *["..."] * (len(ids) > 3)]) for ids in sets[:3]]
    return "; ".join([*shown, *["..."] * (len(sets) > 3)])


def audit_record(audit: Audit) -> dict[str, Any]:
    """Return all as JSON: the findings, and every check with what became of it."""
    return {
        "summary": audit.summary,
        "counts": severity_counts(audit.findings),
        "findings": [_finding_record(finding) for finding in audit.findings],
        "checks": [
            {
                "check": result.check.name,
                "what": result.check.what,
                "outcome": result.outcome,
                "num_findings": len(result.findings),
            }
            for result in audit.results
        ],
        "shortcuts": None if audit.shortcuts is None else _shortcuts_record(audit.shortcuts),
    }


def _shortcuts_record(shortcuts: Shortcuts) -> dict[str, Any]:
    table = shortcuts.table.astype(object)
    return {
        "metric": shortcuts.metric,
        "chance": shortcuts.chance,
        "confidence": shortcuts.confidence,
        "num_samples": shortcuts.num_samples,
        "left_out": list(shortcuts.left_out),
        "scores": table.where(table.notna(), None).to_dict("records"),
    }


def _finding_record(finding: Finding) -> dict[str, Any]:
    record = finding.model_dump(mode="json", exclude={"sample_ids"})
    shown = [list(ids[:_MAX_IDS]) for ids in finding.sample_ids[:_MAX_SETS]]
    return {**record, "num_sets": len(finding.sample_ids), "first_sets": shown}


def require_no_errors(record: Mapping[str, Any], samples: Samples) -> None:
    """Refuse to split samples that the audit called an error, or did not see.

    Raises:
        AuditError: It names each finding of severity `error` and how to lower it; or the record is
            of other samples.
    """
    if record["summary"]["samples_hash"] != samples.content_hash:
        raise AuditError("The audit was made of other samples. Run the stage 'audit' again.")
    errors = [finding for finding in record["findings"] if finding["severity"] == "error"]
    if not errors:
        return
    told = "\n".join(f"  {f['check']}: {f['message']} {f['advice']}".rstrip() for f in errors)
    lowered = sorted({f"audit.severity.{finding['check']}=warn" for finding in errors})
    raise AuditError(
        f"The audit found {len(errors)} error{'s' if len(errors) > 1 else ''}:\n{told}\n"
        f"Mend the data, or go on at your own risk with {' '.join(lowered)} (allowed: error, "
        "warn, info, off)."
    )
