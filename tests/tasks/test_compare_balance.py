import json

import numpy as np
import pandas as pd
import pytest
from project_copy import tree
from pydantic import ValidationError
from sklearn.metrics import f1_score
from test_evaluate import predictions_of
from test_report import HOSTILE, Page

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import plan_balance
from foldwise.data.training_sizes import training_sizes
from foldwise.errors import UserError
from foldwise.metrics.paired_tests import corrected_resampled_t, holm
from foldwise.modules.config import FitConfig
from foldwise.parameter_errors import explain
from foldwise.tasks.compare_balance import fits_of, predict_remedies, train_remedies
from foldwise.tasks.compare_config import CompareBalanceConfig
from foldwise.tasks.compare_figure import comparison_figure
from foldwise.tasks.compare_report import render_comparison
from foldwise.tasks.compare_scores import (
    class_scores,
    compare,
    comparison_metrics,
    method_scores,
)
from foldwise.tasks.compare_summary import comparison_lines, comparison_table
from foldwise.tasks.evaluate import EvaluateConfig, evaluate
from foldwise.tasks.events import ComparisonFinished, FoldFinished, FoldStarted, MethodStarted
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.predictions_table import PredictionsError
from foldwise.tasks.remedy_models import RemedyModels
from foldwise.tasks.train_config import TrainCnnConfig

EVALUATION = EvaluateConfig(num_resamples=200)
CONFIG = CompareBalanceConfig.of(methods="class_weights;weighted_sampler")
STRENGTHS = {"none": 1.0, "class_weights": 2.5, "weighted_sampler": 1.1}


def predictions(seeds=(0,), names=tuple(STRENGTHS), **changes):
    """Predictions of methods of different strength for the same samples and folds."""
    tables = []
    for position, method in enumerate(names):
        for seed in seeds:
            table = predictions_of(strength=list(STRENGTHS.values())[position], **changes)
            # The same targets and folds for all, but a noise of its own for each.
            columns = [name for name in table if name.startswith("p_")]
            noise = np.random.default_rng([seed, position]).gumbel(size=(len(table), len(columns)))
            odds = table[columns].to_numpy() * np.exp(0.5 * noise)
            table[columns] = odds / odds.sum(axis=1, keepdims=True)
            tables.append(table.assign(method=method, seed=seed))
    return pd.concat(tables, ignore_index=True)


def compared(table, config=CONFIG, ratio=0.5, units=None):
    return compare(table, units, ratio, EVALUATION, config)


@pytest.fixture(scope="module")
def comparison():
    return compared(predictions())


def fold_f1(table):
    """Macro F1 of each fold by scikit-learn, of out-of-fold rows."""
    oof = table[table["part"] == "oof"]
    probabilities = oof.filter(like="p_")
    predicted = probabilities.columns.str.removeprefix("p_")[probabilities.to_numpy().argmax(1)]
    keys = [oof[name].to_numpy() for name in ("method", "seed", "repeat", "fold")]
    found = pd.DataFrame({"target": oof["target"].to_numpy(), "predicted": predicted})
    return found.groupby(keys).apply(
        lambda rows: f1_score(rows["target"], rows["predicted"], average="macro")
    )


# -- parameters -----------------------------------------------------------------------------------


def told(**given):
    with pytest.raises(ValidationError) as refused:
        CompareBalanceConfig.of(**given)
    return " ".join(explain(refused.value, "compare_balance", given))


def test_methods_are_a_list_or_one_text_and_none_comes_first():
    expected = ("none", "weighted_sampler+threshold", "focal")
    for given in (
        "weighted_sampler+threshold; focal",
        "weighted_sampler+threshold;none;focal;focal",
        ["weighted_sampler+threshold", "focal"],
        ["weighted_sampler+threshold", {"method": "focal", "gamma": 2.0}],
    ):
        assert CompareBalanceConfig.of(methods=given).names == expected


