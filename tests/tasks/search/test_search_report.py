"""The page of a search."""

import re

import pytest
from made_search import made_scores

from foldwise.tasks.search.report import render_search
from foldwise.tasks.search.summary import search_lines

BEST = "train_cnn:\n  fit:\n    optimizer:\n      lr: 0.03  # <script>\n"


def page(scores):
    return render_search(scores, BEST, provenance={"Data": {"samples": "abc"}})


@pytest.fixture(scope="module")
def found():
    right = {"winner": 0.9, "defaults": 0.7, "nested": 0.8}
    return page(made_scores(30, right=right, nested=True))


def test_the_verdict_comes_first_then_the_parameters_to_paste(found):
    scores = made_scores(30, right={"winner": 0.9, "defaults": 0.7, "nested": 0.8}, nested=True)
    headline = search_lines(scores)[0]
    assert found.index(headline[:60]) < found.index("<pre") < found.index("<svg")
    assert "lr: 0.03" in found
    assert "train_cnn.use_best=true" in found


def test_every_text_is_escaped_and_nothing_is_loaded(found):
    assert "&lt;b&gt;nan&lt;/b&gt; &amp; more" in found  # the error of failed trials
    assert "<b>nan" not in found
    assert "# &lt;script&gt;" in found
    assert not re.search(r"<script|src=\"http|href=\"http|@import", found)


def test_the_best_twenty_trials_are_shown_best_first(found):
    table = found[found.index("the best 20 of") :]
    rows = re.findall(r"<tr><th[^>]*>(\d+)</th><td>([\d.]+)</td>", table)[:20]
    values = [float(value) for _, value in rows]
    assert len(rows) == 20
    assert values == sorted(values, reverse=True)


def test_the_studies_failures_and_how_to_go_on_are_there(found):
    for text in ("made_cnn_repeat_0_fold_2", "make dashboard", "search_cnn.n_trials=60"):
        assert text in found
    assert found.count("<svg") == 7  # one objective: no front


def test_one_trial_makes_a_page():
    text = page(made_scores(1, num_folds=1, right={"winner": 0.9, "defaults": 0.8}))
    assert "1 trial (1 completed)" in text
    assert "Failures" not in text


def test_several_objectives_have_a_front():
    text = page(made_scores(6, objectives=("val_f1", "latency_ms")))
    assert "Trials that no other one beats" in text
    assert "latency (ms)" in text
