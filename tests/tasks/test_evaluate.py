import json
import re
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from foldwise.data.csv_cells import csv_safe
from foldwise.metrics.classification import RANK_METRICS
from foldwise.tasks.evaluate import (
    EvaluateConfig,
    confusion_table,
    curves_table,
    evaluate,
)
from foldwise.tasks.evaluation_summary import summary_lines, summary_table
from foldwise.tasks.predictions_table import PredictionsError, check_predictions

CONFIG = EvaluateConfig(num_resamples=200)
SHARES = {"common": 0.6, "some": 0.3, "rare": 0.1}


def predictions_of(
    classes=("common", "some", "rare"),
    shares=None,
    size=150,
    num_folds=3,
    num_test=30,
    repeats=1,
    strength=1.5,
    seed=0,
):
    """A predictions table as training writes it."""
    rng = np.random.default_rng(seed)
    target = rng.choice(len(classes), size + num_test, p=shares)
    ids = np.array([f"sample_{i:05d}" for i in range(size + num_test)], dtype=object)
    tables = []
    for repeat in range(repeats):
        fold_of = rng.permutation(np.arange(size) % num_folds)
        for fold in range(num_folds):
            for part, rows in (
                ("oof", np.flatnonzero(fold_of == fold)),
                ("test", np.arange(size, size + num_test)),
            ):
                scores = rng.normal(size=(len(rows), len(classes)))
                scores[np.arange(len(rows)), target[rows]] += strength
                odds = np.exp(scores)
                table = pd.DataFrame(
                    odds / odds.sum(axis=1, keepdims=True), columns=[f"p_{c}" for c in classes]
                )
                table.insert(0, "target", np.array(classes, dtype=object)[target[rows]])
                table.insert(0, "part", part)
                table.insert(0, "fold", fold)
                table.insert(0, "repeat", repeat)
                table.insert(0, "sample_id", ids[rows])
                tables.append(table)
    return pd.concat(tables, ignore_index=True)


def probabilities_of(table):
    return table.filter(like="p_").to_numpy()


@pytest.fixture(scope="module")
def predictions():
    return predictions_of(shares=list(SHARES.values()))


@pytest.fixture(scope="module")
def evaluation(predictions):
    return evaluate(predictions, None, CONFIG)


def test_out_of_fold_predictions_are_scored_together(predictions, evaluation):
    oof = predictions[predictions["part"] == "oof"]
    classes = np.array(list(SHARES))
    predicted = classes[probabilities_of(oof).argmax(axis=1)]
    scores = evaluation.metrics["oof"]
    assert scores["num_samples"] == 150
    assert scores["accuracy"]["value"] == pytest.approx((predicted == oof["target"]).mean())
    expected = reference.f1_score(oof["target"], predicted, average="macro")
    assert scores["macro_f1"]["value"] == pytest.approx(expected)
    assert scores["macro_f1"]["low"] < expected < scores["macro_f1"]["high"]
    assert scores["accuracy"]["method"] == "Wilson"


def test_folds_are_scored_one_by_one(predictions, evaluation):
    oof = predictions[predictions["part"] == "oof"]
    classes = np.array(list(SHARES))
    per_fold = [
        reference.f1_score(
            rows["target"], classes[probabilities_of(rows).argmax(axis=1)], average="macro"
        )
        for _, rows in oof.groupby("fold")
    ]
    entry = evaluation.metrics["oof"]["macro_f1"]
    assert entry["fold_mean"] == pytest.approx(np.mean(per_fold))
    assert entry["fold_std"] == pytest.approx(np.std(per_fold, ddof=1))
    assert entry["fold_low"] < entry["fold_mean"] < entry["fold_high"]


def test_the_test_part_is_scored_as_an_ensemble_and_model_by_model(predictions, evaluation):
    test = predictions[predictions["part"] == "test"]
    columns = [f"p_{name}" for name in SHARES]
    mean = test.groupby("sample_id")[columns].mean()
    target = test.drop_duplicates("sample_id").set_index("sample_id")["target"].loc[mean.index]
    classes = np.array(list(SHARES))
    entry = evaluation.metrics["test"]["accuracy"]
    expected = (classes[mean.to_numpy().argmax(axis=1)] == target).mean()
    assert entry["value"] == pytest.approx(expected)
    single = [
        (classes[probabilities_of(rows).argmax(axis=1)] == rows["target"]).mean()
        for _, rows in test.groupby("fold")
    ]
    assert entry["single_model_mean"] == pytest.approx(np.mean(single))
    assert entry["single_model_std"] == pytest.approx(np.std(single, ddof=1))
    assert evaluation.metrics["test"]["num_samples"] == 30


