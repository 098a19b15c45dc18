import copy

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.modules.optimizer_config import OptimizerConfig
from foldwise.modules.optimizer_state import optimizer_tensors, restore_optimizer
from foldwise.modules.optimizers import build_optimizer

NAMES = ("sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
# Rates at which each of them settles on the toy below within its steps.
TOY_RATES = {
    "sgd": {"lr": 0.3},
    "momentum": {"lr": 0.05},
    "nesterov": {"lr": 0.05},
    "adagrad": {"lr": 0.5},
    "adadelta": {"lr": 1.0},
    "rmsprop": {"lr": 0.02},
    "adam": {"lr": 0.05},
    "adamw": {"lr": 0.05},
    "muon": {"lr": 0.05, "other_lr": 0.05, "other_weight_decay": 0.0},
}


def config_of(name, **values):
    return TypeAdapter(OptimizerConfig).validate_python({"name": name, **values})


def convolutional():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 6, 3),
        nn.Flatten(),
        nn.Linear(24, 12),
        nn.Linear(12, 4),
    )
    return network.to(memory_format=torch.channels_last)


def images():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(16, 3, 6, 6, generator=generator)
    return x.contiguous(memory_format=torch.channels_last)


def step(network, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images()), torch.arange(16) % 4)
        loss.backward()
        return loss

    return optimizer.step(closure)


def least_squares():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(50, 3, generator=generator)
    targets = inputs @ torch.tensor([[1.0], [-2.0], [0.5]]) + 3
    targets += 0.1 * torch.randn(50, 1, generator=generator)
    ones = torch.cat([inputs, torch.ones(50, 1)], dim=1)
    return inputs, targets, torch.linalg.lstsq(ones, targets).solution.flatten()


@pytest.mark.parametrize("name", [*NAMES, "lbfgs", "muon"])
def test_each_reaches_the_minimum_of_a_convex_loss(name):
    inputs, targets, minimum = least_squares()
    network = nn.Sequential(nn.Linear(3, 1))
    nn.init.zeros_(network[0].weight)
    nn.init.zeros_(network[0].bias)
    values = {} if name == "lbfgs" else {"weight_decay": 0.0, **TOY_RATES[name]}
    optimizer = build_optimizer(network, config_of(name, **values))
    num_steps = 10 if name == "lbfgs" else 1500

    def closure():
        optimizer.zero_grad()
        loss = (network(inputs) - targets).square().mean() / 2
        loss.backward()
        return loss

    for number in range(num_steps):
        for group in optimizer.param_groups:  # to zero, so that those of fixed length settle
            base = group.setdefault("base", group["lr"])
            group["lr"] = base * (1 - number / num_steps) if name != "lbfgs" else base
        optimizer.step(closure)
    found = torch.cat([network[0].weight.flatten(), network[0].bias]).detach()
    torch.testing.assert_close(found, minimum, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("rate", "is_stable"), [(1.9, True), (2.1, False)])
def test_gradient_descent_on_a_quadratic_follows_its_closed_form(rate, is_stable):
    # f(w) = w^2 / 2: every step multiplies w by 1 - rate
    network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)
    optimizer = build_optimizer(network, config_of("sgd", lr=rate, weight_decay=0))
    for _ in range(50):
        optimizer.zero_grad()
        (network.weight.square().sum() / 2).backward()
        optimizer.step()
    assert network.weight.item() == pytest.approx((1 - rate) ** 50, rel=1e-4)
    assert (abs(network.weight.item()) < 1) is is_stable


@pytest.mark.parametrize("batch_size", [1, 4, 12])
def test_batch_mini_batch_and_stochastic_descent_follow_their_closed_form(batch_size):
    # loss of a batch: mean of (w - x)^2 / 2, so that each step moves w a share towards its mean
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(12, generator=generator, dtype=torch.float64)
    network = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    nn.init.zeros_(network.weight)
    optimizer = build_optimizer(network, config_of("sgd", lr=0.2, weight_decay=0))
    expected = 0.0
    for _ in range(30):
        for batch in values.split(batch_size):
            optimizer.zero_grad()
            ((network.weight - batch).square().mean() / 2).backward()
            optimizer.step()
            expected = 0.8 * expected + 0.2 * float(batch.mean())
    assert network.weight.item() == pytest.approx(expected, rel=1e-12)
    if batch_size == 12:
        assert expected == pytest.approx(float(values.mean()) * (1 - 0.8**30), rel=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "muon"])
def test_only_trained_parameters_of_more_than_one_dimension_decay(name):
    values = {"other_weight_decay": 0.5} if name == "muon" else {}
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3))
    network[2].weight.requires_grad_(requires_grad=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    optimizer = build_optimizer(network, config_of(name, lr=0.1, weight_decay=0.5, **values))
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)  # then decay is all that moves a parameter
    optimizer.step()
    moved = {name for name, p in network.named_parameters() if not torch.equal(p, p * 0 + 1)}
    assert moved == {"0.weight"}


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_biases_move_by_their_factor_of_the_rate(name):
    network = convolutional()
    before = {key: p.detach().clone() for key, p in network.named_parameters()}
    config = config_of(name, lr=0.5, weight_decay=0, bias_rate_factor=64)
    optimizer = build_optimizer(network, config, {"3.weight": 0.1, "3.bias": 0.1})
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 0.01)
    optimizer.step()
    way = {key: (before[key] - p).mean().item() / 0.005 for key, p in network.named_parameters()}
    if name == "nesterov":  # the first step is 1 + momentum long
        way = {key: length / 1.9 for key, length in way.items()}
    expected = {key: 64.0 if key.endswith("bias") else 1.0 for key in before}
    expected |= {"3.weight": 0.1, "3.bias": 6.4}
    assert way == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", [*NAMES, "muon"])
