"""Comparisons of models, from predictions tables on the disk."""

import json

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from pydantic import ValidationError
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error
from statsmodels.stats.contingency_tables import mcnemar
from test_evaluate import predictions_of
from test_report import HOSTILE, Page

from foldwise.data.folds import Folds, assignment_hash, write_folds
from foldwise.metrics.paired_tests import corrected_resampled_t, holm
from foldwise.parameter_errors import explain
from foldwise.pipelines.compare import create_pipeline
from foldwise.tasks.compare_models import CompareError, compare_models
from foldwise.tasks.compare_models_config import CompareConfig
from foldwise.tasks.compare_models_figure import comparison_figure
from foldwise.tasks.compare_models_page import render_models_comparison
from foldwise.tasks.compare_models_summary import comparison_json, pair_sentence, summary
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.metric_choice import MetricError
from foldwise.tasks.named_predictions import (
    FoundRun,
    ModelNameError,
    NamedPredictions,
    PredictionsFinder,
    find_all,
)
from foldwise.tasks.predictions_table import PredictionsError
from foldwise.tasks.same_folds import FoldsDifferError

EVALUATION = EvaluateConfig(num_resamples=200)
STRENGTHS = {"cnn": 3.0, "mlp": 1.5, "rnn": 1.4}


def classes_of(strength, noise=0, **changes):
    """Predictions of a strength, with a noise of its own and the targets and folds of all."""
    table = predictions_of(strength=strength, size=300, **changes)
    columns = [name for name in table if name.startswith("p_")]
    drawn = np.random.default_rng(noise).gumbel(size=(len(table), len(columns)))
    odds = table[columns].to_numpy() * np.exp(0.3 * drawn)
    table[columns] = odds / odds.sum(axis=1, keepdims=True)
    return table


def numbers_of(error, noise=0, num_folds=3):
    rng = np.random.default_rng(5)
    target = rng.normal(size=150)
    predicted = target + error * np.random.default_rng(noise).normal(size=150)
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(150)],
            "repeat": 0,
            "fold": np.arange(150) % num_folds,
            "part": "oof",
            "step": 1,
            "target": target,
            "prediction": predicted,
        }
    )


def folds_of(table, units=None, training=None):
    """The folds that a predictions table was made on."""
    oof = table[table["part"] == "oof"].drop_duplicates(["sample_id", "repeat", "fold"])
    test = table[table["part"] == "test"].drop_duplicates("sample_id")
    of_repeats = [test.assign(fold=-1, repeat=r) for r in sorted(set(oof["repeat"]))]
    rows = pd.concat([oof, *of_repeats])[["sample_id", "fold", "repeat"]]
    rows = rows.sort_values(["repeat", "sample_id"], ignore_index=True)
    ids = np.unique(rows["sample_id"])
    unit = dict(zip(ids, range(len(ids)), strict=True)) if units is None else units
    rows["unit"] = [unit[name] for name in rows["sample_id"]]
    info = {
        "content_hash": assignment_hash(rows),
        "columns": {"sample_id": str(hash(tuple(ids))), "sha256": "of the pictures"},
    }
    if training is not None:
        info["training"] = {str(k): {"size": size} for k, size in enumerate(training)}
    return Folds(rows, info)


def named(tables, folds=None, experiment="made"):
    return [
        NamedPredictions(name, name, table, f"{name}.parquet", experiment, folds)
        for name, table in tables.items()
    ]


def classes(strengths=None, **changes):
    strengths = strengths or STRENGTHS
    return {
        name: classes_of(strength, noise, **changes)
        for noise, (name, strength) in enumerate(strengths.items())
    }


def compared(tables, folds=None, **config):
    models = named(tables, folds)
    config.setdefault("models", tuple(tables))
    return compare_models(models, CompareConfig.of(**config), EVALUATION)


def predicted_of(rows):
    columns = rows.filter(like="p_").columns
    return columns.str.removeprefix("p_")[rows[columns].to_numpy().argmax(1)].to_numpy()


@pytest.fixture(scope="module")
def tables():
    return classes(num_test=40)


@pytest.fixture(scope="module")
def comparison(tables):
    return compared(tables, folds_of(tables["cnn"], training=[200, 200, 200]))