def test_a_method_may_be_compared_with_itself_under_other_parameters():
    config = CompareBalanceConfig.of(methods=["focal", {"method": "focal", "gamma": 1}])
    assert config.names == ("none", "focal", "focal(gamma=1.0)")


@pytest.mark.parametrize("methods", ["class_wieghts", "none;class_wieghts", ["class_wieghts"]])
def test_a_wrong_method_is_told_with_those_that_are_allowed(methods):
    message = told(methods=methods)
    assert message.startswith("compare_balance.methods")
    assert "'class_wieghts'" in message
    assert "class_weights" in message
    assert "weighted_sampler" in message


@pytest.mark.parametrize("methods", ["none", "", ["none"]])
def test_nothing_to_compare_is_refused(methods):
    assert "only 'none' is named" in told(methods=methods)


@pytest.mark.parametrize(("given", "seeds"), [("0;1;2", (0, 1, 2)), (7, (7,)), ([3], (3,))])
def test_seeds_are_a_list_a_number_or_one_text(given, seeds):
    assert CompareBalanceConfig.of(seeds=given).seeds == seeds


def test_wrong_seeds_and_metrics_are_refused():
    assert "each of them once" in told(seeds="1;1")
    assert "compare_balance.seeds" in told(seeds="one")
    assert "macro_f1, balanced_accuracy" in told(metric="f1")


# -- differences ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [(0,), (5, 9)])
def test_the_test_is_the_corrected_one_of_the_differences_of_each_fold(seeds):
    table = predictions(seeds)
    found = compared(table, ratio=0.4).differences.set_index("method")
    scores = fold_f1(table).groupby(level=[0, 2, 3]).mean()  # over the seeds
    p_values = []
    for method in ("class_weights", "weighted_sampler"):
        expected = corrected_resampled_t((scores[method] - scores["none"]).to_numpy(), 0.4, 0.95)
        row = found.loc[method]
        assert tuple(row[list(expected._fields)]) == pytest.approx(tuple(expected))
        assert row["num_pairs"] == 3
        p_values.append(expected.p_value)
    assert found["p_holm"].to_numpy() == pytest.approx(holm(np.array(p_values)))
    assert (found["is_significant"] == (found["p_holm"] <= 0.05)).all()


def test_repeats_are_pairs_of_their_own():
    found = compared(predictions(repeats=2))
    assert (found.differences["num_pairs"] == 6).all()
    assert found.basis == "folds"


def test_scores_are_those_of_each_method_evaluated_alone(comparison):
    table = predictions()
    for method in CONFIG.names:
        alone = table[table["method"] == method].drop(columns=["method", "seed"])
        expected = evaluate(alone, None, EVALUATION).metrics
        for part in ("oof", "test"):
            assert comparison.evaluations[method].metrics[part] == expected[part]
    assert comparison.best == "class_weights"


def test_the_pooled_difference_is_that_of_the_pooled_scores(comparison):
    rows = comparison.differences.set_index("method")
    for method in ("class_weights", "weighted_sampler"):
        for part, name in (("oof", "pooled"), ("test", "test")):
            difference = comparison.value(method, part) - comparison.value("none", part)
            assert rows.loc[method, f"{name}_difference"] == pytest.approx(difference)
            low, high = rows.loc[method, [f"{name}_low", f"{name}_high"]]
            assert low < difference < high


def test_with_one_fold_seeds_and_samples_have_to_agree():
    seeds = (0, 1, 2, 3)
    table = predictions(seeds, num_folds=1)
    found = compared(table)
    assert found.basis == "seeds and samples"
    scores = fold_f1(table)
    for row in found.differences.to_dict("records"):
        pairs = [scores[row["method"], s, 0, 0] - scores["none", s, 0, 0] for s in seeds]
        of_seeds = corrected_resampled_t(np.array(pairs), 0.0, 0.95)
        assert row["difference"] == pytest.approx(np.mean(pairs))
        assert row["p_value"] == pytest.approx(max(of_seeds.p_value, row["pooled_p_value"]))
        assert row["low"] == pytest.approx(min(of_seeds.low, row["pooled_low"]))
        assert row["high"] == pytest.approx(max(of_seeds.high, row["pooled_high"]))


