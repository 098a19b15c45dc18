import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, mean_absolute_error
from test_evaluate import predictions_of

from foldwise.data.folds import Folds
from foldwise.metrics.paired_tests import corrected_resampled_t, holm
from foldwise.tasks.baseline_compare import NETWORK, compare_with_baselines
from foldwise.tasks.baseline_config import BaselineConfig
from foldwise.tasks.baseline_figure import baselines_figure
from foldwise.tasks.baseline_summary import comparison_json, summary, verdict
from foldwise.tasks.metric_choice import MetricError
from foldwise.tasks.predictions_table import PredictionsError

CONFIG = BaselineConfig()


def classes(strengths, num_folds=5, num_test=0):
    """Predictions of one network and of baselines, of given strengths."""
    tables = []
    for number, (name, strength) in enumerate(strengths.items()):
        table = predictions_of(size=300, num_folds=num_folds, num_test=num_test, strength=strength)
        columns = table.filter(like="p_").columns
        noise = np.random.default_rng(number).gumbel(size=(len(table), len(columns)))
        odds = table[columns].to_numpy() * np.exp(0.3 * noise)
        table[columns] = odds / odds.sum(axis=1, keepdims=True)
        tables.append(table.assign(model=name))
    return tables


def numbers(errors, num_folds=5, horizon=1):
    """Predictions of one network and of baselines, of given errors."""
    tables = []
    rng = np.random.default_rng(0)
    target = rng.normal(size=(200, horizon))
    for name, error in errors.items():
        predicted = target + error * rng.normal(size=target.shape)
        rows = [
            {
                "sample_id": f"s{i:03d}",
                "repeat": 0,
                "fold": i % num_folds,
                "part": "oof",
                "step": step + 1,
                "target": target[i, step],
                "prediction": predicted[i, step],
                "model": name,
            }
            for i in range(200)
            for step in range(horizon)
        ]
        tables.append(pd.DataFrame(rows))
    return tables


def fits_of(tables, note="", left_out=None):
    left_out = left_out or {}
    return pd.DataFrame(
        [
            {
                "model": name,
                "repeat": 0,
                "fold": fold,
                "is_fitted": name not in left_out,
                "num_training": 240,
                "num_fitted": 240,
                "note": left_out.get(name, note),
            }
            for name in [*(table["model"].iloc[0] for table in tables), *left_out]
            for fold in sorted(set(tables[0]["fold"]))
        ]
    )


def folds_of(tables):
    ids = sorted(set(tables[0]["sample_id"]))
    table = pd.DataFrame({"sample_id": ids, "fold": 0, "repeat": 0, "unit": np.arange(len(ids))})
    return Folds(table, {"content_hash": "0"})


def compared(tables, config=CONFIG, **notes):
    network, *baselines = tables
    return compare_with_baselines(
        network.drop(columns="model"),
        pd.concat(baselines, ignore_index=True),
        fits_of(baselines, **notes),
        folds_of(tables),
        config,
    )


def text_of(comparison):
    return " ".join(summary(comparison))


def test_classes_are_scored_and_tested_over_folds():
    tables = classes({"net": 3.0, "prior": 0.1, "knn": 2.0}, num_test=40)
    comparison = compared(tables)
    table = comparison.table.set_index("model")
    assert list(table.index) == [NETWORK, "prior", "knn"]
    p_values = []
    for name, rows in zip(table.index, tables, strict=True):
        oof = rows[rows["part"] == "oof"]
        predicted = oof.filter(like="p_").to_numpy().argmax(1)
        named = oof.filter(like="p_").columns.str.removeprefix("p_")[predicted]
        expected = f1_score(oof["target"], named, average="macro")
        assert table.loc[name, "value"] == pytest.approx(expected)
        assert table.loc[name, "low"] < expected < table.loc[name, "high"]
        assert np.isfinite(table.loc[name, ["test_value", "test_low", "test_high"]].tolist()).all()

    def of_folds(rows):
        oof = rows[rows["part"] == "oof"]
        for _, fold in oof.groupby("fold"):
            columns = fold.filter(like="p_").columns
            named = columns.str.removeprefix("p_")[fold[columns].to_numpy().argmax(1)]
            yield f1_score(fold["target"], named, average="macro")

    for name, rows in zip(table.index[1:], tables[1:], strict=True):
        pairs = np.array(list(of_folds(tables[0]))) - np.array(list(of_folds(rows)))
        expected = corrected_resampled_t(pairs, 60 / 240, 0.95)
        assert table.loc[name, "difference"] == pytest.approx(pairs.mean())
        assert table.loc[name, "difference_low"] == pytest.approx(expected.low)
        p_values.append(expected.p_value)
    np.testing.assert_allclose(table["p_holm"][1:].astype(float), holm(np.array(p_values)))


def test_numbers_are_scored_by_their_error_which_is_better_when_small():
    tables = numbers({"net": 0.1, "mean": 1.0, "ridge": 0.3}, horizon=2)
    comparison = compared(tables)
    row = comparison.row("ridge")
    assert row["value"] == pytest.approx(
        mean_absolute_error(tables[2]["target"], tables[2]["prediction"])
    )
    folds = [
        mean_absolute_error(*(t.loc[t["fold"] == fold, c] for c in ("target", "prediction")))
        for t in (tables[0], tables[2])
        for fold in range(5)
    ]
    assert row["difference"] == pytest.approx(np.mean(folds[:5]) - np.mean(folds[5:]))
    assert comparison.best == "ridge"
    assert verdict(comparison) == "worth it"


