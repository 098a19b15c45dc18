import time

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference
from test_evaluate import predictions_of

from foldwise.data.samples import Samples
from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.evaluate_regression import evaluate_regression
from foldwise.tasks.slices import find_slices
from foldwise.tasks.slices_config import SlicesConfig
from foldwise.tasks.slices_section import biggest_risk, slices_section

CONFIG = EvaluateConfig(num_resamples=100)


def samples_of(predictions, **meta):
    rows = predictions.drop_duplicates("sample_id").sort_values("sample_id")
    number = len(rows)
    table = pd.DataFrame(
        {
            "sample_id": rows["sample_id"].to_numpy(dtype=object),
            "label": rows["target"].to_numpy(),
            "group": pd.array([None] * number, dtype="string"),
            "official_split": pd.array([None] * number, dtype="string"),
            "source": "test",
            **{f"meta_{name}": values for name, values in meta.items()},
        }
    )
    classes = tuple(sorted(rows["target"].unique())) if rows["target"].dtype == object else ()
    return Samples(np.zeros((number, 1, 2, 2), np.uint8), table, classes)


@pytest.fixture(scope="module")
def binary():
    """A binary task in which the samples of one exposure are predicted by chance."""
    predictions = predictions_of(("sick", "well"), size=1200, num_test=0, strength=3.0)
    ids = np.sort(predictions["sample_id"].unique())
    rng = np.random.default_rng(1)
    exposure = rng.integers(1, 7, len(ids))
    bad = predictions["sample_id"].isin(ids[exposure == 6])
    swapped = predictions[["p_well", "p_sick"]].to_numpy()
    swap = (bad & (rng.random(len(predictions)) < 0.5)).to_numpy()
    predictions.loc[swap, ["p_sick", "p_well"]] = swapped[swap]
    sex = rng.choice(["f", "m"], len(ids))
    samples = samples_of(predictions, exposure=exposure, sex=sex, noise=rng.normal(size=len(ids)))
    return predictions, samples, evaluate(predictions, None, CONFIG)


@pytest.fixture(scope="module")
def found(binary):
    _, samples, evaluation = binary
    return find_slices(evaluation, samples, None, SlicesConfig(sensitive=("sex",)))


def test_the_slice_that_fails_comes_first_and_is_the_risk(found):
    failures = found.failures
    assert failures["slice"].iloc[0] == "exposure = 6"
    assert set(failures["slice"]) == {"exposure = 6"}
    text = biggest_risk(found)
    assert "exposure = 6" in text
    assert "after correction" in text
    assert "1 of 12 slices is worse than the rest" in slices_section(found).paragraphs[0]


def test_scores_of_slices_are_those_of_scikit_learn(binary, found):
    predictions, samples, evaluation = binary
    rows = predictions.merge(samples.table[["sample_id", "meta_exposure"]], on="sample_id")
    called = np.where(rows["p_sick"] > rows["p_well"], "sick", "well")
    positive = evaluation.classes[evaluation.positive]
    table = found.table[found.table["slice"] == "exposure = 2"].set_index("metric")
    inside = (rows["meta_exposure"] == 2).to_numpy()
    expected = {
        "accuracy": reference.accuracy_score,
        "balanced_accuracy": reference.balanced_accuracy_score,
        "precision": lambda y, p: reference.precision_score(y, p, pos_label=positive),
        "recall": lambda y, p: reference.recall_score(y, p, pos_label=positive),
        "f1": lambda y, p: reference.f1_score(y, p, pos_label=positive),
    }
    for metric, score in expected.items():
        row, target = table.loc[metric], rows["target"].to_numpy()
        assert row["value"] == pytest.approx(score(target[inside], called[inside]))
        assert row["rest"] == pytest.approx(score(target[~inside], called[~inside]))
        assert row["difference"] == pytest.approx(row["value"] - row["rest"])
        assert row["num_samples"] == inside.sum()
    assert (found.table["p_corrected"] >= found.table["p_value"]).all()


def test_chance_makes_no_finding():
    clean = predictions_of(("sick", "well"), size=600, num_test=0, seed=3)
    rng = np.random.default_rng(0)
    ids = np.sort(clean["sample_id"].unique())
    meta = {f"m{i}": rng.choice(list("abcdef"), len(ids)) for i in range(8)}
    slices = find_slices(
        evaluate(clean, None, CONFIG), samples_of(clean, **meta), None, SlicesConfig()
    )
    assert (slices.table["p_value"] < 0.05).any()  # without a correction there would be some
    assert slices.failures.empty
    assert biggest_risk(slices) is None
    assert "none" in slices_section(slices).paragraphs[0]


def test_small_slices_are_counted_and_not_shown(binary):
    _, samples, evaluation = binary
    slices = find_slices(evaluation, samples, None, SlicesConfig(min_size=250))
    assert slices.num_small == 6
    assert not slices.table["slice"].str.startswith("exposure").any()
    assert "6 slices are not shown: fewer than 250 samples" in " ".join(
        slices_section(slices).paragraphs
    )


