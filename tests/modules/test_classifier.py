import math

import numpy as np
import pytest
import torch
from fixed_batches import Batches
from pytorch_lightning import Trainer
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn

from foldwise.errors import UserError
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError

PLAIN = {"name": "sgd", "weight_decay": 0.0}


def classifier(network, num_classes=3, total_steps=10, first_step=0, loss=None, **fit):
    return Classifier(
        network,
        num_classes,
        FitConfig.of(**fit),
        total_steps=total_steps,
        first_step=first_step,
        loss=loss,
    )


def trainer(accumulate=1, **options):
    return Trainer(
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


@pytest.mark.parametrize("first_step", [0, 3])
def test_the_rates_of_a_fit_are_those_of_the_schedule_also_after_a_resume(first_step):
    fit = FitConfig.of(
        optimizer={"name": "sgd", "lr": 0.5}, schedule={"name": "cosine", "warmup_fraction": 0.25}
    )
    module = Classifier(nn.Linear(2, 3), 3, fit, total_steps=8, first_step=first_step)
    configured = module.configure_optimizers()
    optimizer, scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(8 - first_step):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    cosine = [0.5 * (1 + math.cos(math.pi * i / 6)) / 2 for i in range(6)]
    assert rates == pytest.approx([0.25, 0.5, *cosine][first_step:])


def test_the_weighted_loss_equals_a_hand_computation():
    module = classifier(nn.Identity())
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0]])
    batch = (logits, torch.tensor([2, 0]), torch.tensor([0.5, 3.0]))
    # -log(1/3) * 0.5 and -log(2/4) * 3, over 2 samples
    expected = (0.5 * math.log(3) + 3 * math.log(2)) / 2
    assert float(module.training_step(batch, 0)) == pytest.approx(expected, rel=1e-6)


def test_the_training_loss_of_an_epoch_is_the_mean_over_samples():
    module = classifier(nn.Identity())
    for batch, (size, label) in enumerate(((3, 0), (1, 1))):
        logits = torch.tensor([[math.log(2), 0.0, 0.0]]).repeat(size, 1)
        module.training_step((logits, torch.full((size,), label), torch.ones(size)), batch)
    module.finish_epoch()
    assert module.train_loss == pytest.approx((3 * math.log(2) + math.log(4)) / 4, rel=1e-6)
    module.training_step((torch.zeros(2, 3), torch.zeros(2, dtype=int), torch.ones(2)), 0)
    module.finish_epoch()  # the epoch before is forgotten
    assert module.train_loss == pytest.approx(math.log(3), rel=1e-6)


@pytest.mark.parametrize("sizes", [(40,), (16, 16, 8), (39, 1)])
def test_validation_metrics_are_scikit_learns_over_the_whole_part(sizes):
    generator = np.random.default_rng(len(sizes))
    labels = generator.choice(4, 40, p=[0.6, 0.2, 0.15, 0.05])
    logits = generator.normal(size=(40, 4)) + 1.5 * np.eye(4)[labels]
    module = classifier(nn.Identity(), num_classes=4)
    for part in np.split(np.arange(40), np.cumsum(sizes)[:-1]):
        module.validation_step((torch.tensor(logits[part]), torch.tensor(labels[part])), 0)
    module.on_validation_epoch_end()
    predicted = logits.argmax(axis=1)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert module.validation == pytest.approx(
        {
            "val_loss": log_loss(labels, probabilities, labels=range(4)),
            "val_accuracy": accuracy_score(labels, predicted),
            "val_f1": f1_score(labels, predicted, average="macro", labels=np.unique(labels)),
        },
        rel=1e-5,
    )


def test_each_validation_starts_afresh():
    module = classifier(nn.Identity(), num_classes=2)
    for label, accuracy in ((0, 1.0), (1, 0.0)):
        module.validation_step((torch.tensor([[2.0, 1.0]]), torch.tensor([label])), 0)
        module.on_validation_epoch_end()
        assert module.validation["val_accuracy"] == accuracy


@pytest.mark.parametrize(("limit", "expected"), [(0.01, 0.01), (0.0, None), (1e6, None)])
def test_the_gradients_norm_is_bounded_before_the_step(limit, expected):
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    start = torch.cat([p.detach().clone().flatten() for p in network.parameters()])
    inputs = 100 * torch.randn(8, 4)
    labels, weights = torch.arange(8) % 3, torch.ones(8)
    loss = nn.functional.cross_entropy(network(inputs), labels)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    unclipped = float(torch.cat([g.flatten() for g in gradients]).norm())
    assert unclipped > 1
    module = classifier(
        network,
        total_steps=1,
        optimizer=PLAIN | {"lr": 1.0},
        gradient_clip_norm=limit,
    )
    trainer(max_epochs=1).fit(module, Batches((inputs, labels, weights)))
    end = torch.cat([p.detach().flatten() for p in network.parameters()])
    # plain gradient descent at a rate of 1: the way gone is the gradient
    assert float((end - start).norm()) == pytest.approx(expected or unclipped, rel=1e-4)


