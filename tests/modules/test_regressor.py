import numpy as np
import pytest
import torch
from fixed_batches import Batches
from pytorch_lightning import Trainer
from torch import nn

from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.modules.fold_state import FoldStateCallback, StateFolder
from foldwise.modules.loss_config import (
    AutoLossConfig,
    CrossEntropyLossConfig,
    HuberLossConfig,
    L1LossConfig,
    MseLossConfig,
    QuantileLossConfig,
)
from foldwise.modules.regressor import Regressor, require_fit_of_numbers
from foldwise.modules.schedules import steps_of_epoch

LEVELS = (0.1, 0.5, 0.9)


def data(size=48, num_targets=2, seed=0):
    """Inputs (N, 4), targets (N, H) and weights (N,), linear but for noise."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 4, generator=generator)
    slopes = torch.randn(4, num_targets, generator=generator)
    noise = 0.3 * torch.randn(size, num_targets, generator=generator)
    return inputs, inputs @ slopes + 1 + noise, torch.rand(size, generator=generator) + 0.5


def network(num_outputs=2):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, num_outputs))


def trainer(num_epochs, accumulate=1, callbacks=()):
    return Trainer(
        max_epochs=num_epochs,
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def fit(folder, loss=None, kill_at=None, num_outputs=2, **values):
    """Fit, or go on; stop with an error after an epoch. Return the state."""
    config = FitConfig.of(**{"max_epochs": 4, "patience": 0} | values)
    states = StateFolder(folder)
    resumed = states.load()
    done = len(resumed.history) if resumed else 0
    parts = zip(*(tensor[:40].chunk(5) for tensor in data()), strict=True)
    inputs, targets, _ = data()
    training, validation = Batches(*parts), Batches((inputs[40:], targets[40:]))
    steps = steps_of_epoch(5, config.accumulate)

    def on_epoch(record):
        if record.epoch == kill_at:
            raise RuntimeError("killed here")

    callback = FoldStateCallback(config, 0, states, resumed, on_epoch)
    module = Regressor(
        network(num_outputs),
        config,
        loss or AutoLossConfig(),
        total_steps=steps * config.max_epochs,
        first_step=steps * done,
    )
    trainer(config.max_epochs - done, config.accumulate, [callback]).fit(
        module, training, validation
    )
    return callback.state


def assert_equal(one, other):
    assert one.history == other.history
    assert one.best_epoch == other.best_epoch
    for field in ("weights", "best_weights", "average", "optimizer"):
        ours, theirs = getattr(one, field), getattr(other, field)
        assert set(ours) == set(theirs)
        for name, tensor in ours.items():
            assert torch.equal(tensor, theirs[name]), (field, name)


def fit_one_batch(linear, loss, batch, num_steps, optimizer):
    """Make so many steps on one batch from zero, without clipping, at a rate that falls to 0."""
    for parameter in linear.parameters():
        nn.init.zeros_(parameter)
    config = FitConfig.of(optimizer=optimizer | {"weight_decay": 0.0}, gradient_clip_norm=0)
    module = Regressor(linear, config, loss, total_steps=num_steps)
    trainer(1).fit(module, Batches(*[batch] * num_steps))


def test_a_linear_network_reaches_weighted_least_squares_by_descent():
    inputs, targets, weights = data()
    linear = nn.Linear(4, 2)
    batch = (inputs, targets, weights)
    fit_one_batch(linear, MseLossConfig(), batch, 150, {"name": "sgd", "lr": 0.5})
    root = weights.sqrt().numpy()[:, None]
    design = np.hstack([inputs.numpy(), np.ones((48, 1))])
    expected, *_ = np.linalg.lstsq(root * design, root * targets.numpy(), rcond=None)
    found = torch.cat([linear.weight.T, linear.bias[None]]).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_quantile_loss_finds_the_quantiles_of_a_distribution():
    generator = torch.Generator().manual_seed(0)
    exponential = torch.empty(2000).exponential_(generator=generator)
    targets = torch.stack([exponential, torch.randn(2000, generator=generator)], dim=1)
    linear = nn.Linear(1, 2 * len(LEVELS))
    batch = (torch.zeros(2000, 1), targets, torch.ones(2000))
    loss = QuantileLossConfig(quantiles=LEVELS)
    fit_one_batch(linear, loss, batch, 300, {"name": "adam", "lr": 0.2})
    found = linear.bias.detach().numpy().reshape(2, 3)
    expected = np.quantile(targets.numpy(), LEVELS, axis=0).T
    np.testing.assert_allclose(found, expected, atol=0.02)
    known = [-np.log(1 - np.array(LEVELS)), [-1.2816, 0.0, 1.2816]]
    np.testing.assert_allclose(found, known, atol=0.15)


def test_an_outlier_moves_the_mean_but_not_hubers_minimum():
    targets = torch.tensor([[0.0], [1.0], [2.0], [3.0], [1000.0]])
    batch = (torch.zeros(5, 1), targets, torch.ones(5))
    found = {}
    for loss, rate in ((HuberLossConfig(delta=1.0), 1.0), (MseLossConfig(), 0.4)):
        linear = nn.Linear(1, 1)
        fit_one_batch(linear, loss, batch, 100, {"name": "sgd", "lr": rate})
        found[loss.name] = linear.bias.item()
    assert found["mse"] == pytest.approx(201.2, rel=1e-3)
    # where the errors, clipped to 1, cancel: 1 + 1 + 0 - 1 - 1
    assert found["huber"] == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("sizes", [(12,), (5, 4, 3)])
@pytest.mark.parametrize("loss", [L1LossConfig(), QuantileLossConfig(quantiles=LEVELS)])
def test_validation_is_over_the_whole_part(sizes, loss):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(12, 2, generator=generator)
    outputs = torch.randn(12, 2 * loss.num_per_target, generator=generator)
    module = Regressor(nn.Identity(), FitConfig(), loss, total_steps=1)
    for part in zip(outputs.split(sizes), targets.split(sizes), strict=True):
        module.validation_step(part, 0)
    module.on_validation_epoch_end()
    points = outputs if loss.name == "l1" else outputs[:, [1, 4]]
    mae = float((points - targets).abs().mean())
    assert module.validation["val_mae"] == pytest.approx(mae)
    if loss.name == "l1":
        assert module.validation["val_loss"] == pytest.approx(mae)
    else:
        ones = torch.ones(12)
        expected = float(module.data_loss(outputs, targets, ones))
        assert module.validation["val_loss"] == pytest.approx(expected)
    assert set(module.validation) == {"val_loss", "val_mae"}


@pytest.mark.parametrize(
    "loss", [AutoLossConfig(), HuberLossConfig(), QuantileLossConfig(quantiles=LEVELS)]
)
@pytest.mark.parametrize(
    "values", [{}, {"ema_decay": 0.9, "accumulate": 2, "schedule": {"name": "plateau"}}]
)
def test_a_killed_fit_goes_on_bit_for_bit(values, loss, tmp_path):
    values = values | {"num_outputs": 2 * loss.num_per_target}
    undisturbed = fit(tmp_path / "undisturbed", loss, **values)
    with pytest.raises(RuntimeError, match="killed here"):
        fit(tmp_path / "killed", loss, kill_at=1, **values)
    assert_equal(fit(tmp_path / "killed", loss, **values), undisturbed)


def test_a_fit_repeats_itself_and_keeps_the_epoch_of_the_least_loss(tmp_path):
    state = fit(tmp_path / "one", optimizer={"name": "adam", "lr": 0.3})
    assert_equal(state, fit(tmp_path / "other", optimizer={"name": "adam", "lr": 0.3}))
    losses = [record.val_loss for record in state.history]
    assert state.best_epoch == int(np.argmin(losses))
    evaluated = network().eval()
    evaluated.load_state_dict(state.best_weights)
    inputs, targets, _ = data()
    errors = (evaluated(inputs[40:]) - targets[40:]).detach()
    best = state.history[state.best_epoch]
    assert best.val_loss == pytest.approx(float(errors.square().mean()), rel=1e-5)
    assert best.val_mae == pytest.approx(float(errors.abs().mean()), rel=1e-5)
    assert best.val_f1 is None


def test_accumulated_batches_are_one_large_batch():
    networks = {}
    for accumulate, size in ((4, 12), (1, 48)):
        torch.manual_seed(0)
        networks[accumulate] = nn.Linear(4, 2)
        config = FitConfig.of(accumulate=accumulate, gradient_clip_norm=0.3)
        batches = Batches(*zip(*(tensor.split(size) for tensor in data()), strict=True))
        module = Regressor(networks[accumulate], config, HuberLossConfig(), total_steps=3)
        trainer(3, accumulate).fit(module, batches, Batches(data()[:2]))
    for one, other in zip(networks[4].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_f1_and_smoothing_of_labels_are_refused_before_a_fit():
    for values, told in (
        ({"monitor": "val_f1"}, r"fit.monitor is 'val_f1'.* Allowed: val_loss, last\."),
        ({"label_smoothing": 0.1}, r"fit.label_smoothing is 0\.1.* Allowed: 0\."),
    ):
        with pytest.raises(UserError, match=told):
            require_fit_of_numbers(FitConfig.of(**values))
        with pytest.raises(UserError, match=told):
            Regressor(nn.Identity(), FitConfig.of(**values), MseLossConfig(), total_steps=1)


def test_a_loss_of_classes_is_refused():
    with pytest.raises(UserError, match=r"loss.name is 'cross_entropy'"):
        Regressor(nn.Identity(), FitConfig(), CrossEntropyLossConfig(), total_steps=1)