def test_without_a_held_out_part_there_is_no_test_score(predictions):
    evaluation = evaluate(predictions[predictions["part"] == "oof"], None, CONFIG)
    assert set(evaluation.metrics) == {"info", "oof"}
    assert set(evaluation.per_class["part"]) == {"oof"}
    assert not any("test" in line for line in summary_lines(evaluation))


def test_the_order_of_the_rows_does_not_matter(predictions, evaluation):
    shuffled = predictions.sample(frac=1, random_state=1)
    again = evaluate(shuffled, None, CONFIG)
    assert json.dumps(again.metrics) == json.dumps(evaluation.metrics)
    pd.testing.assert_frame_equal(again.per_class, evaluation.per_class)
    pd.testing.assert_frame_equal(curves_table(again), curves_table(evaluation))


def test_the_predictions_are_left_as_they_were(predictions):
    before = predictions.copy(deep=True)
    evaluate(predictions, None, CONFIG)
    pd.testing.assert_frame_equal(predictions, before)


def test_metrics_are_json_and_null_where_undefined():
    table = predictions_of(classes=("a", "b", "c"), shares=[0.5, 0.45, 0.05], size=60)
    table["p_a"] += table["p_c"]
    table["p_c"] = 0.0  # never predicted
    evaluation = evaluate(table, None, CONFIG)
    text = json.dumps(evaluation.metrics, allow_nan=False)
    entry = json.loads(text)["oof"]["macro_precision"]
    assert entry["value"] is None
    assert entry["low"] is None
    assert entry["method"] == "undefined"
    assert evaluation.metrics["oof"]["balanced_accuracy"]["value"] > 0
    assert any("never predicted: 'c'" in note for note in evaluation.notes)
    assert evaluation.metrics["info"]["notes"] == list(evaluation.notes)


def test_folds_without_a_class_are_said():
    table = predictions_of(classes=("a", "b", "c"), shares=[0.55, 0.43, 0.02], size=90, num_test=0)
    num_folds = table[table["target"] == "c"]["fold"].nunique()
    assert 0 < num_folds < 3
    notes = evaluate(table, None, CONFIG).notes
    assert any(f"In {3 - num_folds} of 3 folds a class has no sample" in note for note in notes)


def test_folds_in_which_a_class_is_never_predicted_are_said():
    table = predictions_of(classes=("a", "b", "c"), shares=[0.4, 0.4, 0.2], num_test=0)
    first = table["fold"] == 0
    table.loc[first, "p_a"] += table.loc[first, "p_c"]
    table.loc[first, "p_c"] = 0.0
    evaluation = evaluate(table, None, CONFIG)
    assert any("macro precision" in n and "1 of 3 folds" in n for n in evaluation.notes)
    assert evaluation.metrics["oof"]["macro_precision"]["fold_mean"] is not None
    assert evaluation.metrics["oof"]["macro_precision"]["value"] is not None


def test_every_average_and_agreement_is_said_with_its_interval(evaluation):
    scores = evaluation.metrics["oof"]
    metrics = ("precision", "recall", "specificity", "npv", "f1", "f2", *RANK_METRICS)
    names = {f"{average}_{m}" for average in ("macro", "weighted", "micro") for m in metrics}
    names |= {"matthews_correlation", "cohens_kappa", "log_loss", "brier_score"}
    assert names | {"accuracy", "balanced_accuracy", "num_samples"} == set(scores)
    for name in names:
        entry = scores[name]
        assert entry["low"] < entry["value"] < entry["high"], name
        assert entry["fold_low"] < entry["fold_mean"] < entry["fold_high"], name
        assert entry["method"]


