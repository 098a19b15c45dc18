"""Networks forecast how far a window goes on from its last value."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from baseline_samples import folds_of, series, table, windows

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.forecast_channel import ChannelError
from foldwise.data.preprocessing import SeriesPreprocessing
from foldwise.errors import UserError
from foldwise.modules.inputs import example_inputs, input_spec
from foldwise.tasks import predict
from foldwise.tasks.baseline_forecast import naive_forecasts
from foldwise.tasks.describe import describe_network
from foldwise.tasks.fit_fold import first_network
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import Predictor, predict_folds
from foldwise.tasks.targets import changing_channel
from foldwise.tasks.train import cross_validate, fold_jobs, train_fold
from foldwise.tasks.train_config import TrainMlpConfig, TrainRnnConfig

FIT = {
    "max_epochs": 2,
    "batch_size": 16,
    "accelerator": "cpu",
    "precision": "float32",
    "optimizer": {"name": "adamw", "lr": 0.01},
}
CONFIGS = {
    "rnn": TrainRnnConfig.of(fit=FIT, model={"name": "gru", "hidden_size": 4}),
    "mlp": TrainMlpConfig.of(fit=FIT, model={"name": "mlp", "widths": [8]}),
}


class Training:
    def __init__(self, samples, config, folder, **changes):
        self.samples, self.models = samples, FoldModels(folder)
        scheme = {"scheme": "time_blocks"} if "time" in samples.table else {}
        self.folds = folds_of(samples, **scheme)
        self.plan = plan_balance(samples.table, self.folds, BalanceConfig())
        recipe = config.recipe(AugmentConfig(), BalanceConfig())
        self.recipe = dataclasses.replace(recipe, **changes)

    def jobs(self):
        return fold_jobs(self.samples, self.folds, self.plan, self.recipe)

    def first(self):
        """Train the first fold alone; return its card and what it predicts with."""
        job = self.jobs()[0]
        folds_hash = self.folds.content_hash
        card = train_fold(job, self.samples, folds_hash, self.recipe, self.models)
        return card, Predictor(self.models.folder(*job.key))

    def all(self):
        cross_validate(self.samples, self.folds, self.plan, self.recipe, self.models)
        return predict_folds(self.models, self.samples, self.folds)


def silenced(monkeypatch):
    """Let networks say 0."""
    real = predict.predicted_numbers
    monkeypatch.setattr(predict, "predicted_numbers", lambda *args: 0 * real(*args))


@pytest.mark.parametrize("family", CONFIGS)
def test_a_network_that_says_nothing_says_the_naive_forecast(family, tmp_path, monkeypatch):
    samples = windows(horizon=2)
    card, predictor = Training(samples, CONFIGS[family], tmp_path).first()
    assert card.number_outputs.anchor.channel == "price"
    assert card.preprocessing.standardise == "window"
    silenced(monkeypatch)
    rows = np.arange(len(samples))
    naive = naive_forecasts(samples, rows)
    assert naive.source == "channel 'price'"
    np.testing.assert_array_equal(predictor.forecast(samples, rows).point, naive.values)


@pytest.mark.parametrize("family", CONFIGS)
def test_before_the_first_step_a_network_says_the_naive_forecast(family, tmp_path):
    samples = windows(horizon=2)
    training = Training(samples, CONFIGS[family], tmp_path)
    with torch.random.fork_rng():
        network, preprocessing, _ = first_network(training.jobs()[0], samples, training.recipe, 0)
    said = network.eval()(example_inputs(input_spec(preprocessing, samples.x.shape[1:]), 3, "cpu"))
    assert torch.equal(said, torch.zeros(3, 2))


def test_a_missing_last_value_is_the_one_before(tmp_path, monkeypatch):
    samples = windows()
    samples.x[::3, -1, 0] = np.nan
    config = CONFIGS["rnn"].model_copy(
        update={"inputs": CONFIGS["rnn"].inputs.model_copy(update={"missing": "previous"})}
    )
    _, predictor = Training(samples, config, tmp_path).first()
    silenced(monkeypatch)
    found = predictor.forecast(samples).point[:, 0]
    np.testing.assert_array_equal(found[::3], samples.x[::3, -2, 0])
    np.testing.assert_array_equal(found[1::3], samples.x[1::3, -1, 0])


@pytest.mark.parametrize("family", CONFIGS)
def test_an_array_alone_gets_the_forecasts_of_the_folds(family, tmp_path):
    training = Training(windows(horizon=2), CONFIGS[family], tmp_path)
    predictions = training.all()
    predictor = Predictor(training.models.folder(0, 1))
    expected = predictions[(predictions["part"] == "oof") & (predictions["fold"] == 1)]
    rows = training.samples.positions(pd.Series(expected["sample_id"].unique(), dtype=object))
    found = predictor.predict(training.samples.x[rows])
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


def test_the_level_of_a_window_moves_its_forecast_and_nothing_else(tmp_path):
    samples = windows()
    _, predictor = Training(samples, CONFIGS["rnn"], tmp_path).first()
    moved = 8 * samples.x + 1024
    found, expected = predictor.forecast(moved), predictor.forecast(samples.x)
    np.testing.assert_allclose(found.point, 8 * expected.point + 1024, rtol=1e-4)
    np.testing.assert_allclose(found.quantiles, 8 * expected.quantiles + 1024, rtol=1e-4)


def drifting_sine(size=400, length=24):
    """A wave that rises by its own height every two periods; its channel comes with noise."""
    steps = np.arange(size + length + 1)
    values = np.sin(2 * np.pi * steps / 16) + steps / 32
    return windows(size=size, length=length, values=values)


@pytest.mark.slow
def test_a_small_network_beats_the_naive_forecast_where_levels_were_never_seen(tmp_path):
    samples = drifting_sine()
    fit = FIT | {"max_epochs": 15, "optimizer": {"name": "adamw", "lr": 0.03}}
    config = TrainRnnConfig.of(fit=fit, model={"name": "gru", "hidden_size": 16})
    training = Training(samples, config, tmp_path)
    oof = training.all().query("part == 'oof'")
    rows = samples.positions(oof["sample_id"])
    naive = naive_forecasts(samples, rows).values[:, 0]
    error = (oof["prediction"] - oof["target"]).abs().mean()
    assert error < 0.3 * np.abs(naive - oof["target"]).mean()


def test_values_are_foretold_where_they_are_asked_for(tmp_path):
    card, _ = Training(windows(), CONFIGS["rnn"], tmp_path, target="value").first()
    assert card.number_outputs.anchor is None
    assert isinstance(card.preprocessing, SeriesPreprocessing)
    assert card.preprocessing.standardise == "training"  # else the level would be lost


def test_a_channel_can_be_named_where_none_holds_the_targets(tmp_path, monkeypatch):
    samples = windows()
    doubled = dataclasses.replace(
        samples, table=samples.table.assign(target=2 * samples.table["target"])
    )
    training = Training(doubled, CONFIGS["rnn"], tmp_path)
    assert [job.channel for job in training.jobs()] == [None, None]
    named = Training(doubled, CONFIGS["rnn"], tmp_path, target_channel="other")
    card, predictor = named.first()
    assert card.number_outputs.anchor.index == 1
    silenced(monkeypatch)
    np.testing.assert_array_equal(predictor.forecast(doubled).point[:, 0], samples.x[:, -1, 1])


def test_the_channel_is_found_on_training_parts_alone(tmp_path):
    training = Training(windows(), CONFIGS["rnn"], tmp_path)
    job = training.jobs()[0]
    other = np.setdiff1d(np.arange(80), job.training.rows)
    x, rows = training.samples.x.copy(), training.samples.table.copy()
    x[other] = 1.0
    rows.loc[other, "target"] = 1e6
    changed = dataclasses.replace(training.samples, x=x, table=rows)
    assert job.channel == "price"
    assert changing_channel(changed, job.training.rows, training.recipe) == "price"


def test_another_choice_is_another_training(tmp_path):
    found = {
        Training(windows(), config, tmp_path, **changes).jobs()[0].fingerprint
        for config, changes in [
            (CONFIGS["rnn"], {}),
            (CONFIGS["rnn"], {"target": "value"}),
            (CONFIGS["rnn"], {"target_channel": "price"}),
            (TrainRnnConfig.of(fit=FIT, inputs={"standardise": "window"}), {}),
        ]
    }
    assert len(found) == 4


def test_the_report_says_what_is_predicted(tmp_path):
    training = Training(windows(), CONFIGS["rnn"], tmp_path)
    for target, said in (("auto", "changes since the last 'price'"), ("value", "values")):
        recipe = dataclasses.replace(training.recipe, target=target)
        found = describe_network(training.samples, training.folds, recipe)
        assert found["predicts"] == said


REFUSED = {
    "classes": (
        series,
        {"target": "change"},
        "target is 'change', .* 'series' for a classification. Allowed: auto, value",
    ),
    "a channel that is not there": (
        windows,
        {"target_channel": "Price"},
        "target_channel is 'Price', but the channels are 'price', 'other'",
    ),
    "no channel": (
        lambda: windows(channels=("other",)),
        {"target": "change"},
        r"no channel holds .* target_channel .*\('other'\), or take target=value",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_go_on_from_a_channel_is_refused(case, tmp_path):
    make, changes, message = REFUSED[case]
    config = TrainRnnConfig.of(fit=FIT, inputs={"missing": "interpolate"})
    with pytest.raises(UserError, match=message):
        Training(make(), config, tmp_path, **changes).all()


def test_a_table_has_no_channel_to_go_on_from(tmp_path):
    samples = table(task="regression")
    with pytest.raises(UserError, match=r"'table' for a regression\. Allowed: auto, value"):
        Training(samples, CONFIGS["mlp"], tmp_path, target="change").all()
    with pytest.raises(ChannelError, match=r"target_channel is 'a', .* 'table'"):
        Training(samples, CONFIGS["mlp"], tmp_path, target_channel="a").all()
