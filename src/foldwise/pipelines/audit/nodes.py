"""Nodes of the stage `audit`."""

from typing import Any

import pandas as pd

from foldwise.data.audit import audit as samples_audit
from foldwise.data.audit.audit import Audit
from foldwise.data.audit.config import AuditConfig
from foldwise.data.csv_cells import csv_safe
from foldwise.data.samples import Samples


def audit(samples: Samples, skipped_files: pd.DataFrame, config: AuditConfig) -> Audit:
    """Look for what would make a score of these samples worth less than it seems."""
    return samples_audit.run_audit(samples, skipped_files, config)


def tabulate_audit(audit: Audit) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return the audit as JSON, its findings as a table, and the sets of duplicates."""
    findings = csv_safe(samples_audit.findings_table(audit))
    return samples_audit.audit_record(audit), findings, audit.duplicates.table


def write_audit_report(
    audit: Audit, samples: Samples, skipped_files: pd.DataFrame, config: AuditConfig
) -> str:
    """Return the report as one HTML page."""
    from foldwise.tasks.audit_report import render_audit_report
    from foldwise.tasks.page import versions

    provenance: dict[str, dict[str, Any]] = {
        "Data": {"samples": samples.content_hash},
        "Parameters": config.flat("audit"),
        "Versions": versions(),
    }
    return render_audit_report(audit, samples, skipped_files, provenance=provenance)
