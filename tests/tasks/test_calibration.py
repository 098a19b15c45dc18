"""Calibration, abstention, thresholds and costs of predictions tables whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, precision_score, recall_score

from foldwise.metrics.temperature import apply_temperature
from foldwise.tasks.calibration import calibrate, calibration_metrics, no_calibration
from foldwise.tasks.calibration_figures import (
    reliability_figure,
    risk_coverage_figure,
    thresholds_figure,
)
from foldwise.tasks.calibration_section import calibration_section
from foldwise.tasks.calibration_tables import (
    reliability_table,
    risk_coverage_table,
    threshold_tables,
)
from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.predictions_table import PredictionsError

CLASSES = ("cat", "dog", "=owl")


def rows_of(probabilities, target, classes, fold, part, first, repeat=0):
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in classes])
    table.insert(0, "target", np.array(classes, dtype=object)[target])
    table.insert(0, "part", part)
    table.insert(0, "fold", fold)
    table.insert(0, "repeat", repeat)
    table.insert(0, "sample_id", [f"s{first + i:06d}" for i in range(len(target))])
    return table


def simulate(
    temperatures, size=600, num_inner=400, num_test=0, classes=CLASSES, seed=0, spread=2.0
):
    """Tables whose probabilities become true at the temperature of each fold."""
    rng = np.random.default_rng(seed)
    outer, inner = [], []

    def draw(count):
        logits = rng.normal(0, spread, (count, len(classes)))
        true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return true, (true.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)

    test = draw(num_test)
    for fold, temperature in enumerate(temperatures):
        drawn = {"oof": draw(size), "test": test, "inner": draw(num_inner)}
        first = {"oof": fold * size, "test": 500_000, "inner": 700_000 + fold * num_inner}
        for part, (true, target) in drawn.items():
            said = apply_temperature(true, 1 / temperature)
            table = rows_of(said, target, classes, fold, part, first[part])
            (inner if part == "inner" else outer).append(table)
    return pd.concat(outer, ignore_index=True), pd.concat(inner, ignore_index=True)


def calibrated(predictions, inner, groups=None, **options):
    config = EvaluateConfig.of(**{"num_resamples": 100, **options})
    return calibrate(evaluate(predictions, groups, config), predictions, inner, groups)


@pytest.fixture(scope="module")
def tables():
    return simulate((2.0, 1.0, 0.5), num_test=300)


@pytest.fixture(scope="module")
def found(tables):
    return calibrated(*tables)


def probabilities_of(table):
    return table.filter(regex="^p_").to_numpy()


def codes_of(table, classes=CLASSES):
    return table["target"].map({name: i for i, name in enumerate(classes)}).to_numpy()


# -- temperatures ---------------------------------------------------------------------------------


def test_each_fold_has_the_temperature_that_its_inner_part_asks_for(found):
    temperatures = found.temperatures
    assert temperatures["temperature"].to_numpy() == pytest.approx([2.0, 1.0, 0.5], rel=0.2)
    assert temperatures["num_inner"].tolist() == [400, 400, 400]


def test_a_temperature_is_applied_to_its_own_folds_rows_and_its_effect_told(tables, found):
    predictions, _ = tables
    oof = predictions[predictions["part"] == "oof"]
    scaled = np.concatenate(
        [
            apply_temperature(probabilities_of(oof[oof["fold"] == fold]), temperature)
            for fold, temperature in enumerate(found.temperatures["temperature"])
        ]
    )
    part = found.parts["oof"]
    assert part.before.log_loss == pytest.approx(log_loss(codes_of(oof), probabilities_of(oof)))
    assert part.after.log_loss == pytest.approx(log_loss(codes_of(oof), scaled))
    change = part.changes["log_loss"]
    assert change.value == pytest.approx(part.after.log_loss - part.before.log_loss)
    assert change.low < change.value < change.high < 0
    assert part.after.mass_error.debiased < part.before.mass_error.debiased


def test_the_held_out_part_is_the_mean_of_the_scaled_networks(tables, found):
    predictions, _ = tables
    test = predictions[predictions["part"] == "test"]
    members = [
        apply_temperature(probabilities_of(test[test["fold"] == fold]), temperature)
        for fold, temperature in enumerate(found.temperatures["temperature"])
    ]
    expected = log_loss(codes_of(test[test["fold"] == 0]), np.mean(members, axis=0))
    assert found.parts["test"].after.log_loss == pytest.approx(expected)


def test_out_of_fold_rows_have_no_say_in_what_is_chosen(tables):
    predictions, inner = tables
    shuffled = predictions.copy()
    rng = np.random.default_rng(3)
    names = shuffled.groupby("sample_id")["target"].first()
    new = pd.Series(rng.permutation(names.to_numpy()), index=names.index)
    shuffled["target"] = shuffled["sample_id"].map(new)
    wanted = {"operating_point": {"maximise": "f1"}}
    one, other = (calibrated(table, inner, **wanted) for table in (predictions, shuffled))
    pd.testing.assert_frame_equal(one.temperatures, other.temperatures)
    pd.testing.assert_frame_equal(one.points.thresholds, other.points.thresholds)
    assert one.parts["oof"].before.accuracy > other.parts["oof"].before.accuracy


@pytest.mark.parametrize("asked", [{}, {"operating_point": {"maximise": "f1"}}])
def test_without_inner_rows_nothing_is_chosen_and_that_is_said(tables, asked):
    found = calibrated(tables[0], pd.DataFrame(), **asked)
    assert found.temperatures is None
    assert found.parts["oof"].after is None
    assert found.points.points.empty
    assert "no predictions of inner validation parts" in found.notes[0]
    assert found.notes[0] in calibration_section(found).paragraphs


def test_a_fold_without_inner_rows_keeps_its_probabilities(tables):
    predictions, inner = tables
    found = calibrated(predictions, inner[inner["fold"] != 1])
    assert found.temperatures["temperature"][1] == 1
    assert "temperature of 1: repeat 0, fold 1" in found.notes[0]


def test_no_temperature_is_fitted_unless_it_is_wanted(tables):
    found = calibrated(*tables, calibration={"temperature": False})
    assert found.temperatures is None
    assert found.parts["oof"].after is None
    assert found.notes == ()


def test_inner_rows_of_other_classes_or_of_the_outer_fold_are_refused(tables):
    predictions, inner = tables
    with pytest.raises(PredictionsError, match="'mouse'"):
        calibrated(predictions, inner.rename(columns={"p_cat": "p_mouse"}))
    leaking = predictions[predictions["part"] == "oof"].assign(part="inner")
    with pytest.raises(PredictionsError, match="a leak"):
        calibrated(predictions, leaking)


# -- what is said ---------------------------------------------------------------------------------


def test_overconfidence_is_said_with_an_example_that_is_beyond_doubt():
    found = calibrated(*simulate((2.0,) * 3))
    (sentence,) = found.sentences
    assert sentence.startswith("The network is over-confident (out of fold): when it says ")
    points = found.parts["oof"].before.points
    points = points[points["binning"] == "equal mass"]
    surely = points[points["confidence"] > points["frequency_high"]]
    wanted = [f"says {row.confidence:.0%}".replace("%", " %") for row in surely.itertuples()]
    assert any(text in sentence for text in wanted)


def test_underconfidence_is_said():
    (sentence,) = calibrated(*simulate((0.5,) * 3)).sentences
    assert sentence.startswith("The network is under-confident (out of fold): when it says ")


def test_true_probabilities_are_not_called_wrong():
    verdicts = [calibrated(*simulate((1.0, 1.0), seed=seed)).sentences[0] for seed in range(10)]
    assert sum(text.startswith("There is no sign") for text in verdicts) >= 8


def test_samples_of_a_group_count_as_one(tables):
    predictions, inner = tables
    tripled = pd.concat(
        [predictions.assign(sample_id=predictions["sample_id"] + f"_{i}") for i in range(3)]
    )
    ids = tripled["sample_id"].unique()
    groups = pd.Series([name.rpartition("_")[0] for name in ids], index=ids)
    alone = calibrated(predictions, inner).parts["oof"]
    copied = calibrated(tripled, inner, groups).parts["oof"]
    assert copied.before.test.correlation == pytest.approx(1)
    expected = alone.before.mass_error.expected
    assert copied.before.mass_error.expected == pytest.approx(expected, rel=0.1)
    wide, same = (part.abstention.table["accuracy_low"] for part in (alone, copied))
    np.testing.assert_allclose(same, wide, atol=2e-3)


# -- thresholds -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def binary():
    tables = simulate((1.5, 1.5), num_test=200, classes=("healthy", "sick"), num_inner=500)
    rule = {"at_least": {"metric": "recall", "value": 0.9}}
    return tables, calibrated(*tables, operating_point=rule, positive_class="sick")


def test_the_threshold_of_a_fold_is_the_best_of_its_inner_part(binary):
    (_, inner), found = binary
    for row in found.points.thresholds.itertuples():
        of_fold = inner[inner["fold"] == row.fold]
        sick, risk = of_fold["target"] == "sick", of_fold["p_sick"].to_numpy()
        assert recall_score(sick, risk >= row.threshold) >= 0.9
        # A little higher, and a sick one more would be missed.
        above = np.sort(risk[sick & (risk >= row.threshold)])[0]
        assert recall_score(sick, risk > above) < 0.9
        assert row.num_inner_positive == sick.sum()


def test_the_effect_of_thresholds_is_told_on_other_rows(binary):
    (predictions, _), found = binary
    thresholds = found.points.thresholds["threshold"].to_numpy()
    points = found.points.points.set_index("part")
    oof = predictions[predictions["part"] == "oof"]
    sick, called = oof["target"] == "sick", oof["p_sick"] >= thresholds[oof["fold"]]
    assert points.loc["oof", "recall"] == pytest.approx(recall_score(sick, called))
    assert points.loc["oof", "precision"] == pytest.approx(precision_score(sick, called))
    plain = recall_score(sick, oof["p_sick"] > 0.5)
    assert points.loc["oof", "recall_of_plain_decision"] == pytest.approx(plain)
    assert points.loc["oof", "is_reached"] == (recall_score(sick, called) >= 0.9)
    text = next(text for text in calibration_section(found).paragraphs if "Asked for" in text)
    assert ("out of fold for 'sick'" in text) == (not points.loc["oof", "is_reached"])
    test = predictions[predictions["part"] == "test"]
    mean = test.groupby("sample_id")["p_sick"].mean()
    is_sick = test.groupby("sample_id")["target"].first() == "sick"
    expected = recall_score(is_sick, mean >= np.median(thresholds))
    assert points.loc["test", "recall"] == pytest.approx(expected)
    for metric in ("precision", "recall", "specificity", "f1"):
        row = points.loc["oof"]
        assert row[f"{metric}_low"] < row[metric] < row[f"{metric}_high"]


def test_of_two_classes_only_the_positive_one_has_thresholds(binary):
    assert set(binary[1].points.curves["class"]) == {"sick"}


def test_what_no_threshold_reaches_is_decided_by_probability_and_said():
    predictions, inner = simulate((1.0, 1.0), num_inner=60)
    inner[[f"p_{name}" for name in CLASSES]] = 1 / 3
    rule = {"maximise": "recall", "at_least": {"metric": "precision", "value": 0.9}}
    found = calibrated(predictions, inner, operating_point=rule)
    points = found.points.points
    stuck = points[points["num_without"] == points["num_models"]]
    assert len(stuck) == 3
    assert (stuck["recall"] == stuck["recall_of_plain_decision"]).all()
    assert found.notes[0].startswith("No threshold gives the highest recall with a precision of")
    assert "'cat', 'dog', '=owl' rest on as few as 1" in found.notes[1]


def test_many_classes_have_curves_of_the_worst_only():
    classes = tuple(f"class {i:03d}" for i in range(130))
    predictions, inner = simulate((1.0, 1.0), size=400, num_inner=50, classes=classes)
    found = calibrated(predictions, inner, operating_point={"maximise": "f1"})
    assert found.points.curves["class"].nunique() == 100
    section = calibration_section(found)
    assert all(len(table.rows) <= 20 for table in section.tables)
    assert thresholds_figure(found).axes


# -- costs ----------------------------------------------------------------------------------------


def test_costs_by_hand():
    """A missed sick one costs 10, a false alarm 1: alarm where the risk is 1 / 11 or more."""
    risk = np.array([0.05, 0.2, 0.05, 0.6, 0.2, 0.95] * 20)
    sick = np.array([0, 0, 1, 1, 1, 1] * 20)
    predictions = rows_of(np.stack([1 - risk, risk], 1), sick, ("healthy", "sick"), 0, "oof", 0)
    found = calibrated(predictions, pd.DataFrame(), costs={"sick": {"healthy": 10}})
    costs = found.parts["oof"].costs
    assert costs.plain.value == pytest.approx(20 / 6)
    assert costs.least.value == pytest.approx(11 / 6)
    assert costs.saved.value == pytest.approx(9 / 6)
    assert costs.saved.low < 9 / 6 < costs.saved.high
    assert costs.share_changed == pytest.approx(2 / 6)
    assert costs.foretold == pytest.approx((2 * 0.5 + 2 * 0.8 + 0.4 + 0.05) / 6)


def test_costs_that_do_not_pay_are_not_called_a_saving():
    """The network says 0.2 of a class that comes once in twenty: alarms cost more than misses."""
    risk, sick = np.full(60, 0.2), np.zeros(60, dtype=np.int64)
    sick[:3] = 1
    oof = rows_of(np.stack([1 - risk, risk], 1), sick, ("healthy", "sick"), 0, "oof", 0)
    found = calibrated(oof, pd.DataFrame(), costs={"sick>healthy": 5})
    assert found.parts["oof"].costs.saved.value == pytest.approx((3 * 5 - 57) / 60)
    assert any(
        "no saving but a loss (-0.7" in text for text in calibration_section(found).paragraphs
    )


def test_costs_use_the_temperature_where_there_is_one():
    tables = simulate((2.0,) * 3, size=1500)
    options = {"costs": {"cat>dog": 5, "=owl": {"cat": 3}}}
    one = calibrated(*tables, **options).parts["oof"].costs
    other = calibrated(*tables, **options, calibration={"temperature": False}).parts["oof"].costs
    assert one.least.value < other.least.value
    assert abs(one.foretold - one.least.value) < abs(other.foretold - other.least.value)


# -- tables, figures, section ---------------------------------------------------------------------


def test_tables_hold_what_the_scores_say(found):
    reliability = reliability_table(found)
    kinds = reliability.groupby(["part", "probabilities", "binning"])["num_samples"].sum()
    assert kinds.to_dict() == {
        (part, kind, binning): size
        for part, size in (("oof", 1800), ("test", 300))
        for kind in ("as predicted", "at temperature")
        for binning in ("equal width", "equal mass")
    }
    risk = risk_coverage_table(found)
    last = risk[risk["coverage"] == 1].set_index("part")["risk"]
    assert last["oof"] == pytest.approx(1 - found.parts["oof"].before.accuracy)
    assert (risk.groupby("part").size() <= 500).all()
    curves, points = threshold_tables(found)
    assert set(curves["class"]) == set(CLASSES)
    assert points.empty


def test_numbers_for_tracking(found):
    numbers = calibration_metrics(found)["calibration"]
    oof = numbers["oof"]
    assert oof["ece"] == found.parts["oof"].before.width_error.value
    assert oof["at_temperature"]["log_loss_change"]["high"] < 0
    assert oof["abstention"]["at_100"]["value"] == pytest.approx(oof["accuracy"])
    assert oof["abstention"]["excess_aurc"] < oof["abstention"]["aurc"]
    assert numbers["temperature"]["lowest"] < 1 < numbers["temperature"]["highest"]


def test_the_same_predictions_give_the_same_numbers_in_any_order(tables, found):
    predictions, inner = (table.sample(frac=1, random_state=1) for table in tables)
    assert calibration_metrics(calibrated(predictions, inner)) == calibration_metrics(found)


def test_figures_are_drawn_and_the_section_tells_all(found):
    for draw in (reliability_figure, thresholds_figure, risk_coverage_figure):
        assert draw(found).axes
    section = calibration_section(found)
    assert section.anchor == "calibration"
    assert section.paragraphs[0] == found.sentences[0]
    effect = found.parts["oof"].changes["log_loss"]
    assert (
        f"lowers the log loss (out of fold: {found.parts['oof'].before.log_loss:.4f} to"
        in (section.paragraphs[2])
    )
    assert f"change {effect.value:+.4f}" in section.paragraphs[2]
    titles = [table.title for table in section.tables]
    assert titles[:2] == ["How true the probabilities are", "If the network may abstain"]
    for table in section.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(figure.alt for figure in section.figures)


def test_of_a_regression_there_is_a_reason_and_nothing_else():
    found = no_calibration(EvaluateConfig())
    section = calibration_section(found)
    assert found.is_empty
    assert "predicts numbers" in section.paragraphs[0]
    assert not section.tables
    assert not section.figures
    assert reliability_table(found).empty
    for draw in (reliability_figure, thresholds_figure, risk_coverage_figure):
        assert draw(found).texts


@pytest.mark.filterwarnings("error")
def test_one_class_alone_and_perfect_certainty_break_nothing():
    probabilities = np.tile([[1.0, 0.0]], (40, 1))
    target = np.zeros(40, dtype=np.int64)
    oof = rows_of(probabilities, target, ("a", "b"), 0, "oof", 0)
    inner = rows_of(probabilities[:9], target[:9], ("a", "b"), 0, "inner", 900)
    rule = {"at_least": {"metric": "recall", "value": 0.5}}
    found = calibrated(oof, inner, operating_point=rule, costs={"a>b": 2})
    assert found.parts["oof"].before.width_error.value == 0
    assert calibration_section(found).tables
    for draw in (reliability_figure, thresholds_figure, risk_coverage_figure):
        draw(found)
