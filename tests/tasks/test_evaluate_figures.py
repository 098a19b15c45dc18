import io
import re

import numpy as np
import pytest
from test_evaluate import CONFIG, predictions_of

from foldwise.tasks.evaluate import evaluate
from foldwise.tasks.evaluation_figures import (
    confusion_figure,
    curves_figure,
    per_class_figure,
)
from foldwise.tasks.figure_style import inline_svg

FIGURES = (confusion_figure, curves_figure, per_class_figure)
HOSTILE = ("<script>alert(1)</script>", "$\\frac{1}{0$", "_hidden", " \n ", "a name " * 30)


@pytest.fixture(scope="module")
def evaluation():
    return evaluate(predictions_of(), None, CONFIG)


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    return buffer.getvalue()


@pytest.mark.parametrize("draw", FIGURES)
def test_the_same_evaluation_gives_the_same_bytes(evaluation, draw):
    first = inline_svg(draw(evaluation), "title")
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 23, "axes.facecolor": "red"}):  # a style of the user's
        assert inline_svg(draw(evaluation), "title") == first
    assert png(draw(evaluation)) == png(draw(evaluation))


@pytest.mark.parametrize("draw", FIGURES)
def test_any_class_name_can_be_drawn(draw):
    found = evaluate(predictions_of(classes=HOSTILE), None, CONFIG)
    svg = inline_svg(draw(found), "a <title> & more")
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert len(png(draw(found))) > 1000
    if draw is curves_figure:
        assert "_hidden" in svg  # labels that start with an underscore vanish from legends


@pytest.mark.parametrize("draw", FIGURES)
@pytest.mark.parametrize("num_classes", [2, 3, 14, 30])
def test_any_number_of_classes_can_be_drawn(draw, num_classes):
    names = tuple(f"class {i}" for i in range(num_classes))
    table = predictions_of(classes=names, size=40 * num_classes, num_folds=2)
    svg = inline_svg(draw(evaluate(table, None, CONFIG)), "title")
    assert svg.startswith('<svg role="img" aria-label="title"')


def test_an_undefined_metric_leaves_its_place_empty():
    table = predictions_of(classes=("a", "b", "c"), shares=[0.5, 0.5, 0.0], size=40)
    found = evaluate(table, None, CONFIG)
    assert np.isnan(found.per_class["recall"]).any()
    for draw in FIGURES:
        assert len(png(draw(found))) > 1000


def test_inlined_figures_follow_the_page_and_do_not_share_ids(evaluation):
    figures = [inline_svg(draw(evaluation), draw.__name__) for draw in FIGURES]
    assert all("currentColor" in svg for svg in figures)
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in figures]
    assert not ids[0] & ids[1]
    assert not ids[1] & ids[2]
    for svg, known in zip(figures, ids, strict=True):
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)
        assert {a or b for a, b in used} == known


def test_drawing_leaves_no_global_state(evaluation):
    import matplotlib as mpl
    from matplotlib import pyplot

    before = dict(mpl.rcParams)
    for draw in FIGURES:
        inline_svg(draw(evaluation), "title")
    assert pyplot.get_fignums() == []
    assert dict(mpl.rcParams) == before
