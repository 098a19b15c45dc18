"""The report as a browser shows it: opened from the disk, in a Chromium that is installed."""

import os
import shutil

import numpy as np
import pytest
from test_evaluate import CONFIG, predictions_of
from test_regression_table import regression_predictions
from test_report_section import draw, png

from foldwise.tasks.evaluate import evaluate
from foldwise.tasks.evaluate_regression import evaluate_regression
from foldwise.tasks.report import render_report
from foldwise.tasks.report_section import ReportFigure, ReportImage, ReportSection, ReportTable

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LONG = "a_name_without_any_place_to_break_it_" * 4
SECTION = ReportSection(
    "slices",
    "Slices",
    ("A paragraph.", LONG),
    (ReportTable("Wide", tuple(f"column {i}" for i in range(30)), ((LONG, *["0.1"] * 29),)),),
    (ReportFigure("A line", draw, "Rises.", "From 0 to 1."),),
    (ReportImage("A picture", png(), "Small.", "A line."),),
    ((LONG, LONG),),
)


@pytest.fixture(scope="module")
def browser():
    found = [path for name in NAMES if (path := shutil.which(name))]
    if not found:
        pytest.skip(f"no browser is installed: none of {', '.join(NAMES)} is on the PATH")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"] if os.getuid() == 0 else ["--disable-gpu"]
        try:
            launched = playwright.chromium.launch(executable_path=found[0], args=arguments)
        except sync_api.Error as error:
            pytest.skip(f"{found[0]} does not start: {str(error).splitlines()[0]}")
        yield launched
        launched.close()


def write(path, evaluation, classes):
    html = render_report(
        evaluation,
        title=f"Evaluation of {LONG}",
        card={"num_samples": 180, "classes": dict.fromkeys(classes, 60), "shape": [1, 8, 8]},
        network={"name": "lenet5", "num_parameters": 61706},
        split={
            "scheme": "stratified",
            "counts": {str(fold): dict.fromkeys(classes, 50) for fold in range(12)},
            "findings": [{"check": "group", "severity": "error", "message": f"Tied: {LONG}."}],
        },
        provenance={"Run": {"command": f"kedro run --params={LONG}"}},
        baselines=["The network is worth it.", "Left out: svm."],
        sections=[SECTION],
    )
    path.write_text(html, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    classes = ("common", LONG, "rare")
    found = evaluate(predictions_of(classes=classes, num_test=60), None, CONFIG)
    numbers = evaluate_regression(regression_predictions(num_steps=3, num_test=20), None, CONFIG)
    return {
        "classes": write(folder / "classes.html", found, classes),
        "numbers": write(folder / "numbers.html", numbers, ()),
    }


def open_page(browser, path, width, scheme):
    """The page, what its console said, and what it asked of a network."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    return page, said, [url for url in asked if not url.startswith("data:")]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_opens_whole_from_the_disk(browser, pages, kind, width, scheme):
    page, said, asked = open_page(browser, pages[kind], width, scheme)
    assert said == []
    assert asked == [pages[kind].as_uri()]
    size = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert size[0] <= size[1] == width  # tables scroll in their boxes, the page does not

    links = page.locator("nav a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert len(links) >= 10
    for link in links:
        assert page.locator(link).is_visible(), link
    boxes = page.locator("figure svg, figure img").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect().width, e.getBoundingClientRect().height])"
    )
    assert len(boxes) == 5
    assert np.min(boxes) > 30
    assert page.locator("figure img").evaluate("image => image.naturalWidth") > 0
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_the_page_in_both_schemes(browser, pages, scheme):
    """Contrast of WCAG 2.2 of at least 4.5, of texts and of the texts within figures."""
    page, _, _ = open_page(browser, pages["classes"], 1280, scheme)
    selectors = ["h1", "main > p", "td", "small", "dt", ".note, p", "nav a", "svg text"]
    ground = luminance(page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor"))
    for selector in selectors:
        name = "fill" if selector.startswith("svg") else "color"
        colours = page.locator(selector).evaluate_all(
            f"all => [...new Set(all.map(e => getComputedStyle(e).{name}))]"
        )
        assert colours, selector
        if selector.startswith("svg"):  # those in the cells of the matrix have a ground of theirs
            colours = [page.locator("svg").first.evaluate("e => getComputedStyle(e).color")]
        for colour in colours:
            values = sorted([ground, luminance(colour)])
            assert (values[1] + 0.05) / (values[0] + 0.05) >= 4.5, (selector, colour)
    page.context.close()


def test_the_dark_scheme_is_dark_and_is_not_printed(browser, pages):
    page, _, _ = open_page(browser, pages["classes"], 1280, "dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert luminance(page.evaluate(ground)) < 0.05
    page.emulate_media(media="print", color_scheme="dark")
    assert luminance(page.evaluate(ground)) > 0.95
    assert not page.locator("nav").is_visible()
    page.context.close()


def luminance(colour):
    """The relative luminance of a CSS colour such as `rgb(20, 24, 28)`, from 0 to 1 (WCAG)."""
    numbers = colour[colour.index("(") + 1 : colour.index(")")].split(",")[:3]
    parts = np.array([float(number) / 255 for number in numbers])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_helper_of_contrast_agrees_with_known_values():
    assert luminance("rgb(255, 255, 255)") == pytest.approx(1)
    assert luminance("rgb(119, 119, 119)") == pytest.approx(0.184, abs=1e-3)
