import math
from typing import get_args

import pytest
import torch
from torch import nn

from foldwise.models.activation import make_activation, replace_activations
from foldwise.models.config.base import Activation

POINTS = torch.linspace(-4, 4, 41)


def error_function(x):
    return torch.tensor([math.erf(v) for v in x.tolist()])


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
        ("tanh", lambda x: 2 / (1 + torch.exp(-2 * x)) - 1),
        ("relu", lambda x: torch.maximum(torch.zeros_like(x), x)),
        ("leaky_relu", lambda x: torch.maximum(0.1 * x, x)),
        ("elu", lambda x: torch.where(x >= 0, x, torch.exp(x) - 1)),
        ("gelu", lambda x: x * (1 + error_function(x / math.sqrt(2))) / 2),
    ],
)
def test_each_is_its_formula(name, formula):
    activated = make_activation(name)(POINTS.clone())

    torch.testing.assert_close(activated, formula(POINTS), rtol=0, atol=1e-6)


def some_network():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Sequential(nn.ReLU6(), nn.Flatten())
    )


@pytest.mark.parametrize("name", [name for name in get_args(Activation) if name != "relu"])
def test_every_rectifier_of_a_network_is_replaced_at_any_depth(name):
    network = some_network()
    names = list(network.state_dict())

    assert replace_activations(network, name) is network

    kind = type(make_activation(name))
    assert isinstance(network[1], kind)
    assert isinstance(network[2][0], kind)
    assert list(network.state_dict()) == names


def test_relu_leaves_a_network_as_it_is():
    network = some_network()
    before = list(network.modules())

    assert list(replace_activations(network, "relu").modules()) == before