def test_one_fold_and_one_seed_are_judged_by_the_samples_and_it_says_so():
    found = compared(predictions(num_folds=1))
    assert found.basis == "samples"
    rows = found.differences
    assert (rows["p_value"] == rows["pooled_p_value"]).all()
    assert "compare_balance.seeds=0;1;2" in found.notes[0]


def test_a_method_that_is_none_in_disguise_makes_no_difference():
    table = predictions()
    twin = table[table["method"] == "none"].assign(method="class_weights")
    found = compared(pd.concat([table[table["method"] != "class_weights"], twin]))
    row = found.differences.set_index("method").loc["class_weights"]
    assert (row["difference"], row["p_value"], row["pooled_p_value"]) == (0, 1, 1)
    assert not row["is_significant"]


def test_groups_are_what_the_bootstrap_draws():
    table = predictions(num_test=0)
    ids = table["sample_id"].unique()
    units = pd.Series([f"group {i // 3}" for i in range(len(ids))], index=ids)
    alone, grouped = (compared(table, units=given).differences for given in (None, units))
    for column in ("difference", "low", "high", "p_value", "pooled_difference"):
        assert alone[column].tolist() == grouped[column].tolist()
    assert alone["pooled_low"].tolist() != grouped["pooled_low"].tolist()


def test_the_order_of_the_rows_does_not_matter(comparison):
    shuffled = predictions().sample(frac=1, random_state=0, ignore_index=True)
    again = compared(shuffled)
    assert json.dumps(comparison_metrics(again)) == json.dumps(comparison_metrics(comparison))


def test_a_method_without_predictions_is_named():
    with pytest.raises(PredictionsError, match="no rows of weighted_sampler"):
        compared(predictions().query("method != 'weighted_sampler'"))


def test_methods_of_other_samples_are_not_compared():
    table = predictions()
    lost = (table["method"] == "class_weights") & (table["sample_id"] == "sample_00003")
    with pytest.raises(PredictionsError, match="'class_weights' predicts other samples"):
        compared(table[~lost])


def test_the_ratio_of_k_folds(samples, folds):
    held_out = folds.table[folds.table["fold"] >= 0].assign(part="oof")
    ratio = held_out_ratio(held_out, training_sizes(folds, samples.table))
    assert ratio == pytest.approx(1.0, abs=0.05)  # 2 folds


# -- what is shown --------------------------------------------------------------------------------


def test_the_tables_hold_each_method_and_class(comparison):
    scores = method_scores(comparison)
    assert scores[["part", "method"]].apply(tuple, axis=1).tolist() == [
        (part, method) for part in ("oof", "test") for method in CONFIG.names
    ]
    classes = class_scores(comparison)
    assert len(classes) == 2 * 3 * 3
    assert classes["method"].tolist() == list(CONFIG.names) * 6
    row = classes.query("part == 'oof' and `class` == 'rare' and method == 'class_weights'")
    expected = comparison.evaluations["class_weights"].per_class.set_index(["part", "class"])
    for name in ("recall", "precision", "specificity"):
        assert row[name].item() == expected.loc[("oof", "rare"), name]


def test_the_metrics_are_json_without_nan(comparison):
    metrics = json.loads(json.dumps(comparison_metrics(comparison), allow_nan=False))
    assert set(metrics) == {"info", *CONFIG.names}
    assert "difference" not in metrics["none"]
    assert metrics["class_weights"]["difference"]["is_significant"] in (True, False)
    difference = comparison.differences.set_index("method").loc["class_weights", "difference"]
    assert metrics["class_weights"]["difference"]["value"] == difference
    assert metrics["info"]["best"] == "class_weights"


