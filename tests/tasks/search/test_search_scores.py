"""Outer scores of a search, their difference, the optimism, and what is said of them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_search import PARTS, made_predictions, made_scores, made_search
from rich.console import Console
from sklearn.metrics import f1_score

from foldwise.metrics.paired_tests import corrected_resampled_t
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.search.result import studies_record, trials_table
from foldwise.tasks.search.scores import search_metrics, search_scores
from foldwise.tasks.search.summary import search_lines, search_table


def shown(table):
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return console.export_text()


def macro_f1(table):
    predicted = np.where(table["p_a"] > table["p_b"], "a", "b")
    return f1_score(table["target"], predicted, average="macro")


def test_outer_scores_and_their_difference_are_those_of_the_folds():
    right = {"winner": 0.9, "defaults": 0.7}
    scores = made_scores(right=right)
    table = made_predictions(right)
    of_folds = table.groupby(["method", "fold"]).apply(macro_f1).unstack("fold")
    for method in right:
        np.testing.assert_allclose(scores.folds[method], of_folds.loc[method])
        pooled = macro_f1(table[table["method"] == method])
        assert scores.outer[method]["oof"].value == pytest.approx(pooled)
        assert scores.outer[method]["oof"].low < pooled < scores.outer[method]["oof"].high
    pairs = (of_folds.loc["winner"] - of_folds.loc["defaults"]).to_numpy()
    # n_test / n_train of three folds is one half.
    expected = corrected_resampled_t(pairs, 0.5, 0.95)
    np.testing.assert_allclose(scores.difference, expected)


def test_optimism_is_the_inner_score_less_the_outer_one_fold_by_fold():
    scores = made_scores(right={"winner": 0.9, "defaults": 0.7})
    inner = scores.main["inner"]["val_f1"]
    assert scores.optimism.difference == pytest.approx(inner - scores.folds["winner"].mean())
    assert scores.optimism.num_pairs == PARTS
    assert "Optimism: " in " ".join(search_lines(scores))


def test_a_lower_distance_is_a_gain():
    scores = made_scores(objectives=("frechet",), right={"winner": 2.0, "defaults": 5.0})
    assert scores.lower_is_better
    assert scores.difference.difference == pytest.approx(-3)
    assert scores.gain.difference == pytest.approx(3)
    assert "That is better than the defaults" in search_lines(scores)[1]


@pytest.mark.parametrize(
    ("right", "told"),
    [
        ({"winner": 0.7, "defaults": 0.9}, "That is worse than the defaults"),
        ({"winner": 0.8, "defaults": 0.8}, "nothing is gained"),
        ({"winner": 0.9}, "What the defaults score is unknown"),
    ],
)
def test_the_gain_is_told_whatever_it_is(right, told):
    assert told in search_lines(made_scores(right=right))[1]


def test_one_fold_is_compared_over_its_samples_and_said_to_be_one():
    scores = made_scores(num_folds=1)
    assert scores.difference_method == "paired bootstrap over samples (BCa)"
    assert np.isfinite(scores.difference.low)
    assert any("one outer fold" in line for line in search_lines(scores))


def test_a_search_that_is_not_nested_says_what_its_score_is_not():
    assert any("search_cnn.nested=true" in line for line in search_lines(made_scores()))
    nested = made_scores(right={"winner": 0.9, "defaults": 0.7, "nested": 0.8}, nested=True)
    lines = search_lines(nested)
    assert not any("nested=true" in line for line in lines)
    value = nested.outer["nested"]["oof"].value
    assert any(f"(nested): {value:.4f}" in line for line in lines)


def test_a_timeout_is_told_wherever_it_came():
    config, (main, *nested) = made_search(nested=True)
    config = config.model_copy(update={"nested": True})
    cut_off = [main, replace(nested[0], was_interrupted=True)]
    for results, told in ((cut_off, "ended by its timeout"), ([main], "no time to search within")):
        right = {"winner": 0.9, "defaults": 0.7}
        scores = search_scores(
            studies_record("cnn", results, config, "journal"),
            trials_table(results, config),
            made_predictions(right),
            SimpleNamespace(units=None),
            None,
            EvaluateConfig(num_resamples=100),
        )
        assert [note for note in scores.notes if told in note]


def test_a_loss_has_no_optimism_and_says_so():
    config, (result,) = made_search(12)
    spec = replace(result.spec, objectives=("val_loss",), directions=("minimize",))
    results = [replace(result, spec=spec)]
    record = studies_record("cnn", results, config, "journal")
    folds = SimpleNamespace(units=None, table=pd.DataFrame({"fold": range(PARTS)}))
    predictions = made_predictions({"winner": 0.9, "defaults": 0.7})
    found = search_scores(
        record,
        trials_table(results, config),
        predictions,
        folds,
        None,
        EvaluateConfig(num_resamples=100),
    )
    assert found.optimism is None
    assert found.metric == "macro_f1"
    assert any("optimism of the inner score is undefined" in note for note in found.notes)


@pytest.mark.parametrize("objectives", [("val_f1",), ("val_f1", "latency_ms"), ("frechet",)])
def test_metrics_are_json_without_seconds(objectives):
    found = search_metrics(made_scores(objectives=objectives))
    text = json.dumps(found, allow_nan=False)
    assert "seconds" not in text
    assert found["inner"].keys() == set(objectives)
    assert found["outer"]["winner"]["oof"]["low"] is not None
    assert found["trials"]["complete"] > 0


def test_the_terminal_shows_all_methods_in_80_columns():
    right = {"winner": 0.9, "defaults": 0.7, "nested": 0.8}
    text = shown(search_table(made_scores(right=right, nested=True)))
    for name in ("best parameters", "defaults", "search in each fold"):
        assert name in text
    assert max(map(len, text.splitlines())) <= 80