def test_units_and_repeats_do_not_make_samples(binary):
    _, samples, evaluation = binary
    ids = samples.table["sample_id"]
    units = pd.Series(np.arange(len(ids)) // 4, index=ids)
    of_units = find_slices(evaluation, samples, units, SlicesConfig())
    row = of_units.table.iloc[0]
    assert row["num_units"] < row["num_samples"]
    assert row["method"] == "Wilson, design effect"
    twice = predictions_of(("a", "b"), size=200, num_test=0, repeats=2)
    meta = np.resize(["x", "y"], 200)
    slices = find_slices(
        evaluate(twice, None, CONFIG), samples_of(twice, which=meta), None, SlicesConfig()
    )
    assert set(slices.table["num_samples"]) == {100}
    assert set(slices.table["num_units"]) == {100}


def test_fairness_has_gaps_with_limits(binary, found):
    table = found.fairness.set_index("measure")
    assert set(table["column"]) == {"sex"}
    for measure in ("demographic parity difference", "equalised odds difference"):
        row = table.loc[measure]
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
        assert "sex = " in row["detail"]
    worst = table.loc["worst group's recall"]
    of_sex = found.table[(found.table["column"] == "sex") & (found.table["metric"] == "recall")]
    assert worst["value"] == pytest.approx(of_sex["value"].min())
    assert any(t.title == "Fairness" for t in slices_section(found).tables)


def test_numbers_are_scored_by_their_errors():
    rng = np.random.default_rng(0)
    ids = np.array([f"s{i:04d}" for i in range(600)], dtype=object)
    target, site = rng.normal(size=600), rng.choice(["a", "b", "c"], 600)
    error = rng.normal(size=600) * np.where(site == "b", 2.0, 1.0)
    predictions = pd.DataFrame(
        {"sample_id": ids, "repeat": 0, "fold": np.arange(600) % 5, "part": "oof", "step": 1,
         "target": target, "prediction": target + error}
    )  # fmt: skip
    evaluation = evaluate_regression(predictions, None, CONFIG)
    slices = find_slices(evaluation, samples_of(predictions, site=site), None, SlicesConfig())
    assert slices.failures["slice"].unique().tolist() == ["site = b"]
    mae = slices.table[(slices.table["metric"] == "mae") & (slices.table["slice"] == "site = b")]
    assert mae["value"].item() == pytest.approx(np.abs(error[site == "b"]).mean())
    assert "MAE" in biggest_risk(slices) or "RMSE" in biggest_risk(slices)
    assert slices_section(slices).figures[0].draw() is not None


def test_samples_without_columns_say_so(binary):
    predictions, _, evaluation = binary
    slices = find_slices(evaluation, samples_of(predictions), None, SlicesConfig())
    section = slices_section(slices)
    assert "No column" in section.paragraphs[0]
    assert section.tables == section.figures == ()
    assert biggest_risk(slices) is None


@pytest.mark.slow
def test_many_rows_take_seconds():
    predictions = predictions_of(tuple("abcdefghij"), size=60_000, num_test=0)
    rng = np.random.default_rng(0)
    meta = {f"n{i}": rng.normal(size=60_000) for i in range(5)}
    meta |= {f"c{i}": rng.choice(list("uvwxyz"), 60_000) for i in range(5)}
    evaluation = evaluate(predictions, None, CONFIG)
    samples = samples_of(predictions, **meta)
    start = time.process_time()
    slices = find_slices(evaluation, samples, None, SlicesConfig())
    assert slices.num_slices == 50
    assert time.process_time() - start < 8  # 2 s when nothing else runs


def test_each_of_few_groups_is_looked_at_as_it_is(binary):
    # A group is one draw among groups, so its own interval cannot rest on groups.
    _, samples, evaluation = binary
    ids = samples.table["sample_id"]
    group = np.arange(len(ids)) % 4
    table = samples.table.assign(group=group.astype(str))
    given = Samples(samples.x, table, samples.classes)
    units = pd.Series(group, index=ids)
    slices = find_slices(evaluation, given, units, SlicesConfig())
    rows = slices.table[slices.table["metric"] == "accuracy"].set_index("slice")
    of_group, of_exposure = rows.loc["group = 1"], rows.loc["exposure = 2"]
    assert of_group["num_units"] == of_group["num_samples"] == 300
    assert of_group["method"] == "Wilson"
    assert of_exposure["num_units"] == 4
    assert np.isfinite(of_exposure[["low", "high", "p_value"]].astype(float)).all()


def test_two_columns_at_once_find_what_neither_finds_alone():
    predictions = predictions_of(("a", "b", "c"), size=900, num_test=0, strength=3.0)
    ids = np.sort(predictions["sample_id"].unique())
    rng = np.random.default_rng(7)
    site, light = rng.choice(list("xyz"), len(ids)), rng.choice(["dim", "lit"], len(ids))
    bad = predictions["sample_id"].isin(ids[(site == "x") & (light == "dim")]).to_numpy()
    columns = ["p_a", "p_b", "p_c"]
    predictions.loc[bad, columns] = np.roll(predictions.loc[bad, columns].to_numpy(), 1, axis=1)
    samples = samples_of(predictions, site=site, light=light)
    evaluation = evaluate(predictions, None, CONFIG)
    slices = find_slices(evaluation, samples, None, SlicesConfig(depth=2))
    assert slices.failures["slice"].iloc[0] == "site = x, light = dim"


@pytest.mark.parametrize(
    ("field", "value"),
    [("depth", 3), ("min_size", 1), ("num_bins", 1), ("correction", "none"), ("max_values", 1)],
)
def test_parameters_out_of_range_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        SlicesConfig.of(**{field: value})


def test_columns_to_be_treated_alike_may_stand_in_one_text():
    assert SlicesConfig.of(sensitive="sex;age").sensitive == ("sex", "age")
    assert SlicesConfig.of(sensitive=["sex"]).sensitive == ("sex",)