def test_limits_over_folds_are_cut_at_the_range_of_their_metric_only():
    """Guessing at random: half the folds agree less than by chance, and cost more than 1 nat."""
    table = predictions_of(classes=tuple("abcd"), num_folds=4, strength=0, num_test=0)
    scores = evaluate(table, None, CONFIG).metrics["oof"]
    assert scores["cohens_kappa"]["fold_low"] < 0 < scores["cohens_kappa"]["fold_high"]
    assert scores["matthews_correlation"]["low"] < 0 < scores["matthews_correlation"]["high"]
    assert scores["log_loss"]["value"] > 1
    assert scores["log_loss"]["fold_high"] > scores["log_loss"]["fold_mean"] > 1
    assert scores["log_loss"]["high"] > scores["log_loss"]["value"]


def test_clopper_and_pearson_replace_wilson_where_they_are_wanted(predictions, evaluation):
    config = EvaluateConfig(num_resamples=200, proportion_interval="clopper_pearson")
    found = evaluate(predictions, None, config)
    assert found.metrics["info"]["proportion_interval"] == "clopper_pearson"
    assert evaluation.metrics["info"]["proportion_interval"] == "wilson"
    for name in ("accuracy", "weighted_recall", "micro_f1"):
        here, there = found.metrics["oof"][name], evaluation.metrics["oof"][name]
        assert here["value"] == there["value"]
        assert here["method"] == "Clopper-Pearson"
        assert here["high"] - here["low"] > there["high"] - there["low"]
    assert set(found.per_class["npv_method"]) == {"Clopper-Pearson"}
    assert found.metrics["oof"]["macro_f1"] == evaluation.metrics["oof"]["macro_f1"]


def test_beta_gives_its_name_to_f_beta(predictions):
    found = evaluate(predictions, None, EvaluateConfig(num_resamples=100, beta=0.5))
    assert {"macro_f0.5", "weighted_f0.5", "micro_f0.5"} < set(found.metrics["oof"])
    assert "f0.5_low" in found.per_class
    assert "f2" not in found.per_class


def test_per_class_has_every_metric_with_interval_and_method(evaluation):
    table = evaluation.per_class
    assert list(table["class"]) == list(SHARES) * 2
    for metric in ("precision", "recall", "specificity", "npv", "f1", "f2", *RANK_METRICS):
        assert (table[f"{metric}_low"] <= table[metric]).all()
        assert (table[metric] <= table[f"{metric}_high"]).all()
        assert (table[f"{metric}_high"] - table[f"{metric}_low"] > 0).all()
        assert table[f"{metric}_method"].str.len().min() > 0
    oof = table[table["part"] == "oof"]
    assert oof["support"].sum() == 150
    assert oof["predicted"].sum() == 150


def test_tables_for_plots(predictions, evaluation):
    confusion = confusion_table(evaluation)
    assert list(confusion.columns) == ["actual", "predicted"]
    assert len(confusion) == 150
    counts = pd.crosstab(confusion["actual"], confusion["predicted"]).loc[list(SHARES)]
    np.testing.assert_array_equal(
        counts[list(SHARES)], evaluation.parts["oof"].estimates.confusion
    )
    curves = curves_table(evaluation)
    assert curves.groupby("class").size().max() <= 200
    assert set(curves["class"]) == set(SHARES)


# -- groups and repeats ---------------------------------------------------------------------------