def test_a_factor_of_the_rate_holds_for_the_parameters_it_names(name):
    network = convolutional()
    optimizer = build_optimizer(network, config_of(name), {"0.weight": 0.25, "6.bias": 0.0})
    rate_of = {
        id(p): group["lr"] / config_of(name).lr
        for group in optimizer.param_groups
        for p in group["params"]
    }
    if name == "muon":  # which holds views of its matrices
        assert optimizer.param_groups[0]["lr"] == 0.25 * 0.02
        assert optimizer.param_groups[-1]["lr"] == 0.0
        assert len(optimizer.param_groups) == 5
    else:
        factors = {key: rate_of[id(p)] for key, p in network.named_parameters()}
        assert factors == dict.fromkeys(factors, 1.0) | {"0.weight": 0.25, "6.bias": 0.0}


def test_lbfgs_refuses_a_rate_of_its_own_for_some_parameters():
    with pytest.raises(UserError, match="'lbfgs', which has one rate"):
        build_optimizer(convolutional(), config_of("lbfgs"), {"0.weight": 0.5})


def test_momentum_and_nesterov_are_torchs():
    for name, options in (("momentum", {}), ("nesterov", {"nesterov": True})):
        ours, theirs = convolutional(), convolutional()
        optimizer = build_optimizer(ours, config_of(name, lr=0.1, weight_decay=0))
        reference = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, **options)
        for _ in range(3):
            step(ours, optimizer)
            step(theirs, reference)
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one, other)


def test_muon_and_adamw_each_take_their_parameters():
    """Kernels and inner dense weights move as torch's Muon moves the same matrix."""
    network = convolutional()
    config = config_of("muon", lr=0.02, weight_decay=0.1, other_lr=0.003)
    optimizer = build_optimizer(network, config)
    reference = copy.deepcopy(network)
    matrices = {"0.weight", "3.weight", "5.weight"}
    flat = {
        name: nn.Parameter(p.detach().flatten(1).clone())
        for name, p in reference.named_parameters()
        if name in matrices
    }
    muon = torch.optim.Muon(flat.values(), lr=0.02, weight_decay=0.1)
    rest = {name: p for name, p in reference.named_parameters() if name not in matrices}
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in rest.values() if p.ndim > 1], "weight_decay": 0.05},
            {"params": [p for p in rest.values() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=0.003,
    )
    for _ in range(3):
        step(network, optimizer)
        reference.zero_grad()
        nn.functional.cross_entropy(reference(images()), torch.arange(16) % 4).backward()
        named = dict(reference.named_parameters())
        for name, matrix in flat.items():
            matrix.grad = named[name].grad.flatten(1)
        muon.step()
        adamw.step()
        with torch.no_grad():
            for name, matrix in flat.items():
                named[name].copy_(matrix.view(named[name].shape))
    for name, parameter in network.named_parameters():
        # Muon computes in bfloat16, and the columns stand in another order
        torch.testing.assert_close(parameter, named[name], atol=2e-3, rtol=0.02)


def test_muon_forgets_the_gradients_it_is_told_to():
    network = convolutional()
    optimizer = build_optimizer(network, config_of("muon"))
    step(network, optimizer)
    assert all(p.grad is not None for p in network.parameters())
    optimizer.zero_grad()
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_schedule_changes_the_rate_of_all_parts_of_muon(memory_format):
    network = convolutional().to(memory_format=memory_format)
    optimizer = build_optimizer(network, config_of("muon"))
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = copy.deepcopy(network.state_dict())
    step(network, optimizer)
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name])


@pytest.mark.parametrize("num_steps", [1, 4])
@pytest.mark.parametrize("name", [*NAMES, "lbfgs", "muon"])
def test_a_state_that_is_put_back_goes_on_bit_for_bit(name, num_steps):
    values = {"max_iter": 3, "history_size": 4} if name == "lbfgs" else {}
    network = convolutional()
    optimizer = build_optimizer(network, config_of(name, **values))
    for _ in range(num_steps):
        step(network, optimizer)
    weights = copy.deepcopy(network.state_dict())
    state = {key: tensor.clone() for key, tensor in optimizer_tensors(optimizer).items()}
    resumed = convolutional()
    resumed.load_state_dict(weights)
    other = build_optimizer(resumed, config_of(name, **values))
    restore_optimizer(other, state)
    for _ in range(4):
        assert float(step(network, optimizer)) == float(step(resumed, other))
    for one, two in zip(network.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("wrong", "needed"),
    [
        ({}, "it needs gradient_clip_norm=0"),
        ({"gradient_clip_norm": 0, "accumulate": 2}, "it needs accumulate=1"),
        ({"gradient_clip_norm": 0, "precision": "bfloat16"}, "precision=float32 or auto"),
    ],
)
def test_lbfgs_is_refused_what_would_mislead_it(wrong, needed):
    with pytest.raises(ValueError, match=needed):
        FitConfig.of(optimizer={"name": "lbfgs"}, **wrong)


def test_an_unknown_optimizer_is_told_with_all_names():
    with pytest.raises(ValueError, match=r"sgd.*nesterov.*muon"):
        FitConfig.of(optimizer={"name": "adamax"})


def test_no_name_is_left_without_a_test():
    allowed = TypeAdapter(OptimizerConfig).json_schema()["discriminator"]["mapping"]
    assert set(allowed) == {*NAMES, "lbfgs", "muon"}
