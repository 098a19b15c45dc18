"""One self-contained HTML page that is made of sections alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from foldwise.tasks.page import page_environment
from foldwise.tasks.report_section import ReportSection

_TEMPLATE = "sections_page.html.j2"


def render_sections(
    title: str,
    sections: Sequence[ReportSection],
    *,
    lead: Sequence[str] = (),
    notes: Sequence[str] = (),
    provenance: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        title: The heading.
        sections: In order.
        lead: Sentences that stand at the top.
        notes: What the reader of the figures has to know.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
    """
    return (
        page_environment()
        .get_template(_TEMPLATE)
        .render(title=title, sections=sections, lead=lead, notes=notes, provenance=provenance)
    )