def test_groups_widen_the_intervals(predictions):
    ids = predictions["sample_id"].unique()
    groups = pd.Series(np.arange(len(ids)) // 4, index=ids)
    # Whole groups are right or wrong together: 45 draws instead of 180.
    table = predictions.copy()
    wrong = groups[table["sample_id"]].to_numpy() % 5 == 0
    right = np.array([f"p_{name}" for name in table["target"]])
    for name in SHARES:
        hit = right == f"p_{name}"
        table[f"p_{name}"] = np.where(hit, np.where(wrong, 0.1, 0.8), np.where(wrong, 0.45, 0.1))
    alone = evaluate(table, None, CONFIG).metrics["oof"]
    with pytest.warns(UserWarning, match="only 8"):  # the test part
        grouped = evaluate(table, groups, CONFIG).metrics["oof"]
    assert grouped["num_independent_units"] == 38
    assert "design effect" in grouped["accuracy"]["method"]
    for name in ("accuracy", "macro_f1", "balanced_accuracy"):
        assert grouped[name]["value"] == alone[name]["value"]
        width = alone[name]["high"] - alone[name]["low"]
        assert grouped[name]["high"] - grouped[name]["low"] > 1.5 * width


def test_groups_of_one_change_nothing(predictions, evaluation):
    ids = predictions["sample_id"].unique()
    groups = pd.Series(pd.array([None] * len(ids), dtype="string"), index=ids)
    assert evaluate(predictions, groups, CONFIG).metrics == evaluation.metrics


def test_few_groups_are_warned_of(predictions):
    ids = predictions["sample_id"].unique()
    groups = pd.Series(np.arange(len(ids)) % 20, index=ids)
    with pytest.warns(UserWarning, match="only 20 independent groups"):
        evaluation = evaluate(predictions, groups, CONFIG)
    assert any("only 20" in note for note in evaluation.notes)


def test_samples_without_a_group_row_are_refused(predictions):
    groups = pd.Series(["g"], index=["sample_00000"])
    with pytest.raises(PredictionsError, match="'sample_00001' has no row"):
        evaluate(predictions, groups, CONFIG)


def test_repeats_do_not_pass_for_new_samples():
    once = evaluate(predictions_of(num_test=0), None, CONFIG).metrics["oof"]
    table = predictions_of(num_test=0)
    repeated = pd.concat([table.assign(repeat=r) for r in range(4)], ignore_index=True)
    again = evaluate(repeated, None, CONFIG)
    scores = again.metrics["oof"]
    assert scores["num_samples"] == 150
    assert again.per_class["support"].sum() == 150
    for name in ("accuracy", "macro_f1", "macro_roc_auc"):
        width = once[name]["high"] - once[name]["low"]
        assert scores[name]["high"] - scores[name]["low"] == pytest.approx(width, rel=0.2)
        assert scores[name]["fold_std"] == pytest.approx(once[name]["fold_std"])
        assert scores[name]["fold_low"] == pytest.approx(once[name]["fold_low"])


# -- binary tasks ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def binary():
    return predictions_of(classes=("healthy", "ill"), shares=[0.8, 0.2])


@pytest.mark.parametrize("positive", ["healthy", "ill"])
def test_binary_metrics_are_those_of_the_positive_class(binary, positive):
    config = EvaluateConfig(num_resamples=200, positive_class=positive)
    evaluation = evaluate(binary, None, config)
    oof = binary[binary["part"] == "oof"]
    truth = oof["target"] == positive
    called = oof[f"p_{positive}"] > 0.5
    scores = evaluation.metrics["oof"]
    assert scores["precision"]["value"] == pytest.approx(reference.precision_score(truth, called))
    assert scores["recall"]["value"] == pytest.approx(reference.recall_score(truth, called))
    assert scores["specificity"]["value"] == pytest.approx(reference.recall_score(~truth, ~called))
    assert scores["f1"]["value"] == pytest.approx(reference.f1_score(truth, called))
    expected = reference.precision_score(~truth, ~called)
    assert scores["npv"]["value"] == pytest.approx(expected)
    expected = reference.fbeta_score(truth, called, beta=2)
    assert scores["f2"]["value"] == pytest.approx(expected)
    expected = reference.brier_score_loss(truth, oof[f"p_{positive}"])
    assert scores["brier_score"]["value"] == pytest.approx(expected)
    expected = reference.log_loss(truth, oof[f"p_{positive}"])
    assert scores["log_loss"]["value"] == pytest.approx(expected)
    expected = reference.matthews_corrcoef(truth, called)
    assert scores["matthews_correlation"]["value"] == pytest.approx(expected)
    expected = reference.average_precision_score(truth, oof[f"p_{positive}"])
    assert scores["average_precision"]["value"] == pytest.approx(expected)
    assert evaluation.metrics["info"]["positive_class"] == positive
    assert scores["f1"]["fold_mean"] is not None


def test_the_rarer_class_is_positive_by_default_and_this_is_said(binary):
    evaluation = evaluate(binary, None, CONFIG)
    assert evaluation.metrics["info"]["positive_class"] == "ill"
    assert any("positive class is 'ill', the rarer one" in note for note in evaluation.notes)


def test_an_unknown_positive_class_is_refused_with_the_allowed_ones(binary):
    config = EvaluateConfig(positive_class="sick")
    with pytest.raises(PredictionsError, match=r"'sick'.*'healthy', 'ill'"):
        evaluate(binary, None, config)


def test_a_positive_class_among_many_is_refused(predictions):
    with pytest.raises(PredictionsError, match="there are 3"):
        evaluate(predictions, None, EvaluateConfig(positive_class="rare"))


# -- bad tables -----------------------------------------------------------------------------------


def changed(table, row, column, value):
    table = table.copy()
    if isinstance(value, str):
        table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["fold", "target"]), r"lacks the column\(s\) fold, target"),
        (lambda t: t.drop(columns=["p_some", "p_rare"]), r"1 probability column\(s\)"),
        (lambda t: changed(t, 7, "p_rare", np.nan), r"Row 7 .*'p_rare' is not a number"),
        (lambda t: changed(t, 7, "p_rare", -0.5), r"Row 7 .*'p_rare' is outside \[0, 1\]"),
        (lambda t: changed(t, 7, "p_rare", np.inf), r"Row 7 .*'p_rare' is outside"),
        (lambda t: t.assign(p_rare=t["p_rare"] * 0.5), r"do not sum to 1 .* such rows"),
        (lambda t: t.assign(p_rare="x"), r"'p_rare' .* holds no numbers"),
        (
            lambda t: changed(t, 3, "target", "odd"),
            r"Row 3 .*'target' is none of the classes 'common', 'some', 'rare'",
        ),
        (lambda t: changed(t, 3, "target", None), r"Row 3 .*column 'target' is empty"),
        (lambda t: changed(t, 3, "part", "val"), r"Row 3 .*'part' is neither"),
        (lambda t: t[t["part"] == "test"], "no row of part 'oof'"),
        (lambda t: pd.concat([t, t.iloc[:1]], ignore_index=True), "stands twice in one repeat"),
        (lambda t: pd.concat([t, t.iloc[-1:]], ignore_index=True), "twice for one model"),
        (lambda t: t.drop(index=t.index[-1]), "only some of the 3 models predict this sample"),
        (
            lambda t: pd.concat([t, t.iloc[:9].assign(repeat=1)], ignore_index=True),
            "only some of the 2 repeats predict this sample",
        ),
        (
            lambda t: pd.concat([t, t[t["part"] == "oof"].assign(part="test")]),
            "in part 'test' and in part 'oof', a leak",
        ),
        (
            lambda t: changed(t, t.index[-1], "target", "common").pipe(
                lambda u: changed(u, u.index[-31], "target", "rare")
            ),
            "more than one target",
        ),
    ],
)
def test_a_bad_table_is_refused_with_row_and_column(predictions, change, message):
    with pytest.raises(PredictionsError, match=message):
        check_predictions(change(predictions))