# -- parameters -----------------------------------------------------------------------------------


def test_models_are_a_list_or_one_text():
    for given in ("cnn; mlp;baseline:knn", ["cnn", "mlp", "baseline:knn"]):
        assert CompareConfig.of(models=given).models == ("cnn", "mlp", "baseline:knn")
    assert CompareConfig().models == "auto"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": "cnn"}, "at least two models"),
        ({"models": "cnn;mlp;cnn"}, "'cnn' is named twice"),
        ({"metric": "f1"}, "macro_f1"),
    ],
)
def test_wrong_parameters_are_told_with_what_is_allowed(given, message):
    with pytest.raises(ValidationError) as refused:
        CompareConfig.of(**given)
    told = " ".join(explain(refused.value, "compare", given))
    assert told.startswith("compare.")
    assert message in told


# -- scores and pairs -----------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn(tables, comparison):
    (of,) = comparison.data_sets
    scores = of.scores.set_index("model")
    for name, table in tables.items():
        oof = table[table["part"] == "oof"]
        expected = f1_score(oof["target"], predicted_of(oof), average="macro")
        assert scores.loc[name, "value"] == pytest.approx(expected)
        assert scores.loc[name, "low"] < expected < scores.loc[name, "high"]
        assert scores.loc[name, "accuracy"] == pytest.approx(
            accuracy_score(oof["target"], predicted_of(oof))
        )
        assert np.isfinite(scores.loc[name, "test_value"])
        folds = [
            f1_score(fold["target"], predicted_of(fold), average="macro")
            for _, fold in oof.groupby("fold")
        ]
        found = of.folds.loc[of.folds["model"] == name, "value"]
        assert found.to_numpy() == pytest.approx(folds)
        assert scores.loc[name, "fold_mean"] == pytest.approx(np.mean(folds))


def test_each_pair_is_tested_by_the_corrected_t_test_and_all_are_adjusted(comparison):
    (of,) = comparison.data_sets
    assert of.basis == "folds"
    assert list(zip(of.pairs["model"], of.pairs["against"], strict=True)) == [
        ("mlp", "cnn"),
        ("rnn", "cnn"),
        ("rnn", "mlp"),
    ]
    by_model = of.folds.pivot(index="fold", columns="model", values="value")
    p_values = []
    for row in of.pairs.to_dict("records"):
        differences = (by_model[row["model"]] - by_model[row["against"]]).to_numpy()
        # 100 held out of each fold, 200 trained on.
        expected = corrected_resampled_t(differences, 0.5, 0.95)
        assert {name: row[name] for name in expected._fields} == pytest.approx(expected._asdict())
        p_values.append(expected.p_value)
    assert of.pairs["p_holm"].to_numpy() == pytest.approx(holm(np.array(p_values)))
    assert (of.pairs["is_significant"] == (of.pairs["p_holm"] <= 0.05)).all()


def test_the_sizes_of_training_parts_are_taken_from_the_folds(tables):
    table = tables["cnn"]
    few = compared(tables, folds_of(table, training=[100, 50, 100])).data_sets[0]
    assert few.test_to_train == pytest.approx((1 + 2 + 1) / 3)
    # Without them: all that the repeat holds out elsewhere.
    assert compared(tables).data_sets[0].test_to_train == pytest.approx(0.5)


def test_decisions_are_tested_as_statsmodels_does(tables, comparison):
    pairs = comparison.data_sets[0].pairs.set_index(["model", "against"])
    right = {}
    for name, table in tables.items():
        oof = table[table["part"] == "oof"].sort_values("sample_id")
        right[name] = predicted_of(oof) == oof["target"].to_numpy()
    for (model, against), row in pairs.iterrows():
        one, other = right[model], right[against]
        counts = [[(one & other).sum(), (one & ~other).sum()]]
        counts += [[(other & ~one).sum(), (~one & ~other).sum()]]
        assert row["only_model_right"] == counts[0][1]
        is_few = counts[0][1] + counts[1][0] < 25
        assert row["mcnemar_p"] == pytest.approx(mcnemar(counts, exact=is_few).pvalue)
    assert pairs["mcnemar_p_holm"].to_numpy() == pytest.approx(holm(pairs["mcnemar_p"].to_numpy()))


