import io
import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference
from test_regression_table import regression_predictions

from foldwise.data.folds import SplitConfig, fold_parts, make_folds
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.evaluate_regression import (
    evaluate_regression,
    forecast_curves,
    outcomes_table,
)
from foldwise.tasks.evaluation_summary import summary_lines, summary_table
from foldwise.tasks.mase_scale import mase_scales
from foldwise.tasks.predictions_table import PredictionsError
from foldwise.tasks.regression_summary import verdict

CONFIG = EvaluateConfig(num_resamples=200)
SPLIT = SplitConfig(scheme="time_expanding", num_folds=3, test_fraction=0)


def windows_table(size=120, num_steps=1):
    """Samples as windows of 5 steps over two random walks, and what follows them."""
    rng = np.random.default_rng(3)
    tables = []
    for name in ("a", "b"):
        walk = rng.normal(size=size // 2 + 5 + num_steps).cumsum() + 50
        start = np.arange(size // 2)
        table = pd.DataFrame(
            {
                "sample_id": [f"{name}@{i}" for i in start],
                "group": None,
                "official_split": None,
                "source": "made",
                "sha256": [f"{name}{i}" for i in start],
                "series": name,
                "time": pd.Timestamp("2020-01-01") + pd.to_timedelta(start, "D"),
                "time_end": pd.Timestamp("2020-01-05") + pd.to_timedelta(start + num_steps, "D"),
            }
        )
        targets = ["target"] if num_steps == 1 else [f"target_{h + 1}" for h in range(num_steps)]
        for h, target in enumerate(targets):
            table[target] = walk[start + 5 + h]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def forecasts_of(table, folds, noise=1.0):
    rng = np.random.default_rng(4)
    names = [name for name in table if name.startswith("target")]
    assigned = folds.table[folds.table["fold"] >= 0].set_index("sample_id")
    rows = table.set_index("sample_id").loc[assigned.index, names]
    long = rows.to_numpy().ravel()
    found = long + noise * rng.normal(size=long.size)
    columns = {
        "sample_id": np.repeat(assigned.index.to_numpy(), len(names)),
        "repeat": 0,
        "fold": np.repeat(assigned["fold"].to_numpy(), len(names)),
        "part": "oof",
        "step": np.tile(np.arange(1, len(names) + 1), len(rows)),
        "target": long,
        "prediction": found,
    }
    for level, z in ((0.05, -1.645), (0.25, -0.674), (0.5, 0), (0.75, 0.674), (0.95, 1.645)):
        columns[f"q_{level:g}"] = found + z * noise
    return pd.DataFrame(columns)


def forecast_evaluation(num_steps=1, noise=1.0):
    table = windows_table(num_steps=num_steps)
    folds = make_folds(table, SPLIT)
    predictions = forecasts_of(table, folds, noise)
    scales = mase_scales(table, folds)
    return evaluate_regression(predictions, folds.units, CONFIG, scales=scales, samples=table)


@pytest.fixture(scope="module")
def predictions():
    return regression_predictions(num_test=30)


@pytest.fixture(scope="module")
def evaluation(predictions):
    return evaluate_regression(predictions, None, CONFIG)


def test_out_of_fold_predictions_are_scored_together_and_by_fold(predictions, evaluation):
    oof = predictions[predictions["part"] == "oof"]
    scores = evaluation.metrics["oof"]
    assert scores["num_samples"] == 90
    expected = reference.mean_absolute_error(oof["target"], oof["prediction"])
    assert scores["mae"]["value"] == pytest.approx(expected)
    assert scores["r2"]["value"] == pytest.approx(
        reference.r2_score(oof["target"], oof["prediction"])
    )
    of_folds = [
        reference.mean_absolute_error(rows["target"], rows["prediction"])
        for _, rows in oof.groupby("fold")
    ]
    assert scores["mae"]["fold_mean"] == pytest.approx(np.mean(of_folds))
    assert scores["mae"]["fold_std"] == pytest.approx(np.std(of_folds, ddof=1))
    assert scores["mae"]["fold_low"] < scores["mae"]["fold_mean"] < scores["mae"]["fold_high"]
    inside = (oof["q_0.05"] <= oof["target"]) & (oof["target"] <= oof["q_0.95"])
    assert scores["coverage_90"]["value"] == pytest.approx(inside.mean())
    assert scores["coverage_90"]["method"] == "Wilson"


def test_the_test_part_is_scored_as_an_ensemble_and_model_by_model(predictions, evaluation):
    test = predictions[predictions["part"] == "test"]
    mean = test.groupby("sample_id")[["target", "prediction"]].mean()
    entry = evaluation.metrics["test"]["rmse"]
    expected = reference.root_mean_squared_error(mean["target"], mean["prediction"])
    assert entry["value"] == pytest.approx(expected)
    single = [
        reference.root_mean_squared_error(rows["target"], rows["prediction"])
        for _, rows in test.groupby("fold")
    ]
    assert entry["single_model_mean"] == pytest.approx(np.mean(single))


def test_the_order_of_rows_does_not_matter(predictions, evaluation):
    shuffled = predictions.sample(frac=1, random_state=0).reset_index(drop=True)
    again = evaluate_regression(shuffled, None, CONFIG)
    assert again.metrics == evaluation.metrics
    pd.testing.assert_frame_equal(again.steps, evaluation.steps)


def test_metrics_are_json_without_nan():
    table = regression_predictions(num_test=10)
    table.loc[table["sample_id"] == "s0003", "target"] = 0.0
    found = evaluate_regression(table, None, CONFIG)
    text = json.dumps(found.metrics, allow_nan=False)
    assert json.loads(text)["oof"]["mape"]["value"] is None
    assert any("MAPE is undefined: 1 of 90 targets are 0" in note for note in found.notes)


def test_each_step_has_its_own_scores():
    table = regression_predictions(num_steps=3)
    found = evaluate_regression(table, None, CONFIG)
    assert list(found.steps["step"]) == [1, 2, 3]
    for step, rows in table.groupby("step"):
        row = found.steps.iloc[step - 1]
        expected = reference.mean_absolute_error(rows["target"], rows["prediction"])
        assert row["mae"] == pytest.approx(expected)
        assert row["mae_low"] < row["mae"] < row["mae_high"]
    assert len(outcomes_table(found)) == 270
    # Steps of a sample are not samples of their own, and no units either.
    assert found.metrics["oof"]["num_samples"] == 90
    assert "num_independent_units" not in found.metrics["oof"]


def test_units_are_drawn_as_one(predictions):
    predictions = predictions[predictions["part"] == "oof"]
    ids = predictions["sample_id"].unique()
    units = pd.Series(np.arange(len(ids)) // 3, index=ids)
    found = evaluate_regression(predictions, units, CONFIG)
    assert found.metrics["oof"]["num_independent_units"] == 30
    few = pd.Series(np.arange(len(ids)) // 9, index=ids)
    with pytest.warns(UserWarning, match="only 10 independent"):
        evaluate_regression(predictions, few, CONFIG)


def test_a_sample_that_several_repeats_predict_counts_once():
    found = evaluate_regression(regression_predictions(repeats=2), None, CONFIG)
    assert found.metrics["oof"]["num_samples"] == 90
    assert found.metrics["oof"]["num_independent_units"] == 90


def test_intervals_that_hold_too_few_are_told():
    table = regression_predictions()
    middle = table["q_0.5"]
    for level in ("q_0.05", "q_0.25", "q_0.75", "q_0.95"):
        table[level] = middle + 0.2 * (table[level] - middle)
    found = evaluate_regression(table, None, CONFIG)
    assert any("90 % intervals are too narrow" in note for note in found.notes)
    honest = evaluate_regression(regression_predictions(size=400), None, CONFIG)
    assert not any("intervals are too" in note for note in honest.notes)


def test_the_scale_of_mase_is_the_naive_error_in_the_training_part():
    table = windows_table()
    folds = make_folds(table, SPLIT)
    scales = mase_scales(table, folds)
    known = table.set_index("sample_id")
    for part in fold_parts(folds, table):
        rows = known.loc[np.concatenate([part.train, part.validation])].sort_values("time")
        steps = [np.diff(series["target"]) for _, series in rows.groupby("series")]
        expected = np.abs(np.concatenate(steps)).mean()
        assert scales[part.repeat, part.fold] == pytest.approx(expected)
    assert mase_scales(table.drop(columns=["time", "time_end"]), folds) is None


@pytest.mark.filterwarnings("ignore:.*independent groups of samples")
def test_mase_divides_by_the_scale_of_each_fold():
    found = forecast_evaluation()
    models = found.parts["oof"].models
    table = windows_table()
    folds = make_folds(table, SPLIT)
    scales = mase_scales(table, folds)
    for row in models.itertuples():
        assert row.mase == pytest.approx(row.mae / scales[row.repeat, row.fold])


@pytest.mark.filterwarnings("ignore:.*independent groups of samples")
def test_forecasts_of_the_last_fold_are_told_by_time():
    found = forecast_evaluation(num_steps=2)
    curves = forecast_curves(found)
    assert set(curves["series"]) == {"a"}
    assert set(curves["fold"]) == {2}
    assert curves["time"].is_monotonic_increasing
    assert set(curves["step"]) == {1, 2}
    assert {"target", "prediction", "q_0.05", "q_0.95"} <= set(curves.columns)


def test_without_a_time_the_curves_are_of_errors_and_calibration(predictions, evaluation):
    curves = forecast_curves(evaluation)
    oof = predictions[predictions["part"] == "oof"]
    errors = curves[curves["curve"] == "errors"]
    assert errors["y"].max() == pytest.approx((oof["target"] - oof["prediction"]).abs().max())
    points = curves[curves["curve"] == "calibration"].set_index("x")["y"]
    assert points[0.25] == pytest.approx((oof["target"] <= oof["q_0.25"]).mean())


def test_bad_tables_are_refused(predictions):
    with pytest.raises(PredictionsError, match="lacks the column"):
        evaluate_regression(predictions.drop(columns="step"), None, CONFIG)
    groups = pd.Series({"s0001": 1})
    with pytest.raises(PredictionsError, match="has no row in the samples table"):
        evaluate_regression(predictions, groups, CONFIG)


def test_the_summary_names_the_main_scores(evaluation):
    from rich.console import Console

    lines = summary_lines(evaluation)
    entry = evaluation.metrics["oof"]["mae"]
    assert lines[0].startswith(f"out of fold MAE: {entry['value']:.4g} (")
    assert any("90 % coverage" in line for line in lines)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary_table(evaluation))
    text = console.export_text()
    assert f"{entry['value']:.3g} ({entry['low']:.3g} to {entry['high']:.3g})" in text
    assert "…" not in text


def scores(values):
    return pd.DataFrame({"repeat": 0, "fold": range(len(values)), "mae": values, "r2": values})


def test_a_verdict_says_whether_a_model_beats_a_reference():
    reference_scores = scores([2.0, 2.1, 1.9, 2.2, 2.0])
    good = verdict(scores([1.0, 1.2, 0.9, 1.1, 1.0]), reference_scores, test_to_train=0.25)
    assert good.startswith("The model beats the naive forecast: MAE 1.04 against 2.04")
    even = verdict(scores([2.1, 1.9, 2.0, 2.1, 2.1]), reference_scores, test_to_train=0.25)
    assert even.startswith("The model does not beat the naive forecast beyond chance")
    bad = verdict(reference_scores, scores([1.0, 1.2, 0.9, 1.1, 1.0]), name="a linear model")
    assert bad.startswith("The model does not beat a linear model, it is worse")
    higher = verdict(reference_scores, scores([1.0, 1.2, 0.9, 1.1, 1.0]), metric="r2")
    assert higher.startswith("The model beats")
    single = verdict(scores([1.0]), scores([2.0]))
    assert "only fold" in single
    with pytest.raises(PredictionsError, match="no fold in common"):
        verdict(scores([1.0]), scores([1.0]).assign(fold=7))


def test_overlap_of_training_parts_widens_a_verdict():
    ours, theirs = scores([1.0, 1.5, 1.9, 1.1]), scores([1.5, 1.6, 1.9, 1.8])
    independent = verdict(ours, theirs)
    corrected = verdict(ours, theirs, test_to_train=1.0)
    assert "beyond chance" in corrected
    assert independent != corrected