def test_rounding_of_probabilities_is_no_fault(predictions):
    table = predictions.copy()
    columns = [f"p_{name}" for name in SHARES]
    table[columns] = table[columns].astype(np.float16).astype(np.float32)
    assert check_predictions(table) == tuple(SHARES)


def test_targets_of_one_class_alone_are_scored_and_what_is_undefined_is_said():
    table = predictions_of(classes=("a", "b"), shares=[1.0, 0.0], size=60)
    evaluation = evaluate(table, None, CONFIG)
    scores = evaluation.metrics["oof"]
    json.dumps(evaluation.metrics, allow_nan=False)
    assert 0 < scores["accuracy"]["low"] < scores["accuracy"]["value"]
    assert scores["accuracy"]["value"] == scores["weighted_recall"]["value"]
    for name in ("matthews_correlation", "macro_specificity", "macro_roc_auc", "recall"):
        assert (scores[name]["value"], scores[name]["low"]) == (None, None), name
        assert scores[name]["method"] == "undefined"
    assert scores["log_loss"]["low"] < scores["log_loss"]["value"] < scores["log_loss"]["high"]
    assert any("all targets are of one class" in note for note in evaluation.notes)
    assert any("no sample of 'b'" in note for note in evaluation.notes)


def test_predictions_of_one_class_alone_are_said():
    table = predictions_of(classes=("a", "b"), num_test=0)
    table["p_a"], table["p_b"] = 0.7, 0.3
    evaluation = evaluate(table, None, CONFIG)
    scores = evaluation.metrics["oof"]
    assert scores["matthews_correlation"]["value"] is None
    assert scores["cohens_kappa"]["value"] == 0
    assert scores["macro_npv"]["value"] is None
    assert scores["cohens_kappa"]["low"] < 0 < scores["cohens_kappa"]["high"]
    assert any("all predictions are of one class" in note for note in evaluation.notes)


