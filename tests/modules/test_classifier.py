import math

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn

from foldwise.modules.classifier import Classifier, build_optimizer, schedule_factor
from foldwise.modules.config import AdamWConfig, CosineScheduleConfig, FitConfig, SgdConfig

COSINE_30 = (1 + math.cos(math.pi * 3 / 10)) / 2


class Batches:
    """A loader that gives the same batches each epoch."""

    def __init__(self, *batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        return iter(self.batches)


def classifier(network, num_classes=3, total_steps=10, first_step=0, **fit):
    return Classifier(
        network, num_classes, FitConfig.of(**fit), total_steps=total_steps, first_step=first_step
    )


def trainer(**options):
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    )


@pytest.mark.parametrize(
    ("config", "total_steps", "table"),
    [
        # no warm-up: half a cosine from 1 to 0
        ({"warmup_fraction": 0}, 10, {0: 1, 3: (1 + math.cos(0.3 * math.pi)) / 2, 5: 0.5, 10: 0}),
        # 2 of 12 steps rise by halves, then 10 steps of cosine
        (
            {"warmup_fraction": 1 / 6},
            12,
            {0: 0.5, 1: 1, 2: 1, 5: COSINE_30, 7: 0.5, 12: 0, 13: 0, 99: 0},
        ),
        # 4 of 4.4 steps, to a tenth of the peak
        (
            {"warmup_fraction": 0.1, "final_fraction": 0.1},
            44,
            {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 24: 0.55, 44: 0.1, 45: 0.1},
        ),
        # a single step
        ({"warmup_fraction": 0.1}, 1, {0: 1, 1: 0}),
    ],
)
def test_the_schedule_is_a_rise_and_half_a_cosine(config, total_steps, table):
    factor = schedule_factor(CosineScheduleConfig(**config), total_steps)
    assert {step: factor(step) for step in table} == pytest.approx(table)


@pytest.mark.parametrize("first_step", [0, 3])
def test_the_rates_of_a_fit_are_those_of_the_schedule_also_after_a_resume(first_step):
    fit = FitConfig.of(optimizer={"name": "sgd", "lr": 0.5}, schedule={"warmup_fraction": 0.25})
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


@pytest.mark.parametrize("config", [AdamWConfig(weight_decay=0.5), SgdConfig(weight_decay=0.5)])
def test_only_parameters_of_more_than_one_dimension_decay(config):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    network[3].weight.requires_grad_(False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    optimizer = build_optimizer(network, config)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)  # then decay is all that moves a parameter
    optimizer.step()
    moved = {name for name, p in network.named_parameters() if not torch.equal(p, p * 0 + 1)}
    assert moved == {"0.weight"}
    assert not any(p is network[3].weight for g in optimizer.param_groups for p in g["params"])


def test_the_weighted_loss_equals_a_hand_computation():
    module = classifier(nn.Identity())
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(2), 0.0, 0.0]])
    batch = (logits, torch.tensor([2, 0]), torch.tensor([0.5, 3.0]))
    # -log(1/3) * 0.5 and -log(2/4) * 3, over 2 samples
    expected = (0.5 * math.log(3) + 3 * math.log(2)) / 2
    assert float(module.training_step(batch, 0)) == pytest.approx(expected, rel=1e-6)


def test_the_training_loss_of_an_epoch_is_the_mean_over_samples():
    module = classifier(nn.Identity())
    for size, label in ((3, 0), (1, 1)):
        logits = torch.tensor([[math.log(2), 0.0, 0.0]]).repeat(size, 1)
        module.training_step((logits, torch.full((size,), label), torch.ones(size)), 0)
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
        optimizer={"name": "sgd", "lr": 1.0, "momentum": 0.0, "weight_decay": 0.0},
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
        nn.Linear(2, 3), total_steps=60, optimizer={"name": "sgd", "lr": 1.0}, batch_size=60
    )
    trainer(max_epochs=60).fit(
        module, Batches((inputs, labels, torch.ones(60))), Batches((inputs, labels))
    )
    assert module.validation["val_accuracy"] > 0.95
    module.finish_epoch()
    assert math.isfinite(module.train_loss)