def test_terminal_and_run_show_every_method(comparison):
    lines = comparison_lines(comparison)
    assert [line.split(":")[0] for line in lines[:3]] == list(CONFIG.names)
    assert " to none, p " in lines[1]
    assert comparison_table(comparison).row_count == 3


@pytest.mark.parametrize("changes", [{}, {"num_folds": 1}, {"num_test": 0}])
def test_the_page_nests_and_escapes(changes):
    config = CompareBalanceConfig.of(methods="class_weights;weighted_sampler")
    found = compared(predictions(classes=HOSTILE, **changes), config)
    page = Page(render_comparison(found, provenance={"Data": {"a": HOSTILE[0]}}))
    assert not [tag for tag, _ in page.elements if tag in ("script", "img", "b")]
    assert HOSTILE[0] in page.text
    assert "weighted_sampler" in page.text
    assert ("Held-out test" in page.text) == (changes.get("num_test") != 0)


def test_the_figure_is_the_same_each_time(comparison, tmp_path):
    for name in ("a.png", "b.png"):
        comparison_figure(comparison).savefig(tmp_path / name, format="png")
    assert tmp_path.joinpath("a.png").read_bytes() == tmp_path.joinpath("b.png").read_bytes()


# -- training -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def training(recipe):
    fit = FitConfig(max_epochs=2, batch_size=16, accelerator="cpu")
    return TrainCnnConfig(model=recipe.model, fit=fit, seed=3)


def trained(root, samples, folds, training, methods, observer=None, **more):
    config = CompareBalanceConfig.of(methods=methods, **more)
    events = []
    models = train_remedies(
        samples, folds, config, training, AugmentConfig(), RemedyModels(root),
        observer or events.append,
    )  # fmt: skip
    return models, config, events


@pytest.fixture(scope="module")
def two_methods(tmp_path_factory, samples, folds, training):
    root = tmp_path_factory.mktemp("compared")
    return trained(root, samples, folds, training, "class_weights")


def test_each_method_is_trained_as_a_training_without_a_comparison_would(
    two_methods, tmp_path, samples, folds, training, recipe
):
    from foldwise.tasks.fold_models import FoldModels
    from foldwise.tasks.train import cross_validate

    models, config, _ = two_methods
    for remedy in config.methods:
        alone = training.recipe(AugmentConfig(), remedy)
        plan = plan_balance(samples.table, folds, remedy)
        expected = cross_validate(samples, folds, plan, alone, FoldModels(tmp_path / remedy.name))
        assert tree(models.of(remedy.name, 3).root) == tree(expected.root)


@pytest.mark.parametrize("batch_size", [2, "auto"])
@pytest.mark.parametrize(("budget", "more", "fewer"), [("steps", 8, 18), ("epochs", 12, 12)])
def test_a_method_with_more_rows_gets_as_many_steps_and_not_as_many_epochs(
    budget, more, fewer, batch_size, samples, folds
):
    fit = FitConfig(max_epochs=12, batch_size=batch_size)  # 60 bright and 30 dark
    config = CompareBalanceConfig.of(methods="class_weights;oversample;undersample", budget=budget)
    plans = {r.name: plan_balance(samples.table, folds, r) for r in config.methods}
    found = fits_of(plans, fit, config)
    assert found["none"] == found["class_weights"] == fit
    epochs = {name: kept.max_epochs for name, kept in found.items()}
    assert epochs["oversample"] == pytest.approx(more, abs=1)
    assert epochs["undersample"] == pytest.approx(fewer, abs=1)
    if budget == "steps":
        rows = {name: len(plan) for name, plan in plans.items()}
        for name in ("oversample", "undersample"):
            seen = epochs[name] * rows[name]
            assert seen == pytest.approx(12 * rows["none"], rel=0.1)


