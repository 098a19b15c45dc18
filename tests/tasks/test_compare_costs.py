import dataclasses

import numpy as np
import pandas as pd
import pytest
from model_cards import make_card

from foldwise.tasks.compare_config import CompareBalanceConfig
from foldwise.tasks.compare_costs import MethodCost, method_costs
from foldwise.tasks.compare_report import render_comparison
from foldwise.tasks.compare_scores import compare, method_scores
from foldwise.tasks.compare_verdicts import remedy_verdicts
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.events import FoldFinished, FoldStarted
from foldwise.tasks.remedy_costs import keep_seconds, remedy_costs
from foldwise.tasks.remedy_models import RemedyModels
from foldwise.tasks.synthetic_record import ClassFill, SyntheticRecord

FILL = ClassFill(name="a", real=3, wanted=40, added=30, tried=90, not_of_class=50, copies=10)


def finished(models, method, *, fold=0, seconds=None, fingerprint="f", **card):
    """Let a fold of a method be trained, or skipped without seconds."""
    heard = []
    observe = keep_seconds(models.seconds_path(method, 0), heard.append)
    card = make_card(fold=fold, fingerprint=fingerprint, **card)
    started = FoldStarted(0, fold, ())
    ended = FoldFinished(card, was_skipped=seconds is None, seconds=seconds)
    observe(started)
    observe(ended)
    assert heard == [started, ended]
    return card


def with_cards(monkeypatch, cards):
    """Let the folders of all methods hold these cards, by method."""
    monkeypatch.setattr(
        "foldwise.tasks.fold_models.FoldModels.cards",
        lambda self: cards[self.root.parent.name],
    )


def test_seconds_of_skipped_folds_stay_and_those_of_other_trainings_are_unknown(
    tmp_path, monkeypatch
):
    models = RemedyModels(tmp_path)
    none = [finished(models, "none", fold=k, seconds=1.5 + k) for k in (0, 1)]
    finished(models, "none", fold=0)  # skipped
    filled = [finished(models, "gan", seconds=9.0, synthetic=SyntheticRecord(classes=(FILL,)))]
    changed = [make_card(fold=0, fingerprint="another")]
    finished(models, "focal", seconds=3.0)
    with_cards(monkeypatch, {"none": none, "gan": filled, "focal": changed})
    found = remedy_costs(models, ("none", "gan", "focal"), (0,))
    assert found["method"].tolist() == ["none", "none", "gan", "focal"]
    np.testing.assert_array_equal(found["seconds"], [1.5, 2.5, 9.0, np.nan])
    assert found["wanted"].tolist() == [0, 0, 40, 0]
    assert found["added"].tolist() == [0, 0, 30, 0]


def test_a_damaged_record_of_times_is_none(tmp_path, monkeypatch):
    models = RemedyModels(tmp_path)
    cards = [finished(models, "none", seconds=2.0)]
    path = models.seconds_path("none", 0)
    path.write_text(path.read_text().replace("2.0", "3.0"))
    with_cards(monkeypatch, {"none": cards})
    assert remedy_costs(models, ("none",), (0,))["seconds"].isna().all()
    finished(models, "none", seconds=4.0)
    assert remedy_costs(models, ("none",), (0,))["seconds"].tolist() == [4.0]


def test_the_cost_of_a_method_is_that_of_all_its_networks():
    costs = pd.DataFrame(
        [
            {"method": "none", "seconds": 1.0, "wanted": 0, "added": 0},
            {"method": "none", "seconds": 2.5, "wanted": 0, "added": 0},
            {"method": "gan", "seconds": 4.0, "wanted": 10, "added": 7},
            {"method": "gan", "seconds": np.nan, "wanted": 20, "added": 20},
        ]
    )
    found = method_costs(costs, ("none", "gan"))
    assert found["none"] == MethodCost(3.5)
    assert np.isnan(found["gan"].seconds)
    assert (found["gan"].wanted, found["gan"].added) == (30, 27)
    for nothing in (None, pd.DataFrame()):
        assert np.isnan(method_costs(nothing, ("none",))["none"].seconds)


# -- in words -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def comparison():
    """Two methods over four folds: `gan` tells the rare class, `focal` is as `none`."""
    rng = np.random.default_rng(0)
    labels = np.array(["a"] * 80 + ["b"] * 20)
    tables = []
    number = np.arange(100)
    missed = {"none": 15, "gan": 0, "focal": 14}  # of the 20 rare ones, spread over the folds
    for method, count in missed.items():
        wrong = (number >= 80) & (number < 80 + count)
        p_b = np.where((labels == "b") & ~wrong, 0.8, 0.2) + 0.01 * rng.random(100)
        tables.append(
            pd.DataFrame(
                {
                    "sample_id": [f"s{i}" for i in range(100)],
                    "repeat": 0,
                    "fold": np.arange(100) % 4,
                    "part": "oof",
                    "target": labels,
                    "p_a": 1 - p_b,
                    "p_b": p_b,
                    "method": method,
                    "seed": 0,
                }
            )
        )
    config = CompareBalanceConfig.of(methods="gan;focal")
    costs = pd.DataFrame(
        {
            "method": ["none", "gan", "focal"],
            "seconds": [10.0, 45.0, np.nan],
            "wanted": [0, 240, 0],
            "added": [0, 200, 0],
        }
    )
    table = pd.concat(tables, ignore_index=True)
    return compare(table, None, 1 / 3, EvaluateConfig(num_resamples=200), config, costs)


def test_the_verdict_names_difference_made_samples_and_cost(comparison):
    gan, focal = remedy_verdicts(comparison)
    row = comparison.differences.set_index("method").loc["gan"]
    assert row["is_significant"]
    assert gan.startswith("gan: it helped (")
    assert f"{row['difference']:+.4f}" in gan
    assert "Of 240 samples that the training parts lacked, 200 were made and kept." in gan
    assert gan.endswith("It took 45.0 s of training, 4.5 times the 10.0 s of none.")
    assert "no help was shown, nor that there is none" in focal
    assert "It took" not in focal  # nobody knows


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"difference": -0.1, "is_significant": True}, "gan: it did harm ("),
        ({"p_value": np.nan, "is_significant": False}, "gan: whether it helps cannot be told ("),
    ],
)
def test_harm_and_what_cannot_be_told_are_said(comparison, changes, told):
    differences = comparison.differences.assign(**changes)
    found = remedy_verdicts(dataclasses.replace(comparison, differences=differences))
    assert found[0].startswith(told)


def test_the_page_and_the_table_of_methods_show_seconds(comparison):
    page = render_comparison(comparison, provenance={})
    assert "<td>45.0 s</td>" in page
    assert "<td>unknown</td>" in page
    assert "none took 10.0 s." in page
    assert "4.5 times the 10.0 s of none." in page
    scores = method_scores(comparison).set_index("method")
    assert scores["seconds"].drop("focal").to_dict() == {"none": 10.0, "gan": 45.0}