def test_a_fit_with_lightning_learns_and_keeps_its_own_books():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    inputs = torch.randn(60, 2, generator=generator) * 0.1 + nn.functional.one_hot(labels)[:, :2]
    module = classifier(
        nn.Linear(2, 3), total_steps=60, optimizer={"name": "nesterov", "lr": 1.0}, batch_size=60
    )
    trainer(max_epochs=60).fit(
        module, Batches((inputs, labels, torch.ones(60))), Batches((inputs, labels))
    )
    assert module.validation["val_accuracy"] > 0.95
    module.finish_epoch()
    assert math.isfinite(module.train_loss)


class WithAuxiliaryHeads(nn.Module):
    """Passes its inputs on; while it is trained two auxiliary heads see them too."""

    def forward(self, inputs):
        if not self.training:
            return inputs
        return AuxiliaryLogits(inputs, (2 * inputs, -inputs), 0.3)


def test_auxiliary_heads_count_by_their_weight_and_only_in_training():
    logits, labels = (
        torch.randn(6, 3, generator=torch.Generator().manual_seed(0)),
        torch.arange(6) % 3,
    )
    module = classifier(WithAuxiliaryHeads())
    found = module.training_step((logits, labels, torch.ones(6)), 0)
    cross_entropy = nn.functional.cross_entropy
    expected = cross_entropy(logits, labels) + 0.3 * (
        cross_entropy(2 * logits, labels) + cross_entropy(-logits, labels)
    )
    torch.testing.assert_close(found, expected)
    module.eval()
    module.validation_step((logits, labels), 0)
    module.on_validation_epoch_end()
    assert module.validation["val_loss"] == pytest.approx(float(cross_entropy(logits, labels)))


def test_label_smoothing_mixes_the_targets_with_all_classes():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]])
    targets = 0.7 * nn.functional.one_hot(torch.tensor([0, 2]), 3) + 0.3 / 3
    expected = -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    module = classifier(nn.Identity(), label_smoothing=0.3)
    batch = (logits, torch.tensor([0, 2]), torch.ones(2))
    torch.testing.assert_close(module.training_step(batch, 0), expected)


def test_targets_may_be_shares_of_the_classes():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]])
    shares = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    expected = (-(shares * logits.log_softmax(dim=1)).sum(dim=1) * torch.tensor([2.0, 1.0])).mean()
    found = classifier(nn.Identity()).training_step((logits, shares, torch.tensor([2.0, 1.0])), 0)
    torch.testing.assert_close(found, expected)


def test_a_loss_is_told_the_epoch():
    told = []

    def loss(logits, targets, weights, epoch):
        told.append(epoch)
        return logits.mean()

    module = classifier(nn.Identity(), loss=loss)
    module.epoch = 7
    module.training_step((torch.zeros(2, 3), torch.zeros(2, dtype=int), torch.ones(2)), 0)
    assert told == [7]