def test_repeats_are_pairs_of_their_own_and_one_decision(tables):
    of = compared(classes(repeats=2, num_test=0)).data_sets[0]
    assert (of.pairs["num_pairs"] == 6).all()
    assert of.num_samples == 300
    discordant = of.pairs["only_model_right"] + of.pairs["only_against_right"]
    assert (discordant <= 300).all()


def test_samples_in_units_are_not_independent(tables):
    table = tables["cnn"]
    units = {name: i // 10 for i, name in enumerate(np.unique(table["sample_id"]))}
    found = compared(tables, folds_of(table, units))
    (of,) = found.data_sets
    assert of.num_units == 30
    assert of.pairs["mcnemar_method"].str.startswith("sign flips").all()
    assert any("independent units" in note for note in found.notes)
    single = compared(tables, folds_of(table)).data_sets[0].pairs
    assert not np.allclose(of.pairs["mcnemar_p"], single["mcnemar_p"])


def test_one_fold_is_tested_by_its_samples_and_says_so():
    found = compared(classes(num_folds=1, num_test=0))
    (of,) = found.data_sets
    assert of.basis == "samples"
    columns = ["difference", "low", "high", "p_value"]
    pooled = of.pairs[[f"pooled_{name}" for name in columns]].to_numpy()
    assert of.pairs[columns].to_numpy() == pytest.approx(pooled)
    assert any("blind to the randomness of training" in note for note in found.notes)


def test_numbers_are_compared_by_their_errors_and_have_no_decisions():
    tables = {name: numbers_of(e, i) for i, (name, e) in enumerate({"rnn": 0.1, "mlp": 1}.items())}
    found = compared(tables)
    (of,) = found.data_sets
    assert (found.metric, of.best) == ("mae", "rnn")
    for name, table in tables.items():
        expected = mean_absolute_error(table["target"], table["prediction"])
        value = of.scores.set_index("model").loc[name, "value"]
        assert value == pytest.approx(expected)
    assert "mcnemar_p" not in of.pairs
    assert summary(found)[1].startswith("rnn beats mlp by 0.")
    page = render_models_comparison(found, provenance={})
    assert "of classes alone" in page


def test_the_reference_comes_first(tables):
    found = compared(tables, reference="rnn").data_sets[0]
    assert found.models == ("rnn", "cnn", "mlp")
    assert found.pairs["against"].tolist() == ["rnn", "rnn", "cnn"]
    with pytest.raises(CompareError, match=r"compare\.reference is 'gnn'.*'cnn', 'mlp', 'rnn'"):
        compared(tables, reference="gnn")


# -- what cannot be compared ----------------------------------------------------------------------


def test_other_folds_are_refused_with_what_differs_and_what_to_do(tables):
    other = classes_of(2.0, num_test=40)
    first = [other.index[(other["fold"] == k) & (other["part"] == "oof")][0] for k in (1, 2)]
    other.loc[first, "fold"] = [2, 1]
    with pytest.raises(FoldsDifferError) as refused:
        compared({"cnn": tables["cnn"], "lone": other})
    told = str(refused.value)
    assert "'cnn' and 'lone' cannot be compared: their folds differ" in told
    assert "2 of 340 samples lie in other folds" in told
    assert any(f"{name!r} in fold " in told for name in other.loc[first, "sample_id"])
    assert "run the stage 'train'" in told


def test_a_table_that_lacks_samples_is_refused(tables):
    other = tables["mlp"]
    few = other[~other["sample_id"].isin(other["sample_id"].unique()[:5])]
    with pytest.raises(FoldsDifferError, match="5 samples are out of fold, or in the test part"):
        compared({"cnn": tables["cnn"], "mlp": few})


def test_predictions_of_folds_that_are_no_more_are_refused_with_both_hashes(tables):
    folds = folds_of(predictions_of(size=300, num_test=40, seed=9))
    with pytest.raises(FoldsDifferError, match="made on other folds than those that the exp"):
        compared(tables, folds)
    now = folds_of(tables["cnn"])
    of_run = NamedPredictions("run:1", "cnn", tables["cnn"], "p", "made", now, "f" * 64)
    with pytest.raises(FoldsDifferError) as refused:
        compare_models([of_run, *named(tables, now)], CompareConfig(), EVALUATION)
    assert "f" * 64 in str(refused.value)
    assert now.content_hash in str(refused.value)


def test_models_of_different_data_alone_are_refused(tables):
    other = classes_of(2.0, classes=("x", "y"))
    other["sample_id"] = "other_" + other["sample_id"].astype(str)
    with pytest.raises(CompareError, match=r"No two of compare\.models predict the same samples"):
        compared({"cnn": tables["cnn"], "rnn": other})


def test_classes_beside_numbers_and_wrong_metrics_are_refused(tables):
    with pytest.raises(CompareError, match=r"predict numbers \('n'\)"):
        compared({"cnn": tables["cnn"], "n": numbers_of(1)})
    with pytest.raises(MetricError, match=r"compare\.metric is 'mae'.*macro_f1"):
        compared(tables, metric="mae")


def test_a_wrong_table_is_told_by_the_models_name(tables):
    wrong = tables["mlp"].assign(p_rare=2.0)
    with pytest.raises(PredictionsError, match=r"'mlp' \(mlp.parquet\).*p_rare"):
        compared({"cnn": tables["cnn"], "mlp": wrong})


def test_changed_labels_are_refused(tables):
    other = tables["mlp"].copy()
    other["target"] = other["target"].replace({"rare": "some", "some": "rare"})
    folds = folds_of(tables["cnn"])
    with pytest.raises(PredictionsError, match="other targets than 'cnn'"):
        compared({"cnn": tables["cnn"], "mlp": other}, folds)


# -- several data sets ----------------------------------------------------------------------------


def several(num_sets, methods=("cnn", "mlp")):
    models = []
    for number in range(num_sets):
        for noise, method in enumerate(methods):
            table = classes_of((2.5, 1.0, 1.2)[noise], noise=noise + 10 * number, seed=number)
            table["sample_id"] = f"of_{number}_" + table["sample_id"].astype(str)
            name = f"data{number}"
            models.append(
                NamedPredictions(f"{name}/{method}", method, table, "p", name, folds_of(table))
            )
    return models


def test_the_same_models_on_several_data_sets_are_ranked_and_tested_over_them():
    models = several(6)
    config = CompareConfig.of(models=[model.name for model in models])
    found = compare_models(models, config, EVALUATION)
    assert [of.name for of in found.data_sets] == [f"data{i}" for i in range(6)]
    over = found.over
    assert over.ranks.to_dict() == {"cnn": 1.0, "mlp": 2.0}
    (pair,) = over.pairs.to_dict("records")
    differences = over.scores["mlp"] - over.scores["cnn"]
    assert pair["p_value"] == pytest.approx(stats.wilcoxon(differences).pvalue)
    assert pair["mean_difference"] == pytest.approx(differences.mean())
    means = found.data_sets[2].scores["fold_mean"]
    assert over.scores.loc["data2"].tolist() == means.tolist()
    # All pairs of all data sets are one family.
    p_values = np.concatenate([of.pairs["p_value"] for of in found.data_sets])
    adjusted = np.concatenate([of.pairs["p_holm"] for of in found.data_sets])
    assert adjusted == pytest.approx(holm(p_values))
    assert "cnn beats mlp" in " ".join(summary(found))
    axes = comparison_figure(found).axes[0]
    assert len(axes.lines) == 2
    assert "Over data sets" in render_models_comparison(found, provenance={})


def test_few_data_sets_can_show_nothing_and_methods_that_lack_one_are_left_out():
    models = several(3, ("cnn", "mlp", "rnn"))[:-1]
    found = compare_models(models, CompareConfig(), EVALUATION)
    notes = " ".join(found.notes)
    assert "smallest p-value of a signed-rank test is 0.25" in notes
    assert "for want of one or more of them: rnn" in notes
    assert not found.over.pairs["is_significant"].any()


def test_one_model_on_each_of_two_data_sets_has_no_pairs():
    models = several(2, ("cnn",))
    with pytest.raises(CompareError, match="No two"):
        compare_models(models, CompareConfig(), EVALUATION)


# -- words ----------------------------------------------------------------------------------------


def row(difference, p_holm=0.5, low=None, high=None):
    low = difference - 0.01 if low is None else low
    high = difference + 0.01 if high is None else high
    return {
        "model": "b",
        "against": "a",
        "difference": difference,
        "low": low,
        "high": high,
        "p_holm": p_holm,
        "is_significant": p_holm <= 0.05,
    }


@pytest.mark.parametrize(
    ("given", "metric", "words"),
    [
        (row(0.03, 0.001), "macro_f1", "b beats a by 0.03 macro F1 (0.02 to 0.04), p 0.001"),
        (row(-0.03, 0.001), "macro_f1", "a beats b by 0.03 macro F1 (0.02 to 0.04), p 0.001"),
        (row(-0.03, 0.001), "mae", "b beats a by 0.03 MAE (0.02 to 0.04), p 0.001"),
        (row(0.03, 0.001), "mae", "a beats b by 0.03 MAE (0.02 to 0.04), p 0.001"),
        (
            row(0.003),
            "macro_f1",
            "No difference beyond chance between a and b: b is ahead by 0.003",
        ),
        (row(0.0, 1.0), "macro_f1", "No difference between b and a: equal macro F1"),
        (
            row(0.1, np.nan, np.nan, np.nan),
            "macro_f1",
            "b is ahead of a by 0.1 macro F1; there is",
        ),
        (row(np.nan), "macro_f1", "cannot be compared: undefined"),
    ],
)
def test_each_pair_is_a_sentence(given, metric, words):
    assert words in pair_sentence(given, metric)


def test_the_figure_shows_every_model_and_every_pair(comparison):
    left, right = comparison_figure(comparison).axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["cnn", "mlp", "rnn"]
    assert len(right.get_yticklabels()) == 3
    assert [t.get_text() for t in right.texts if t.get_text().startswith("p ")]


def test_the_page_holds_all_and_escapes_names(tables):
    found = compared(dict(zip(HOSTILE, tables.values(), strict=True)))
    page = render_models_comparison(found, provenance={"Data": dict.fromkeys(HOSTILE, HOSTILE[0])})
    parsed = Page(page)
    assert "<script>" not in page
    assert "<img" not in page
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    assert {"differences", "scores", "reproduce"} <= ids
    assert "Nadeau" in page
    assert "<desc>" in page


# -- names ----------------------------------------------------------------------------------------


@pytest.fixture
def finder(tmp_path, tables):
    """A folder `data` with one experiment: two families, a comparison, two baselines."""
    root = tmp_path / "data"
    for name in ("mlp", "cnn", "mine"):
        folder = root / "07_model_output" / "digits" / name
        folder.mkdir(parents=True)
        tables.get(name, tables["rnn"]).to_parquet(folder / "predictions.parquet")
    folder = root / "07_model_output" / "digits"
    (folder / "cnn_balance").mkdir()
    of_method = tables["rnn"].assign(method="none")
    of_method.to_parquet(folder / "cnn_balance" / "predictions.parquet")
    (folder / "baseline").mkdir()
    baselines = pd.concat([tables["rnn"].assign(model=name) for name in ("prior", "knn")])
    baselines.to_parquet(folder / "baseline" / "predictions.parquet")
    (root / "05_model_input" / "digits").mkdir(parents=True)
    write_folds(root / "05_model_input" / "digits" / "folds.parquet", folds_of(tables["cnn"]))

    def find_run(run_id):
        return FoundRun(root / "06_models" / "digits" / "cnn", "a hash")

    return PredictionsFinder(root, "digits", find_run)


def test_auto_takes_families_and_baselines_but_no_comparisons(finder):
    assert finder.all_names() == ("cnn", "mlp", "mine", "baseline:prior", "baseline:knn")


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("cnn", "cnn"),
        ("digits/mlp", "mlp"),
        ("baseline:knn", "baseline:knn"),
        ("digits/baseline:prior", "baseline:prior"),
        ("run:" + "0" * 32, "cnn"),
    ],
)
def test_names_lead_to_tables_and_the_folds_of_their_experiment(finder, name, method):
    found = finder.find(name)
    assert (found.method, found.experiment) == (method, "digits")
    assert len(found.table) == 300 + 3 * 40
    assert found.folds is not None
    assert found.run_folds_hash == ("a hash" if name.startswith("run:") else None)


