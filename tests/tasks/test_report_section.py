import base64
import io

import pytest
from test_evaluate import CONFIG, predictions_of
from test_report import Page

from foldwise.tasks.evaluate import evaluate
from foldwise.tasks.report import render_report
from foldwise.tasks.report_section import ReportFigure, ReportImage, ReportSection, ReportTable

HOSTILE = "<script>alert('x')</script> & \"y\""


def draw():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([0, 1])
    return figure


def png():
    buffer = io.BytesIO()
    draw().savefig(buffer, format="png", dpi=20)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def html():
    section = ReportSection(
        anchor="slices",
        title=f"Slices {HOSTILE}",
        paragraphs=("The first one.", HOSTILE),
        tables=(ReportTable("Worst", ("slice", "F1"), ((HOSTILE, "0.5"), ("b", "0.7")), "Two."),),
        figures=(ReportFigure("A line", draw, "Rises.", f"From 0 to 1 {HOSTILE}"),),
        images=(ReportImage("A picture", png(), "Small.", 'A "line"'),),
    )
    evaluation = evaluate(predictions_of(), None, CONFIG)
    return render_report(
        evaluation,
        title="t",
        card={},
        network={},
        split={},
        provenance={},
        sections=[section, ReportSection("next", "Next")],
    )


def test_a_section_is_shown_with_all_that_it_has(html):
    text = " ".join(Page(html).text.split())
    for shown in ("The first one.", "Worst", "0.5", "Two.", "A line", "Rises.", "A picture"):
        assert shown in text
    assert text.index("A picture") < text.index("Next", text.index("A picture"))


def test_sections_are_linked_from_the_top(html):
    elements = Page(html).elements
    links = [attributes["href"] for tag, attributes in elements if tag == "a"]
    for anchor in ("slices", "next"):
        assert f"#{anchor}" in links
        assert sum(a.get("id") == anchor for _, a in elements) == 1


def test_what_cannot_be_seen_is_said(html):
    page = Page(html)
    assert any(tag == "svg" and a.get("aria-label") == "A line" for tag, a in page.elements)
    assert "From 0 to 1 <script>" in page.text  # the description, as text
    picture = next(a for tag, a in page.elements if tag == "img")
    assert picture["alt"] == 'A "line"'
    head, _, data = picture["src"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == png()


def test_texts_of_sections_are_escaped(html):
    assert "<script" not in html
    assert Page(html).text.count(HOSTILE) >= 4