def test_steps_are_those_of_the_optimiser_where_batches_are_accumulated(samples, folds):
    fit = FitConfig(max_epochs=12, batch_size=16, accumulate=2)
    config = CompareBalanceConfig.of(methods="oversample")
    plans = {r.name: plan_balance(samples.table, folds, r) for r in config.methods}
    # Of each fold: 29 rows are 2 batches and 1 step, 38 are 3 batches and 2 steps.
    assert fits_of(plans, fit, config)["oversample"].max_epochs == 6


def test_a_remedy_that_does_not_go_with_the_rest_is_told_before_any_is_trained(
    tmp_path, samples, folds, training
):
    fit = training.fit.model_copy(update={"max_epochs": 10, "patience": 3})
    events = []
    with pytest.raises(UserError, match="'ldam_drw'"):
        trained(
            tmp_path, samples, folds, training.model_copy(update={"fit": fit}), "ldam_drw",
            events.append,
        )  # fmt: skip
    assert events == []
    assert list(tmp_path.iterdir()) == []


def test_it_tells_which_method_is_trained(two_methods):
    _, _, events = two_methods
    kept = [e for e in events if isinstance(e, MethodStarted | FoldFinished | ComparisonFinished)]
    assert [type(event).__name__ for event in kept] == [
        *["MethodStarted", "FoldFinished", "FoldFinished"] * 2,
        "ComparisonFinished",
    ]
    assert kept[3] == MethodStarted("class_weights", None, 2, 2)
    assert kept[-1] == ComparisonFinished(is_complete=True)


def test_one_method_more_trains_only_that_one(two_methods, samples, folds, training):
    models, _, _ = two_methods
    before = tree(models.root)
    methods = "weighted_sampler;class_weights"
    _, config, events = trained(models.root, samples, folds, training, methods)
    assert config.names == ("none", "weighted_sampler", "class_weights")
    skipped = [event.was_skipped for event in events if isinstance(event, FoldFinished)]
    assert skipped == [True, True, False, False, True, True]
    assert before.items() <= tree(models.root).items()


def test_the_predictions_of_all_methods_are_one_table(two_methods, samples, folds, training):
    models, config, _ = two_methods
    table = predict_remedies(models, samples, folds, config, training)
    assert list(table)[:7] == ["method", "seed", "sample_id", "repeat", "fold", "part", "target"]
    assert (table["seed"] == 3).all()
    found = compared(table, config, held_out_ratio(table, training_sizes(folds, samples.table)))
    assert found.methods == ("none", "class_weights")
    assert (found.differences["num_pairs"] == 2).all()


def test_each_seed_is_trained(tmp_path, samples, folds, training):
    models, config, events = trained(
        tmp_path, samples, folds, training, "class_weights", seeds="3;4"
    )
    started = [(e.name, e.seed) for e in events if isinstance(e, MethodStarted)]
    assert started == [(name, seed) for name in config.names for seed in (3, 4)]
    table = predict_remedies(models, samples, folds, config, training)
    assert set(table["seed"]) == {3, 4}
    found = compared(table, config)
    assert (found.num_seeds, found.basis) == (2, "folds")
    assert (found.differences["num_pairs"] == 2).all()
    assert len(found.pairs()) == 4


def test_a_stopped_comparison_goes_on_and_ends_in_the_same_bytes(
    two_methods, tmp_path, samples, folds, training
):
    told = []

    def stop(event):
        told.append(event)
        if isinstance(event, FoldStarted) and event.fold == 1 and len(told) > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, samples, folds, training, "class_weights", stop)
    assert told[-1] == ComparisonFinished(is_complete=False)
    models, _, events = trained(tmp_path, samples, folds, training, "class_weights")
    skipped = [event.was_skipped for event in events if isinstance(event, FoldFinished)]
    assert skipped == [True, True, True, False]
    expected = tree(two_methods[0].root)
    for name, content in tree(models.root).items():
        if not name.endswith("_seconds.json"):  # times are no results
            assert expected[name] == content
