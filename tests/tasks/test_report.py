import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from test_evaluate import CONFIG, predictions_of

from foldwise.tasks.evaluate import evaluate
from foldwise.tasks.report import render_report, versions

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}")
VOID = {"meta", "img", "br", "hr", "input", "link"}


class Page(HTMLParser):
    """Collects the elements of a page and checks that they nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._open = [], "", []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def render(classes=("common", "some", "rare"), groups=None, **changes):
    evaluation = evaluate(predictions_of(classes=classes), groups, CONFIG)
    arguments = {
        "title": "Evaluation of <b>digits</b>",
        "card": {"num_samples": 180, "classes": dict.fromkeys(classes, 60), "shape": [1, 8, 8]},
        "network": {
            "macs": 93541,
            "name": f"net {classes[0]}",
            "receptive_field": [14, 18],
            "imbalance_remedy": "weighted_sampler+threshold",
            "layers": [{"name": "features.0"}],
        },
        "split": {
            "scheme": "stratified k-fold",
            "num_groups": 0,
            "parameters": {"num_folds": 3},
            "counts": {"test": dict.fromkeys(classes, 10), "0": dict.fromkeys(classes, 50)},
            "findings": [
                {"check": "label_conflict", "severity": "warn", "message": f"See {classes[0]}."}
            ],
            "content_hash": "ab" * 32,
        },
        "provenance": {"Parameters": {"evaluate.seed": 0}, "Versions": versions()},
    }
    return evaluation, render_report(evaluation, **(arguments | changes))


@pytest.fixture(scope="module")
def rendered():
    return render()


def test_the_page_says_what_it_should(rendered):
    evaluation, html = rendered
    text = " ".join(Page(html).text.split())
    entry = evaluation.metrics["oof"]["macro_f1"]
    assert f"{entry['value']:.4f}" in text
    assert f"{entry['low']:.4f} to {entry['high']:.4f}" in text
    assert f"{entry['fold_mean']:.4f} ± {entry['fold_std']:.4f}" in text
    assert "stratified k-fold" in text
    assert "See common." in text
    assert "ab" * 32 in text
    assert "evaluate.seed" in text
    assert "1 x 8 x 8" in text
    for fact in ("net common", "93541", "14 x 18", "weighted_sampler+threshold"):
        assert fact in text
    assert text.index("net common") < text.index("93541")
    assert "features.0" not in text
    for row in evaluation.per_class.itertuples():
        assert f"{row.specificity_low:.4f} to {row.specificity_high:.4f}" in text


def test_the_page_stands_alone(rendered):
    _, html = rendered
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed"}
    assert sum(tag == "svg" for tag, _ in page.elements) == 3
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\((?!#)|@import", html)
    policy = next(a for t, a in page.elements if a.get("http-equiv"))
    assert policy["content"].startswith("default-src 'none'")


def test_hostile_names_are_escaped_everywhere():
    evaluation, html = render(classes=HOSTILE)
    page = Page(html)
    assert "<script" not in html
    assert not any(tag in {"script", "img"} for tag, _ in page.elements)
    for name in HOSTILE:
        assert name in page.text
    assert "49" not in re.findall(r"<th[^>]*>([^<]*)</th>", html)
    assert evaluation.classes == HOSTILE


def test_the_same_evaluation_gives_the_same_page(rendered):
    assert render()[1] == rendered[1]


def test_a_binary_task_leads_with_its_positive_class():
    _, html = render(classes=("healthy", "ill"))
    assert "F1 of ill" in Page(html).text or "F1 of healthy" in Page(html).text


def test_undefined_metrics_are_called_so():
    table = predictions_of(classes=("a", "b", "c"), shares=[0.5, 0.5, 0.0], num_test=0)
    evaluation = evaluate(table, None, CONFIG)
    html = render_report(evaluation, title="t", card={}, network={}, split={}, provenance={})
    text = Page(html).text
    assert "undefined" in text
    assert "no sample of 'c'" in text
    assert "nan" not in html.lower().replace("finance", "")
    assert "held-out" not in text.lower()


def test_units_and_warnings_are_said():
    ids = predictions_of()["sample_id"].unique()
    groups = pd.Series(np.arange(len(ids)) % 12, index=ids)
    with pytest.warns(UserWarning, match="only 12"):
        _, html = render(groups=groups)
    text = " ".join(Page(html).text.split())
    assert "the 12 independent units" in text
    assert "only 12 independent groups" in text


def test_the_model_card_tells_facts_and_nothing_of_networks_that_are_not_known(rendered):
    card = rendered[1][rendered[1].index('<h2 id="model-card">') :]
    assert "<dt>architecture</dt><dd>net common</dd>" in card
    assert "<dt>fitted on</dt>" in card
    assert "limit of every such score" in card
    _, unknown = render(network={})
    card = unknown[unknown.index('<h2 id="model-card">') :]
    assert "Nothing is known of the networks" in card
    assert "<dt>fitted on</dt>" not in card


def test_the_verdict_stands_before_all_else_and_the_command_is_told():
    _, html = render(
        baselines=["The network is worth it: 0.9 against 0.8."],
        provenance={"Run": {"command": "kedro run --pipeline=train_cnn"}},
    )
    order = [html.index(f'<h2 id="{name}">') for name in ("verdict", "data", "audit", "split")]
    order += [html.index(f'<h2 id="{name}">') for name in ("scores", "classes", "figures")]
    order += [html.index(f'<h2 id="{name}">') for name in ("glossary", "reproduce", "model-card")]
    assert order == sorted(order)
    verdict = html[order[0] : order[1]]
    assert "The network is worth it: 0.9 against 0.8." in verdict
    assert "No risk was found by the split and the scores" in verdict or "The biggest" in verdict
    assert "kedro run --pipeline=train_cnn" in html[html.index('<h2 id="reproduce">') :]