def test_a_path_inside_and_outside_of_an_experiment(finder, tables, tmp_path):
    inside = finder.find(str(finder.root / "07_model_output/digits/cnn/predictions.parquet"))
    assert (inside.experiment, inside.method) == ("digits", "cnn")
    tables["mlp"].to_parquet(tmp_path / "theirs.parquet")
    outside = finder.find(str(tmp_path / "theirs.parquet"))
    assert (outside.experiment, outside.folds) == (None, None)
    # By its samples and targets it belongs to the data of the experiment.
    found = compare_models([finder.find("cnn"), outside], CompareConfig(), EVALUATION)
    assert len(found.data_sets) == 1
    assert found.data_sets[0].folds_hash == inside.folds.content_hash


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cnm", r"Did you mean 'cnn'\? The experiment 'digits' has predictions of: cnn"),
        ("baseline:logistic", "has no rows of it.*baseline:prior, baseline:knn"),
        ("other/cnn", "The experiment 'other' has predictions of: nothing yet"),
        ("cnn_balance", "holds several models.*'method'.*'none'"),
        ("nowhere.parquet", "there is no such file"),
        ("run:12", "has 32 digits"),
        ("a/b/c", "Allowed are a family"),
        ("../secrets", "there is no|Allowed"),
    ],
)
def test_wrong_names_are_told_with_those_that_there_are(finder, name, message):
    with pytest.raises(ModelNameError, match=message):
        finder.find(name)


