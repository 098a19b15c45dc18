"""Networks for sequences and tables are fitted fold by fold as those for images are."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import torch
from baseline_samples import images, series, table, tokens, windows
from event_recorder import Recorder
from project_copy import tree

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import SplitConfig, fold_parts, held_out_ids, make_folds
from foldwise.data.preprocessing import MissingValueError
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.tasks.describe import describe_network
from foldwise.tasks.events import EpochFinished, FoldFinished
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import (
    ModelError,
    Predictor,
    predict_folds,
    predict_folds_and_inner,
)
from foldwise.tasks.regression_table import check_regression_predictions
from foldwise.tasks.targets import target_values
from foldwise.tasks.train import cross_validate, fold_jobs, train_fold
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig

FIT = {
    "max_epochs": 3,
    "batch_size": 8,
    "accelerator": "cpu",
    "precision": "float32",
    "optimizer": {"name": "adamw", "lr": 0.01},
}
RECURRENT = {"hidden_size": 4, "num_layers": 2}
GAPS = {"missing": "interpolate"}
QUANTILES = {"name": "quantile", "quantiles": [0.1, 0.5, 0.9]}
AUGMENT = {"series": {"jitter": 0.1}, "tokens": {"masking": 0.1}}

numbers = functools.partial(table, task="regression")
rnn = functools.partial(TrainRnnConfig.of, fit=FIT)
mlp = functools.partial(TrainMlpConfig.of, fit=FIT)


def by_the_last_step(name):
    return {"name": name, "readout": "last", **RECURRENT}


FAMILIES = {
    "lstm on series": (series, rnn(model={"name": "lstm", **RECURRENT}, inputs=GAPS)),
    "gru on texts": (tokens, rnn(model={"name": "gru", "embedding_size": 4, **RECURRENT})),
    "rnn on rows of images": (images, rnn(model=by_the_last_step("rnn"))),
    "mlp on a table": (table, mlp(model={"name": "mlp", "widths": [8]})),
    "mlp of numbers": (numbers, mlp(model={"name": "mlp", "widths": [8]})),
    "linear of quantiles": (numbers, mlp(model={"name": "linear"}, loss=QUANTILES)),
    "lstm of two steps ahead": (
        functools.partial(windows, horizon=2),
        rnn(model=by_the_last_step("lstm"), loss=QUANTILES),
    ),
}


class Training:
    def __init__(self, samples, config, folder, **split):
        self.samples = samples
        split = {"num_folds": 2, "on_leak": "warn", "test_fraction": 0.2, **split}
        if "time" in samples.table:
            split["scheme"] = "time_blocks"
        self.folds = make_folds(samples.table, SplitConfig.of(**split))
        self.plan = plan_balance(samples.table, self.folds, BalanceConfig())
        self.recipe = config.recipe(AugmentConfig.of(**AUGMENT), BalanceConfig())
        self.models = FoldModels(folder)

    def into(self, models, observer=None, recipe=None):
        arguments = (self.samples, self.folds, self.plan, recipe or self.recipe, models)
        return cross_validate(*arguments, *([observer] if observer else []))

    def first_fold(self):
        """Return what predicts with the network of the first fold alone."""
        job = fold_jobs(self.samples, self.folds, self.plan, self.recipe)[0]
        train_fold(job, self.samples, self.folds.content_hash, self.recipe, self.models)
        return Predictor(self.models.folder(0, 0))

    def predictions(self):
        return predict_folds(self.models, self.samples, self.folds)


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request, tmp_path_factory):
    make, config = FAMILIES[request.param]
    training = Training(make(), config, tmp_path_factory.mktemp("family") / "models")
    training.into(training.models)
    return training


def test_the_inner_part_is_predicted_beside_of_classes_and_not_of_numbers(trained):
    table, inner = predict_folds_and_inner(trained.models, trained.samples, trained.folds)
    pd.testing.assert_frame_equal(table, trained.predictions())
    assert list(inner.columns) == list(table.columns)
    assert inner.empty == (not trained.samples.classes)


def test_each_sample_is_predicted_by_the_network_that_did_not_see_it(trained):
    table = trained.predictions()
    samples = trained.samples
    num_targets = max(1, len(samples.target_names))
    assigned = trained.folds.table.set_index("sample_id")["fold"]
    oof = table[table["part"] == "oof"]
    outer = assigned[assigned >= 0]
    assert sorted(oof["sample_id"].unique()) == sorted(outer.index)
    assert len(oof) == num_targets * len(outer)
    assert (oof["fold"].to_numpy() == outer[oof["sample_id"]].to_numpy()).all()
    test = table[table["part"] == "test"]
    num_held_out = (assigned == -1).sum()
    assert num_held_out > 0
    assert len(test) == 2 * num_targets * num_held_out
    rows = samples.table.set_index("sample_id").loc[table["sample_id"]]
    if samples.classes:
        assert (table["target"].to_numpy() == rows["label"].to_numpy()).all()
        probabilities = table[[f"p_{name}" for name in samples.classes]]
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    else:
        columns = check_regression_predictions(table)
        assert columns.num_steps == num_targets
        steps = zip(table["step"], rows[list(samples.target_names)].to_numpy(), strict=True)
        expected = [targets[step - 1] for step, targets in steps]
        np.testing.assert_allclose(table["target"], expected)


def test_what_a_fold_says_of_a_sample_does_not_depend_on_the_others_in_the_batch(trained):
    table = trained.predictions()
    parts = table[(table["part"] == "oof") & (table["fold"] == 1)]
    predictor = Predictor(trained.models.folder(0, 1))
    names = [name for name in table if name.startswith(("p_", "q_"))]
    for sample_id in parts["sample_id"].unique()[:3]:
        row = np.flatnonzero(trained.samples.table["sample_id"] == sample_id)
        if trained.samples.classes:
            alone = predictor.probabilities(trained.samples, row)
        else:
            alone = predictor.forecast(trained.samples, row).quantiles[0]
        expected = parts.loc[parts["sample_id"] == sample_id, names]
        np.testing.assert_allclose(alone, expected, atol=1e-5, rtol=1e-5)


def test_an_interrupted_training_ends_in_the_same_bytes(trained, tmp_path):
    torch.manual_seed(123)  # what happened before must not matter
    models = FoldModels(tmp_path / "models")
    with pytest.raises(RuntimeError, match="killed here"):
        trained.into(models, Recorder(stop_at=(0, 1)))
    resumed = Recorder()
    trained.into(models, resumed)
    assert tree(models.root) == tree(trained.models.root)
    made = [(event.fold, event.record.epoch) for event in resumed.of(EpochFinished)]
    assert made == [(0, 2), (1, 0), (1, 1), (1, 2)]


def test_an_unchanged_training_is_skipped(trained):
    before = tree(trained.models.root)
    again = Recorder()
    trained.into(trained.models, again)
    assert [event.was_skipped for event in again.of(FoldFinished)] == [True, True]
    assert tree(trained.models.root) == before


def disturbed(samples, rows):
    """Other content and other targets in some rows, of which the first may stand in for all."""
    x = samples.x.copy()
    donor = 0 if 0 not in rows else int(np.setdiff1d(np.arange(len(samples)), rows)[0])
    rows_of = samples.table.copy()
    if samples.modality == "tokens":
        x[rows, :5] = len(samples.tokens) - 1
    else:
        x[rows] = x[donor]
    if samples.classes:
        return dataclasses.replace(samples, x=x)
    for name in samples.target_names:
        rows_of.loc[rows, name] = 1e6
    return dataclasses.replace(samples, x=x, table=rows_of)


def test_outer_fold_and_test_part_have_no_influence_on_a_network(trained, tmp_path):
    job = fold_jobs(trained.samples, trained.folds, trained.plan, trained.recipe)[0]
    seen = np.union1d(job.training.rows, job.validation.rows)
    unseen = np.setdiff1d(np.arange(len(trained.samples)), seen)
    assert len(unseen) > 20
    other = disturbed(trained.samples, unseen)
    models = FoldModels(tmp_path / "models")
    train_fold(job, other, trained.folds.content_hash, trained.recipe, models)
    name = "weights.safetensors"
    expected = trained.models.folder(0, 0)
    assert (models.folder(0, 0) / name).read_bytes() == (expected / name).read_bytes()
    mine, theirs = models.cards()[0], trained.models.cards()[0]
    assert mine.preprocessing == theirs.preprocessing
    assert mine.history == theirs.history
    assert mine.number_outputs == theirs.number_outputs


def test_nothing_is_said_of_no_samples(trained):
    predictor = Predictor(trained.models.folder(0, 0))
    none = np.empty(0, dtype=np.int64)
    if trained.samples.classes:
        assert predictor.probabilities(trained.samples, none).shape == (0, 2)
    else:
        num_targets = len(trained.samples.target_names)
        assert predictor.forecast(trained.samples, none).point.shape == (0, num_targets)


def test_targets_keep_their_digits():
    samples = numbers()
    moments = 1.7e9 + np.arange(len(samples))  # seconds; in float32 128 of them are one
    samples.table["target"] = moments
    np.testing.assert_array_equal(target_values(samples)[:, 0], moments)


def test_without_a_test_part_the_table_holds_the_folds_alone(tmp_path):
    training = Training(numbers(), mlp(model={"name": "linear"}), tmp_path, test_fraction=0.0)
    training.into(training.models)
    predictions = training.predictions()
    assert (predictions["part"] == "oof").all()
    assert sorted(predictions["sample_id"]) == sorted(training.samples.table["sample_id"])
    assert check_regression_predictions(predictions).num_steps == 1


REFUSED = {
    "a table in train_rnn": (table, rnn(), {}, r"train_rnn takes .* are tables.* for train_mlp"),
    "texts in train_mlp": (tokens, mlp(), {}, r"train_mlp takes .* are texts.* for train_rnn"),
    "series in train_cnn": (series, TrainCnnConfig(), {}, r"train_cnn takes images, .* series"),
    "classes of numbers": (
        numbers,
        mlp(model={"name": "logistic"}),
        {},
        r"'logistic', which is for a classification, .* for a regression\. Allowed: mlp, linear",
    ),
    "numbers of classes": (
        table,
        mlp(model={"name": "linear"}),
        {},
        r"'linear', .* regression, .* classification\. Allowed: mlp, logistic, perceptron",
    ),
    "quantiles of classes": (
        table,
        mlp(loss=QUANTILES),
        {},
        "loss.name is 'quantile', but the targets are classes. Allowed: auto, cross_entropy",
    ),
    "cross-entropy of numbers": (
        numbers,
        mlp(loss={"name": "cross_entropy"}),
        {},
        "loss.name is 'cross_entropy', but the targets are numbers. Allowed: auto, mse",
    ),
    "F1 of numbers": (
        numbers,
        mlp(fit={**FIT, "monitor": "val_f1"}),
        {},
        "fit.monitor is 'val_f1', but the targets are numbers.* Allowed: val_loss, last",
    ),
    "smoothed numbers": (
        numbers,
        mlp(fit={**FIT, "label_smoothing": 0.1}),
        {},
        "fit.label_smoothing is 0.1, but the targets are numbers.* Allowed: 0",
    ),
    "balanced numbers": (
        numbers,
        mlp(),
        {"balance": BalanceConfig.of(method="class_weights")},
        "balance.method is 'class_weights', but the task is a regression.* Allowed: none",
    ),
    "mixed numbers": (
        numbers,
        mlp(),
        {"augment": AugmentConfig.of(mix={"mixup_alpha": 0.2})},
        "augment.mix shares labels out among classes, but the samples have none",
    ),
    "mixed texts": (
        tokens,
        rnn(),
        {"augment": AugmentConfig.of(mix={"mixup_alpha": 0.2})},
        "augment.mix is on, but the samples are texts",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_together_is_refused_before_any_fit(case, tmp_path):
    make, config, changes, message = REFUSED[case]
    training = Training(make(), config, tmp_path)
    observer = Recorder()
    recipe = dataclasses.replace(training.recipe, **changes)
    with pytest.raises(UserError, match=message):
        training.into(training.models, observer, recipe)
    assert not observer.of(EpochFinished)


def test_series_that_lack_values_are_named_before_any_fit(tmp_path):
    training = Training(series(), rnn(), tmp_path)
    message = r"2 of 60 series lack values, the first of them 's003', in channel 'c0' at step 2 "
    observer = Recorder()
    with pytest.raises(MissingValueError, match=message):
        training.into(training.models, observer)
    assert not observer.events
    with pytest.raises(MissingValueError, match=message):
        describe_network(training.samples, training.folds, training.recipe)


def test_steps_that_are_cut_off_may_be_missing(tmp_path):
    samples = series()
    samples.x[4] = np.where(np.isnan(samples.x[4]), 0, samples.x[4])
    kept = {"max_length": 2}  # before the gap of the other one
    training = Training(samples, rnn(model=by_the_last_step("gru"), inputs=kept), tmp_path)
    training.into(training.models)
    assert len(training.predictions())


def test_an_array_that_lacks_values_is_refused_by_its_row(tmp_path):
    whole = series(size=40)
    x = np.nan_to_num(whole.x)
    complete = dataclasses.replace(whole, x=x)
    predictor = Training(complete, rnn(model=by_the_last_step("gru")), tmp_path).first_fold()
    broken = x.copy()
    broken[7, 3, 1] = np.nan
    with pytest.raises(MissingValueError, match=r"1 of 40 .* row 7, in channel 'c1' at step 3"):
        predictor.probabilities(broken)
    np.testing.assert_allclose(
        predictor.probabilities(Samples(broken, *rest(complete)), np.arange(7)),
        predictor.probabilities(complete, np.arange(7)),
    )


def rest(samples):
    names = ("table", "classes", "size_policy", "modality", "features", "tokens")
    return [getattr(samples, name) for name in names]


def test_series_in_one_long_row_keep_their_length(tmp_path):
    config = mlp(model={"name": "mlp", "widths": [8]}, inputs=GAPS)
    training = Training(series(), config, tmp_path)
    training.into(training.models)
    assert len(training.predictions()) == len(training.samples) + 12  # the test part twice
    predictor = Predictor(training.models.folder(0, 0))
    longer = np.zeros((2, 31, 2), np.float32)
    with pytest.raises(ModelError, match=r"of shape \(N, 30, 2\).*\(2, 31, 2\)"):
        predictor.probabilities(longer)


def test_texts_go_with_what_their_numbers_mean(tmp_path):
    trained = Training(tokens(), rnn(model=by_the_last_step("gru")), tmp_path)
    predictor = trained.first_fold()
    with pytest.raises(ModelError, match="what their numbers stand for"):
        predictor.probabilities(trained.samples.x)
    renumbered = Samples(
        np.array([0, 4, 3, 2, 1], np.int32)[trained.samples.x],
        *rest(dataclasses.replace(trained.samples, tokens=("", "d", "c", "b", "a"))),
    )
    np.testing.assert_allclose(
        predictor.probabilities(renumbered), predictor.probabilities(trained.samples)
    )


def test_tokens_that_a_training_part_lacks_are_counted(tmp_path):
    samples = tokens()
    training = Training(samples, rnn(), tmp_path)
    parts = list(fold_parts(training.folds, samples.table))
    held_out = set(held_out_ids(training.folds))
    rows = samples.table.set_index("sample_id")
    unknown, total = 0, 0
    new = dataclasses.replace(samples, x=samples.x.copy(), tokens=(*samples.tokens, "new"))
    only_in_the_first = np.isin(samples.table["sample_id"], parts[0].oof[:3])
    new.x[only_in_the_first, 1] = len(samples.tokens)
    for part in parts:
        fitted = set(new.x[new.positions(rows.loc[part.train].reset_index()["sample_id"])].flat)
        for name in (*part.oof, *held_out):
            text = [t for t in new.x[samples.table["sample_id"] == name].flat if t]
            total += len(text)
            unknown += sum(token not in fitted for token in text)
    found = describe_network(new, training.folds, training.recipe)
    assert unknown == 3  # of one fold; the other one has them in its training part
    assert found["unknown_tokens"] == unknown
    assert found["unknown_tokens_share"] == pytest.approx(unknown / total)
    other = Training(table(), mlp(), tmp_path)
    assert "unknown_tokens" not in describe_network(other.samples, other.folds, other.recipe)
