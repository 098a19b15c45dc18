"""Learning curves: cutting, training, scores, words; and the whole pipeline in memory."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from event_recorder import Recorder
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.pandas import ParquetDataset
from project_copy import tree
from pydantic import ValidationError
from sklearn.metrics import f1_score
from test_evaluate import predictions_of

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import Folds, fold_parts
from foldwise.modules.config import FitConfig
from foldwise.parameter_errors import explain
from foldwise.pipelines.learning_curve import create_pipeline
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.events import ComparisonFinished, FoldFinished, MethodStarted, ignore
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.learning_curve import learning_curve
from foldwise.tasks.learning_curve_config import LearningCurveConfig
from foldwise.tasks.learning_curve_figure import learning_curve_figure
from foldwise.tasks.learning_curve_section import learning_curve_section
from foldwise.tasks.learning_curve_training import (
    LearningCurveError,
    fits_of,
    fraction_models,
    plan_fractions,
    train_fractions,
)
from foldwise.tasks.metric_choice import MetricError
from foldwise.tasks.train import cross_validate
from foldwise.tasks.train_config import TrainCnnConfig

EVALUATION = EvaluateConfig(num_resamples=200)
HALF = LearningCurveConfig.of(fractions="0.5")
NONE = BalanceConfig()


@pytest.fixture
def short(recipe):
    fit = FitConfig(max_epochs=2, batch_size=16, accelerator="cpu")
    return replace(recipe, fit=fit, balance=NONE, augment=AugmentConfig())


# -- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["0.5;0.1", [0.1, 0.5], "0.1; 0.5; 1", (0.5, 0.1, 0.1, 1)])
def test_fractions_are_a_list_or_one_text_and_rise_to_the_whole(given):
    assert LearningCurveConfig.of(fractions=given).fractions == (0.1, 0.5, 1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [("1", "at least one fraction below 1"), ("0", "greater than 0"), ("2;0.5", "1"), ("a", "a")],
)
def test_wrong_fractions_are_refused(given, message):
    with pytest.raises(ValidationError) as refused:
        LearningCurveConfig.of(fractions=given)
    told = " ".join(explain(refused.value, "learning_curve", {"fractions": given}))
    assert "learning_curve.fractions" in told
    assert message in told


# -- cutting --------------------------------------------------------------------------------------


def test_plans_are_nested_stratified_and_end_in_that_of_a_training_on_all(samples, folds):
    config = LearningCurveConfig.of(fractions="0.2;0.5")
    plans = plan_fractions(samples, folds, NONE, config)
    label = samples.table.set_index("sample_id")["label"]
    for parts in fold_parts(folds, samples.table):
        ids = [set(plan.loc[plan["fold"] == parts.fold, "sample_id"]) for plan in plans.values()]
        assert ids[0] < ids[1] < ids[2] == set(parts.train)
        for fraction, chosen in zip(plans, ids, strict=True):
            of_class = label[list(parts.train)].value_counts()
            for name, number in label[list(chosen)].value_counts().items():
                assert number == np.ceil(fraction * of_class[name] - 1e-9)
    pd.testing.assert_frame_equal(plans[1.0], plan_balance(samples.table, folds, NONE))


def test_a_remedy_sees_its_fraction_alone(samples, folds):
    plans = plan_fractions(samples, folds, BalanceConfig(method="oversample"), HALF)
    whole = plan_fractions(samples, folds, NONE, HALF)
    for fold in (0, 1):
        repeated, plain = (of[0.5][of[0.5]["fold"] == fold] for of in (plans, whole))
        assert set(repeated["sample_id"]) == set(plain["sample_id"])
        assert len(repeated) > len(plain)


def test_a_training_part_that_is_one_unit_cannot_be_cut(samples, folds):
    tied = Folds(folds.table.assign(unit=0), folds.info)
    with pytest.raises(LearningCurveError, match=r"fractions=0\.5 gives as many"):
        plan_fractions(samples, tied, NONE, HALF)


def test_equal_steps_are_more_epochs_of_fewer_samples():
    plan = pd.DataFrame({"repeat": 0, "fold": 0, "sample_id": range(400)})
    plans = {0.1: plan[:40], 0.5: plan[:200], 1.0: plan}
    fit = FitConfig(max_epochs=10, batch_size=20, patience=3)
    found = fits_of(plans, fit, LearningCurveConfig())
    assert {k: (f.max_epochs, f.patience) for k, f in found.items()} == {
        0.1: (100, 30),
        0.5: (20, 6),
        1.0: (10, 3),
    }
    same = fits_of(plans, fit, LearningCurveConfig(budget="epochs"))
    assert all(own == fit for own in same.values())


# -- training -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory, samples, folds, recipe):
    fit = FitConfig(max_epochs=2, batch_size=16, accelerator="cpu")
    short = replace(recipe, fit=fit, balance=NONE, augment=AugmentConfig())
    observer = Recorder()
    root = tmp_path_factory.mktemp("curve")
    train_fractions(samples, folds, short, HALF, root, observer=observer)
    return root, observer


def test_each_fraction_has_its_networks_and_is_a_method_of_the_run(trained_once):
    root, observer = trained_once
    assert sorted(path.name for path in root.iterdir()) == ["fraction_0.5", "fraction_1"]
    assert [event.name for event in observer.of(MethodStarted)] == ["fraction 0.5", "fraction 1"]
    assert len(observer.of(FoldFinished)) == 4
    assert observer.events[-1] == ComparisonFinished(is_complete=True)
    epochs = [len(card.history) for card in fraction_models(root, 0.5).cards()]
    assert epochs == [4, 4]


def test_what_is_done_is_skipped_and_a_new_fraction_is_added(
    trained_once, tmp_path, samples, folds, short
):
    root, _ = trained_once
    before, again = tree(root), Recorder()
    config = LearningCurveConfig.of(fractions="0.25;0.5")
    train_fractions(samples, folds, short, config, root, observer=again)
    skipped = [event.was_skipped for event in again.of(FoldFinished)]
    assert skipped == [False, False, True, True, True, True]
    assert before.items() <= tree(root).items()


def test_an_interrupted_curve_ends_in_the_same_bytes(
    trained_once, tmp_path, samples, folds, short
):
    with pytest.raises(RuntimeError, match="killed here"):
        train_fractions(samples, folds, short, HALF, tmp_path, observer=Recorder((1, 1)))
    train_fractions(samples, folds, short, HALF, tmp_path)
    expected = {k: v for k, v in tree(trained_once[0]).items() if "fraction_0.25" not in k}
    assert tree(tmp_path) == expected


def test_networks_of_a_training_on_all_are_taken_over(
    trained_once, tmp_path, samples, folds, short
):
    plan = plan_balance(samples.table, folds, NONE)
    trained = cross_validate(samples, folds, plan, short, FoldModels(tmp_path / "cnn"))
    before, observer = tree(trained.root), Recorder()
    root = tmp_path / "curve"
    train_fractions(samples, folds, short, HALF, root, trained, observer)
    assert [e.was_skipped for e in observer.of(FoldFinished)] == [False, False, True, True]
    assert tree(fraction_models(root, 1.0).root) == tree(trained.root) == before


# -- scores ---------------------------------------------------------------------------------------


def curve_table(strengths=(0.5, 1.0, 1.5, 2.0), train=4.0, num_folds=4):
    """Predictions of fractions of rising strength, held out and on what was trained on."""
    fractions = (0.125, 0.25, 0.5, 1.0)[-len(strengths) :]
    tables = []
    for fraction, strength in zip(fractions, strengths, strict=True):
        oof = predictions_of(size=400, num_folds=num_folds, num_test=0, strength=strength)
        fitted = predictions_of(size=400, num_folds=num_folds, num_test=0, strength=train, seed=1)
        fitted["part"] = "train"
        own = pd.concat([oof, fitted]).assign(fraction=fraction, num_training=800 * fraction)
        tables.append(own)
    return pd.concat(tables, ignore_index=True)


def folds_of(table):
    ids = sorted(set(table["sample_id"]))
    rows = pd.DataFrame({"sample_id": ids, "fold": 0, "repeat": 0, "unit": range(len(ids))})
    return Folds(rows, {"content_hash": "0f"})


def curve_of(table, **config):
    return learning_curve(table, folds_of(table), EVALUATION, LearningCurveConfig(**config))


def f1_of(rows):
    columns = rows.filter(like="p_").columns
    named = columns.str.removeprefix("p_")[rows[columns].to_numpy().argmax(1)]
    return f1_score(rows["target"], named, average="macro")


def test_scores_of_each_fraction_are_those_of_scikit_learn():
    table = curve_table()
    found = curve_of(table)
    assert found.table["num_training"].tolist() == [100, 200, 400, 800]
    for row in found.table.to_dict("records"):
        own = table[table["fraction"] == row["fraction"]]
        oof, fitted = (own[own["part"] == part] for part in ("oof", "train"))
        assert row["value"] == pytest.approx(f1_of(oof))
        assert row["low"] < row["value"] < row["high"]
        assert row["fold_mean"] == pytest.approx(
            np.mean([f1_of(f) for _, f in oof.groupby("fold")])
        )
        assert row["train_mean"] == pytest.approx(
            np.mean([f1_of(f) for _, f in fitted.groupby("fold")])
        )
    assert found.law is not None
    assert 0 <= found.twice.gain_low <= found.twice.gain <= found.twice.gain_high
    assert "Twice the data (1600 training samples) would raise the macro F1" in found.sentences[1]


def test_a_gap_is_overfitting_and_a_low_score_without_one_underfitting():
    assert curve_of(curve_table(train=6.0)).verdict == "overfitting"
    low = curve_of(curve_table((0.5, 0.6, 0.7, 0.8), train=0.8))
    assert low.verdict == "underfitting"
    assert low.sentences[-1].startswith("Underfitting")
    high = curve_of(curve_table((1.0, 2.0, 4.0, 7.0), train=7.0))
    assert high.verdict == "fine"


def test_two_fractions_have_no_law_and_say_so():
    found = curve_of(curve_table((1.0, 2.0)))
    assert (found.law, found.twice) == (None, None)
    assert "No power law is fitted to 2 fractions" in found.sentences[1]
    assert learning_curve_figure(found).axes


def numbers_table(num_folds):
    rng = np.random.default_rng(0)
    tables = []
    for fraction, error in ((0.25, 0.8), (0.5, 0.5), (1.0, 0.3)):
        for part, size in (("oof", error), ("train", 0.1)):
            target = np.random.default_rng(7).normal(size=120)
            table = pd.DataFrame(
                {
                    "fraction": fraction,
                    "num_training": 80 * fraction,
                    "sample_id": [f"s{i}" for i in range(120)],
                    "repeat": 0,
                    "fold": np.arange(120) % num_folds,
                    "part": part,
                    "step": 1,
                    "target": target,
                    "prediction": target + size * rng.normal(size=120),
                }
            )
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def test_numbers_are_scored_by_their_errors():
    table = numbers_table(num_folds=8)
    found = curve_of(table)
    assert found.metric == "mae"
    assert found.verdict == "overfitting"
    last = table[(table["fraction"] == 1) & (table["part"] == "oof")]
    error = (last["target"] - last["prediction"]).abs().mean()
    assert found.table["value"].iloc[-1] == pytest.approx(error)
    assert "would lower the MAE" in found.sentences[1]
    with pytest.raises(MetricError, match=r"learning_curve\.metric is 'accuracy'.*mae"):
        curve_of(table, metric="accuracy")


def test_a_large_gap_that_may_be_chance_is_no_verdict():
    found = curve_of(numbers_table(num_folds=2))
    assert found.gap.low <= 0 < found.gap.difference
    assert found.verdict == "unknown"
    assert "may be chance" in found.sentences[-1]


def test_the_section_shows_every_fraction():
    found = curve_of(curve_table())
    section = learning_curve_section(found)
    assert section.paragraphs[: len(found.sentences)] == found.sentences
    assert [row[:2] for row in section.tables[0].rows] == [
        ("0.125", "100"),
        ("0.25", "200"),
        ("0.5", "400"),
        ("1", "800"),
    ]
    labels = [text.get_text() for text in learning_curve_figure(found).axes[0].get_legend().texts]
    assert len(labels) == 5


# -- the pipeline ---------------------------------------------------------------------------------


def test_the_pipeline_runs_and_its_outputs_belong_to_one_another(tmp_path, samples, folds, short):
    training = TrainCnnConfig(model=short.model, fit=short.fit)
    inputs = {
        "samples": samples,
        "folds": folds,
        "params:balance": NONE,
        "params:augment": AugmentConfig(),
        "params:train_cnn": training,
        "params:learning_curve": HALF,
        "params:evaluate": EVALUATION,
        "cnn_learning_curve_workspace": tmp_path / "curve",
        "cnn_workspace": FoldModels(tmp_path / "cnn"),
        "run_models": None,
        "observer": ignore,
    }
    names = ("_models", "_predictions", "", "_metrics", "_table", "_folds", "_figure", "_report")
    outputs = [f"cnn_learning_curve{name}" for name in names]
    given = {k: v for k, v in inputs.items() if v is not None} | {"run_models": lambda _: None}
    catalog = DataCatalog(
        {k: MemoryDataset(v, copy_mode="assign") for k, v in given.items()}
        | {name: MemoryDataset(copy_mode="assign") for name in outputs}
        # What later nodes read is forgotten, unless it is on the disk.
        | {outputs[1]: ParquetDataset(filepath=(tmp_path / "predictions.parquet").as_posix())}
    )
    SequentialRunner().run(create_pipeline("cnn"), catalog)
    predictions = catalog.load("cnn_learning_curve_predictions")
    assert set(predictions["part"]) == {"oof", "train"}
    fitted = predictions[(predictions["part"] == "train") & (predictions["fraction"] == 0.5)]
    assert (fitted.groupby("fold").size() == fitted.groupby("fold")["num_training"].first()).all()
    oof = predictions[predictions["part"] == "oof"]
    num_held_out = int((folds.table["fold"] >= 0).sum())
    assert (oof.groupby("fraction")["sample_id"].nunique() == num_held_out).all()
    metrics = catalog.load("cnn_learning_curve_metrics")
    json.dumps(metrics, allow_nan=False)
    table = catalog.load("cnn_learning_curve_table")
    entry = metrics["learning_curve"]["fraction_0.5"]["oof"]["macro_f1"]
    assert entry["value"] == table["value"][0]
    assert samples.content_hash in catalog.load("cnn_learning_curve_report")


@pytest.mark.parametrize("family", ["cnn", "rnn", "mlp"])
def test_nodes_are_tagged_and_named_after_their_functions(family):
    for node in create_pipeline(family).nodes:
        assert node.name == node.func.__name__
        assert node.tags in ({"train_fractions"}, {"learning_curve"})
