"""Pages of very many classes: the worst are shown, and how many are left out is said."""

import numpy as np
import pytest
from test_evaluate import predictions_of
from test_report import Page

from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.report import render_report
from foldwise.tasks.report_data import class_counts_shown
from foldwise.tasks.report_figures import class_figures_section, confused_pairs
from foldwise.tasks.report_folds import folds_section

NAMES = tuple(f"class {i:03d}" for i in range(90))


@pytest.fixture(scope="module")
def evaluation():
    table = predictions_of(classes=NAMES, size=900, num_folds=2)
    return evaluate(table, None, EvaluateConfig(num_resamples=100))


@pytest.fixture(scope="module")
def html(evaluation):
    counts = {name: i + 1 for i, name in enumerate(NAMES)}
    return render_report(
        evaluation,
        title="t",
        card={"num_samples": 900, "classes": counts},
        network={},
        split={"counts": {"0": counts, "1": counts}},
        provenance={},
    )


def test_the_page_stays_small_and_says_what_it_leaves_out(html):
    text = " ".join(Page(html).text.split())
    assert len(html.encode()) < 1e6
    assert "50 others are left out here and stand in details.csv" in text
    assert "The 40 rarest; 50 classes are left out." in text
    assert "50 between them are left out" in text


def test_the_most_frequent_confusions_stand_in_a_table(evaluation):
    section = class_figures_section(evaluation)
    assert [figure.title for figure in section.figures] == [
        "Each class with its interval",
        "ROC and precision-recall curves",
    ]
    (table,) = section.tables
    rows = evaluation.parts["oof"].rows
    predicted = rows.probabilities.argmax(axis=1)
    actual, called, count, share = table.rows[0]
    codes = NAMES.index(actual), NAMES.index(called)
    pairs = (rows.target == codes[0]) & (predicted == codes[1])
    assert codes[0] != codes[1]
    assert pairs.sum() == int(count)
    assert share == f"{pairs.sum() / (rows.target == codes[0]).sum():.1%}"
    counts = [int(row[2]) for row in table.rows]
    assert counts == sorted(counts, reverse=True)
    errors = int((predicted != rows.target).sum())
    assert f"There are {errors:,} errors." in table.note


def test_a_perfect_model_has_no_confusions():
    table = predictions_of(classes=NAMES, size=900, num_folds=2)
    columns = [f"p_{name}" for name in NAMES]
    right = table["target"].to_numpy()[:, None] == np.array(NAMES)[None]
    table[columns] = right.astype(float)
    found = evaluate(table, None, EvaluateConfig(num_resamples=100))
    assert confused_pairs(found).rows == ()
    for figure in class_figures_section(found).figures:
        assert figure.draw().axes


def test_the_classes_of_lowest_f1_come_first(html, evaluation):
    per_class = evaluation.per_class
    worst = per_class[per_class["part"] == "oof"].sort_values("f1", kind="stable")["class"]
    section = html[html.index('<h2 id="classes">') : html.index('<h2 id="figures">')]
    places = [section.find(f'title="{name}"') for name in worst[:40]]
    assert min(places) > 0
    assert places == sorted(places)
    assert f'title="{worst.iloc[-1]}"' not in section


def test_few_classes_are_all_shown_in_their_order():
    counts = {"b": 3, "a": 6}
    assert class_counts_shown(counts).rows == (("b", 3, 50.0), ("a", 6, 100.0))
    assert class_counts_shown(counts).num_left_out == 0
    (table,) = folds_section({"counts": {"test": counts, "0": counts}}, ("b", "a")).tables
    assert table.columns == ("class", "test", "fold 0")
    assert table.rows == (("b", "3", "3"), ("a", "6", "6"))


def test_the_largest_and_the_smallest_of_many_classes_are_shown():
    counts = {f"c{i}": i for i in range(10_000)}
    shown = class_counts_shown(counts)
    assert len(shown.rows) == 40
    assert shown.num_left_out == 9960
    assert shown.rows[0][0] == "c9999"
    assert shown.rows[-1][0] == "c0"
    (table,) = folds_section({"counts": {"0": counts}}, tuple(counts)).tables
    assert [row[0] for row in table.rows] == [f"c{i}" for i in range(40)]
