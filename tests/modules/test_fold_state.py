import math

import pytest
import torch
from fixed_batches import Batches
from pytorch_lightning import Trainer
from torch import nn

from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError
from foldwise.modules.fold_state import FoldStateCallback, StateFolder
from foldwise.modules.schedules import steps_of_epoch

OPTIMIZERS = (
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "adadelta",
    "rmsprop",
    "adam",
    "adamw",
    "lbfgs",
    "muon",
)
SCHEDULES = ("constant", "step", "cosine", "one_cycle", "plateau")


def data():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(30) % 3
    inputs = torch.randn(30, 1, 6, 6, generator=generator) + labels.view(-1, 1, 1, 1) / 2
    weights = torch.ones(30)
    parts = [t.chunk(5) for t in (inputs[:24], labels[:24], weights[:24])]
    return Batches(*zip(*parts, strict=True)), Batches((inputs[24:], labels[24:]))


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
    ).to(memory_format=torch.channels_last)


def fit(config, folder, kill_at=None, on_module=lambda module: None, rate_factors=None):
    """Fit, or go on; stop with an error after an epoch. Return the state."""
    states = StateFolder(folder)
    resumed = states.load()
    training, validation = data()
    steps = steps_of_epoch(len(training), config.accumulate)
    done = len(resumed.history) if resumed else 0

    def on_epoch(record):
        on_module(module)
        if record.epoch == kill_at:
            raise RuntimeError("killed here")

    callback = FoldStateCallback(config, 0, states, resumed, on_epoch)
    module = Classifier(
        network(),
        3,
        config,
        total_steps=steps * config.max_epochs,
        first_step=steps * done,
        rate_factors=rate_factors,
    )
    Trainer(
        max_epochs=config.max_epochs - done,
        accumulate_grad_batches=config.accumulate,
        accelerator="cpu",
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    ).fit(module, training, validation)
    return callback.state


def config_of(optimizer="adamw", schedule="cosine", **values):
    if optimizer == "lbfgs":
        values["gradient_clip_norm"] = 0
    return FitConfig.of(
        **{"max_epochs": 4, "patience": 0}
        | values
        | {"optimizer": {"name": optimizer}, "schedule": {"name": schedule}}
    )


def assert_equal(one, other):
    assert one.history == other.history
    assert one.best_epoch == other.best_epoch
    for field in ("weights", "best_weights", "average", "optimizer"):
        ours, theirs = getattr(one, field), getattr(other, field)
        assert set(ours) == set(theirs)
        for name, tensor in ours.items():
            assert torch.equal(tensor, theirs[name]), (field, name)


def resumed_is_undisturbed(config, tmp_path, kill_at=1):
    undisturbed = fit(config, tmp_path / "undisturbed")
    with pytest.raises(RuntimeError, match="killed here"):
        fit(config, tmp_path / "killed", kill_at)
    assert_equal(fit(config, tmp_path / "killed"), undisturbed)
    return undisturbed


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_fit_goes_on_bit_for_bit_with_any_optimizer(optimizer, tmp_path):
    resumed_is_undisturbed(config_of(optimizer, precision="float32"), tmp_path)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kill_at", [0, 2])
def test_a_killed_fit_goes_on_bit_for_bit_with_any_schedule(schedule, kill_at, tmp_path):
    config = config_of(schedule=schedule)
    if schedule == "plateau":  # which is to lower its rate after every epoch
        plateau = {"name": "plateau", "patience": 0, "threshold": 0.9, "factor": 0.5}
        config = FitConfig.of(**config.model_dump() | {"schedule": plateau})
    state = resumed_is_undisturbed(config, tmp_path, kill_at)
    if schedule == "plateau":
        rates = [record.learning_rate / 2e-3 for record in state.history]
        assert rates == pytest.approx([1, 1, 0.5, 0.25])  # torch's first value is always better


@pytest.mark.parametrize("monitor", ["val_loss", "val_f1", "last"])
@pytest.mark.parametrize("values", [{"ema_decay": 0.9}, {"ema_decay": 0.9, "accumulate": 2}])
def test_a_killed_fit_goes_on_bit_for_bit_with_a_mean_of_weights(values, monitor, tmp_path):
    state = resumed_is_undisturbed(config_of(monitor=monitor, max_epochs=5, **values), tmp_path, 2)
    assert int(state.average["n_averaged"]) == 5 * (3 if "accumulate" in values else 5)


def test_the_mean_of_weights_is_what_is_validated_and_kept(tmp_path):
    modules = []
    config = config_of(monitor="last", ema_decay=0.9)
    state = fit(config, tmp_path, on_module=modules.append)
    _, validation = data()
    inputs, labels = validation.batches[0]
    losses = {}
    for name, weights in (("mean", state.best_weights), ("last", state.weights)):
        evaluated = network().eval()
        evaluated.load_state_dict(weights)
        losses[name] = float(nn.functional.cross_entropy(evaluated(inputs), labels))
    assert losses["mean"] == pytest.approx(state.history[-1].val_loss, rel=1e-5)
    assert losses["last"] != pytest.approx(losses["mean"], rel=1e-3)
    for name, tensor in modules[0].evaluated.state_dict().items():
        assert torch.equal(tensor, state.best_weights[name])


def test_the_rate_that_is_told_is_the_optimisers_not_that_of_some_parameters(tmp_path):
    config = config_of(schedule="constant", max_epochs=1)

    state = fit(config, tmp_path, rate_factors={"0.weight": 0.1})

    assert state.history[0].learning_rate == config.optimizer.lr


def test_last_makes_no_choice_and_never_stops_early(tmp_path):
    config = config_of("sgd", monitor="last", patience=1, max_epochs=6)
    state = fit(config, tmp_path)
    losses = [record.val_loss for record in state.history]
    assert len(losses) == 6
    assert state.best_epoch == 5
    assert state.best_weights is state.weights


def test_a_validation_loss_that_is_no_number_is_told(tmp_path, monkeypatch):
    def spoil(module):
        module.validation = {"val_loss": math.nan, "val_accuracy": 0.0, "val_f1": 0.0}

    monkeypatch.setattr(Classifier, "on_validation_epoch_end", spoil)
    with pytest.raises(DivergedError, match=r"loss is nan after epoch 1, at a learning"):
        fit(config_of(), tmp_path)
