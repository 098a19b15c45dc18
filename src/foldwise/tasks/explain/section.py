"""The explanations as a part of a page; free of torch."""

from typing import Any

from foldwise.tasks.explain.explanations import Explanations
from foldwise.tasks.report_section import ReportImage, ReportSection, ReportTable

ANCHOR, TITLE = "explanations", "What the network looks at"


def explanations_section(explanations: Explanations | dict[str, Any]) -> ReportSection:
    """Return pictures and tables, each with a sentence on how it is to be read.

    Args:
        explanations: As they are stored.
    """
    found = (
        explanations
        if isinstance(explanations, Explanations)
        else Explanations.model_validate(explanations)
    )
    nothing = ("No network was looked into: the stage 'explain' has not run.",)
    return ReportSection(
        ANCHOR,
        TITLE,
        found.paragraphs or nothing,
        tuple(ReportTable(t.title, t.columns, t.rows, t.note) for t in found.tables),
        images=tuple(ReportImage(p.title, p.content, p.note, p.alt) for p in found.pictures),
    )
