"""The stage `audit`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.audit.nodes import audit, tabulate_audit, write_audit_report


def create_pipeline() -> Pipeline:
    """Return the nodes from samples to what was found in them."""
    inputs = ["samples", "skipped_files", "params:audit"]
    described = ["audit", "samples", "skipped_files", "params:audit"]
    tables = ["audit_record", "audit_findings", "duplicates"]
    return Pipeline(
        [
            node(audit, inputs, "audit", name="audit"),
            node(tabulate_audit, "audit", tables, name="tabulate_audit"),
            node(write_audit_report, described, "audit_report", name="write_audit_report"),
        ],
        tags="audit",
    )