def many_classes(num_classes, size):
    rng = np.random.default_rng(0)
    names = np.array([f"class_{i:05d}" for i in range(num_classes)], dtype=object)
    target = rng.integers(num_classes, size=size)
    scores = rng.normal(size=(size, num_classes)).astype(np.float32)
    scores[np.arange(size), target] += 4
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    head = {"sample_id": np.arange(size).astype(str), "repeat": 0, "fold": np.arange(size) % 3}
    table = pd.DataFrame(head | {"part": "oof", "target": names[target]})
    return pd.concat([table, pd.DataFrame(scores, columns="p_" + names)], axis=1)


def test_many_classes_give_short_notes_and_errors_and_few_curves():
    table = many_classes(500, 400)
    evaluation = evaluate(table, None, EvaluateConfig(num_resamples=100))
    (absent,) = (note for note in evaluation.notes if "no sample of" in note)
    assert re.search(r"'class_\d+' and \d+ more; not in the averages", absent)
    assert len(absent) < 400
    assert curves_table(evaluation)["class"].nunique() == 100
    assert len(evaluation.per_class) == 500
    with pytest.raises(PredictionsError, match="and 480 more") as caught:
        check_predictions(changed(table, 0, "target", "odd"))
    assert len(str(caught.value)) < 600


@pytest.mark.slow
def test_ten_thousand_classes_take_no_matrix_of_all_pairs():
    table = many_classes(10_000, 2000)
    tracemalloc.start()
    start = time.process_time()
    evaluation = evaluate(table, None, EvaluateConfig())
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    scores = evaluation.metrics["oof"]
    for name in ("accuracy", "macro_f1", "micro_roc_auc", "macro_roc_auc", "log_loss"):
        assert scores[name]["low"] < scores[name]["value"] < scores[name]["high"], name
    assert seconds < 120
    assert peak < 1.2 * 2**30  # the matrix of 10,000 x 10,000 counts alone has 0.75 GiB


# -- output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_cells_that_look_like_formulas_are_quoted(start):
    name = f"{start}1+cmd"
    table = pd.DataFrame({"class": [name, "fine"], "value": [-1.0, 1.0]})
    safe = csv_safe(table)
    assert safe["class"].tolist() == [f"'{name}", "fine"]
    assert safe["value"].tolist() == [-1.0, 1.0]
    assert table["class"].tolist() == [name, "fine"]


def test_summary_says_scores_and_notes(binary):
    from rich.console import Console

    table = binary.rename(columns={"p_ill": "p_[red]ill"})
    table["target"] = table["target"].replace("ill", "[red]ill")
    evaluation = evaluate(table, None, CONFIG)
    lines = summary_lines(evaluation)
    entry = evaluation.metrics["oof"]["macro_f1"]
    assert f"out of fold macro F1: {entry['value']:.4f}" in "\n".join(lines)
    console = Console(width=80, record=True, force_terminal=False)
    console.print(summary_table(evaluation))
    text = console.export_text()
    assert f"{entry['value']:.4f} ({entry['low']:.4f}-{entry['high']:.4f})" in text
    assert "'[red]ill'" in text  # no markup


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confidence", 1.0),
        ("num_resamples", 10),
        ("seed", -1),
        ("resamples", 5),
        ("beta", 0.0),
        ("proportion_interval", "wald"),
    ],
)
def test_bad_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        EvaluateConfig.of(**{name: value})


@pytest.mark.slow
def test_many_predictions_take_seconds():
    table = predictions_of(
        classes=tuple("abcdefghij"), size=50_000, num_test=10_000, num_folds=5, strength=4
    )
    start = time.process_time()
    evaluate(table, None, EvaluateConfig())
    assert time.process_time() - start < 40  # 20 s on two cores