def test_one_model_under_two_names_is_refused(finder):
    with pytest.raises(ModelNameError, match="which are the same predictions"):
        list(find_all(finder, ["cnn", "digits/cnn"]))


# -- the pipeline ---------------------------------------------------------------------------------

OUTPUTS = ("metrics", "scores", "folds", "pairs", "pair_folds", "figure", "report")


def test_the_pipeline_runs_and_its_outputs_belong_to_one_another(finder):
    catalog = DataCatalog(
        {
            "predictions_finder": MemoryDataset(finder),
            "params:compare": MemoryDataset(CompareConfig.of(models="cnn;mlp;baseline:knn")),
            "params:evaluate": MemoryDataset(EVALUATION),
            "models_comparison": MemoryDataset(copy_mode="assign"),
        }
        | {f"models_comparison_{name}": MemoryDataset(copy_mode="assign") for name in OUTPUTS}
    )
    SequentialRunner().run(create_pipeline(), catalog)
    out = {name: catalog.load(f"models_comparison_{name}") for name in OUTPUTS}
    json.dumps(out["metrics"], allow_nan=False)
    scores = out["scores"].set_index("model")
    metrics = out["metrics"]["models"]
    assert metrics["cnn"]["oof"]["macro_f1"]["value"] == scores.loc["cnn", "value"]
    assert set(metrics) == {"cnn", "mlp", "baseline_knn"}
    pairs = out["pairs"]
    assert len(pairs) == 3
    assert out["metrics"]["pairs"]["mlp minus cnn"]["value"] == pairs["difference"][0]
    mean = out["pair_folds"].groupby(["model", "against"])["difference"].mean()
    assert mean["mlp", "cnn"] == pytest.approx(pairs["difference"][0])
    assert (pairs["data_set"] == "digits").all()
    assert "baseline:knn" in out["report"]
    assert finder.find("cnn").folds.content_hash in out["report"]


def test_two_runs_give_the_same_bytes(tables, comparison):
    again = compared(tables, folds_of(tables["cnn"], training=[200, 200, 200]))
    one, other = (json.dumps(comparison_json(found)) for found in (comparison, again))
    assert one == other
    pages = [render_models_comparison(found, provenance={}) for found in (comparison, again)]
    assert pages[0] == pages[1]


def test_nodes_are_tagged_and_named_after_their_functions():
    for node in create_pipeline().nodes:
        assert node.tags == {"compare"}
        assert node.name == node.func.__name__
    inputs = {"predictions_finder", "params:compare", "params:evaluate"}
    assert create_pipeline().inputs() == inputs