def test_one_fold_is_tested_over_its_samples():
    for tables in (
        classes({"net": 3.0, "knn": 1.0}, num_folds=1),
        numbers({"net": 0.1, "ridge": 1.0}, num_folds=1),
    ):
        comparison = compared(tables)
        row = comparison.row(tables[1]["model"].iloc[0])
        assert comparison.basis == "samples"
        values = comparison.table["value"]
        assert row["difference"] == pytest.approx(values[0] - values[1])
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        assert verdict(comparison) == "worth it"


def test_rmse_of_one_fold_differs_by_its_own_measure():
    tables = numbers({"net": 0.1, "ridge": 1.0}, num_folds=1)
    row = compared(tables, BaselineConfig(metric="rmse")).row("ridge")
    errors = [((t["target"] - t["prediction"]) ** 2).mean() ** 0.5 for t in tables]
    assert row["difference"] == pytest.approx(errors[0] - errors[1])


def test_the_sentence_says_worth_it():
    text = text_of(compared(classes({"net": 3.5, "prior": 0.1, "knn": 1.0})))
    assert text.startswith("The network is worth it: the best baseline, knn, scores macro F1 0.")
    assert text.endswith(", significant).")


def test_the_sentence_says_not_worth_it():
    comparison = compared(classes({"net": 1.0, "prior": 0.1, "gradient_boosting": 3.5}))
    text = text_of(comparison)
    assert text.startswith(
        "The network is not worth it: the best baseline, gradient_boosting, scores macro F1 0."
    )
    assert "difference -0." in text


def test_a_lead_that_may_be_chance_is_not_called_worth_it():
    comparison = compared(classes({"net": 2.05, "knn": 2.0}))
    assert comparison.row("knn")["difference"] > 0
    assert text_of(comparison).startswith("The network is not shown to be worth it:")
    assert text_of(comparison).endswith(", not significant), which may be chance.")


def test_a_forecast_that_loses_to_the_last_value_says_so():
    text = text_of(compared(numbers({"net": 0.5, "naive_last": 0.2, "linear": 1.0})))
    assert "The network is not worth it: the best baseline, naive_last, scores MAE 0." in text
    assert "It does not beat the naive forecast (the last value): MAE 0." in text
    text = text_of(compared(numbers({"net": 0.1, "naive_last": 0.4, "linear": 1.0})))
    assert "It beats the naive forecast (the last value): MAE 0." in text


def test_what_was_capped_or_left_out_is_told():
    tables = classes({"net": 3.0, "knn": 2.0})
    note = "fitted on about 5000 of 9000 rows of a training part (baseline.max_samples)"
    text = text_of(compared(tables, note=note, left_out={"hog_svm": "images are too small"}))
    assert "Fitted on a part of the training rows only (baseline.max_samples): knn." in text
    assert "Left out: hog_svm (images are too small)." in text


def test_the_json_is_plain_and_has_a_verdict():
    found = comparison_json(compared(classes({"net": 3.0, "prior": 0.1}, num_test=30)))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["info"]["verdict"] == "worth it"
    assert set(found["baselines"]["network"]) == {"oof", "test"}
    assert found["baselines"]["prior"]["network_minus_it"]["value"] > 0


@pytest.mark.parametrize("num_folds", [1, 5])
def test_the_figure_shows_every_model(num_folds):
    tables = classes({"net": 3.0, "prior": 0.1, "knn": 2.0}, num_folds, num_test=30)
    left, right = baselines_figure(compared(tables)).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["network", "prior", "knn"]
    assert "macro F1 (higher is better)" in left.get_title(loc="left")
    assert len(right.containers) == 1


def test_without_baselines_nothing_is_claimed():
    (network,) = classes({"net": 3.0})
    for config, text in (
        (BaselineConfig(enabled=False), "No baseline was fitted, because baseline.enabled is fal"),
        (CONFIG, "No baseline could be fitted"),
    ):
        comparison = compare_with_baselines(
            network.drop(columns="model"),
            network.iloc[:0],
            fits_of([network]).iloc[:0],
            folds_of([network]),
            config,
        )
        assert len(comparison.table) == 1
        assert text_of(comparison).startswith(text)
        assert comparison_json(comparison)["info"]["verdict"] == "unknown"
        assert baselines_figure(comparison).axes


def test_a_metric_of_the_other_kind_is_refused():
    with pytest.raises(MetricError, match=r"metric is 'mae', .* a class\. Allowed: auto, macro"):
        compared(classes({"net": 3.0, "knn": 2.0}), BaselineConfig(metric="mae"))
    with pytest.raises(MetricError, match=r"a number\. Allowed: auto, mae, rmse"):
        compared(numbers({"net": 3.0, "mean": 2.0}), BaselineConfig(metric="macro_f1"))


def test_predictions_of_other_samples_are_refused():
    network, baseline = classes({"net": 3.0, "knn": 2.0})
    other = baseline.assign(sample_id="x" + baseline["sample_id"])
    with pytest.raises(PredictionsError, match="'knn' predicts other samples"):
        compared([network, other])