def blobs(size=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(size) % 3
    inputs = torch.randn(size, 4, generator=generator) + 2 * nn.functional.one_hot(labels, 4)
    return inputs, labels, torch.rand(size, generator=generator) + 0.5


def dense(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


@pytest.mark.parametrize("num_batches", [4, 6, 3])
def test_accumulated_batches_are_one_large_batch(num_batches):
    inputs, labels, weights = blobs()
    parts = zip(*(t.chunk(num_batches) for t in (inputs, labels, weights)), strict=True)
    fit = {"optimizer": PLAIN | {"lr": 0.5}, "gradient_clip_norm": 0.3, "l2": 0.01}
    networks = {}
    for accumulate, batches in ((4, list(parts)), (1, None)):
        if batches is None:  # the same samples, as many as made a step
            size = 4 * (48 // num_batches)
            batches = list(zip(*(t.split(size) for t in (inputs, labels, weights)), strict=True))
        network = dense()
        module = classifier(network, total_steps=6, accumulate=accumulate, **fit)
        trainer(accumulate, max_epochs=3).fit(module, Batches(*batches))
        assert module._num_steps == 3 * len(batches) if accumulate == 1 else True
        networks[accumulate] = network
    for one, other in zip(networks[4].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_the_schedule_counts_steps_not_batches():
    rates = []
    module = classifier(
        dense(),
        total_steps=4,
        accumulate=2,
        optimizer=PLAIN | {"lr": 1.0},
        schedule={"name": "step", "milestones": [0.5], "factor": 0.1},
    )
    step = module.optimizer_step

    def watched(epoch, batch_idx, optimizer, closure):
        rates.append(optimizer.param_groups[0]["lr"])
        step(epoch, batch_idx, optimizer, closure)

    module.optimizer_step = watched
    inputs, labels, weights = blobs(24)
    batches = Batches(*zip(inputs.chunk(4), labels.chunk(4), weights.chunk(4), strict=True))
    trainer(2, max_epochs=2).fit(module, batches)
    assert rates == pytest.approx([1.0, 1.0, 0.1, 0.1])


@pytest.mark.parametrize(("l1", "l2"), [(0, 0.05), (0.02, 0), (0.02, 0.05)])
def test_penalties_act_through_the_gradient_of_what_decays(l1, l2):
    inputs, labels, weights = blobs()
    penalised, plain = dense(), dense()
    fit = {"optimizer": PLAIN | {"lr": 0.1}, "gradient_clip_norm": 0}
    trainer(max_epochs=1).fit(
        classifier(penalised, l1=l1, l2=l2, schedule={"name": "constant"}, **fit),
        Batches((inputs, labels, weights)),
    )
    before = dense()
    trainer(max_epochs=1).fit(
        classifier(plain, schedule={"name": "constant"}, **fit), Batches((inputs, labels, weights))
    )
    for key, p in penalised.named_parameters():
        start, reference = (dict(n.named_parameters())[key] for n in (before, plain))
        pull = l1 * start.sign() + 2 * l2 * start if key.endswith("weight") else 0 * start
        torch.testing.assert_close(p, reference - 0.1 * pull)


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_a_loss_that_is_no_number_is_stopped_at_its_step_with_its_rate(name):
    inputs, labels, weights = blobs(24)
    bad = inputs.clone()
    bad[0, 0] = math.nan
    batches = Batches((inputs, labels, weights), (bad, labels, weights), (inputs, labels, weights))
    module = classifier(
        dense(),
        total_steps=30,
        first_step=15,
        optimizer=PLAIN | {"lr": 0.5},
        schedule={"name": name, "warmup_fraction": 0.0},
    )
    module.epoch = 5
    rate = 0.5 if name == "constant" else 0.25 * (1 + math.cos(math.pi * 16 / 30))
    told = rf"loss is nan at step 17, in epoch 6, at a learning rate of {rate:g}\. Try a smaller"
    with pytest.raises(DivergedError, match=told):
        trainer(max_epochs=1).fit(module, batches)


def test_a_single_sample_and_batch_norm_is_refused_in_the_users_words():
    network = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    batch = (torch.zeros(1, 4), torch.zeros(1, dtype=int), torch.ones(1))
    with pytest.raises(UserError, match="batch norm cannot be fitted on a batch of one sample"):
        classifier(network).training_step(batch, 0)
    classifier(dense()).training_step(batch, 0)


def test_lbfgs_fits_a_small_problem_in_a_few_steps():
    inputs, labels, weights = blobs()
    network = nn.Linear(4, 3)

    def loss():
        losses = nn.functional.cross_entropy(network(inputs), labels, reduction="none")
        return (losses * weights).mean()

    at_first = loss().item()
    fit = {"optimizer": {"name": "lbfgs"}, "schedule": {"name": "constant"}}
    module = classifier(network, gradient_clip_norm=0, l2=0.01, **fit)
    batches = Batches((inputs, labels, weights))
    trainer(max_epochs=1).fit(module, batches)
    module.finish_epoch()  # one loss per batch, although L-BFGS asked for it many times
    assert module.train_loss == pytest.approx(at_first)
    trainer(max_epochs=2).fit(module, batches)
    network.zero_grad()
    (loss() + 0.01 * network.weight.square().sum()).backward()
    assert float(torch.cat([p.grad.flatten() for p in network.parameters()]).norm()) < 1e-3


def test_a_compiled_network_learns_the_same_under_the_same_names(monkeypatch):
    import functools

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    networks = {}
    for is_compiled in (False, True):
        networks[is_compiled] = dense()
        module = classifier(networks[is_compiled], compile=is_compiled)
        trainer(max_epochs=2).fit(module, Batches(blobs()), Batches(blobs()[:2]))
    compiled, plain = networks[True].state_dict(), networks[False].state_dict()
    assert list(compiled) == list(plain)
    for name, tensor in plain.items():
        torch.testing.assert_close(compiled[name], tensor)


def test_a_compiled_network_keeps_its_hooks(monkeypatch):
    import functools

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    inputs, targets, weights = blobs()
    losses = []
    for is_compiled in (False, True):
        network = dense()
        network.register_forward_hook(
            lambda module, args, logits: AuxiliaryLogits(logits, (2 * logits,), 0.5)
        )
        module = classifier(network, compile=is_compiled)
        losses.append(module.training_step((inputs, targets, weights), 0).item())
    assert losses[1] == pytest.approx(losses[0])
