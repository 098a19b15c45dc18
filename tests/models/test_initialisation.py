import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from foldwise.models.build import build_cnn
from foldwise.models.config import LeNet5Config, SmallCnnConfig, WideResNetConfig
from foldwise.models.initialisation import initialise

NUM_LAYERS = 10


@pytest.mark.parametrize(
    ("how", "deviation"),
    [
        ("xavier_uniform", math.sqrt(2 / (400 + 200))),
        ("xavier_normal", math.sqrt(2 / (400 + 200))),
        ("he_uniform", math.sqrt(2 / 400)),
        ("he_normal", math.sqrt(2 / 400)),
    ],
)
def test_weights_have_the_deviation_of_the_paper_and_biases_are_zero(how, deviation):
    torch.manual_seed(0)
    layer = initialise(nn.Linear(400, 200), how)

    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.001)
    assert not layer.bias.any()
    bound = deviation * math.sqrt(3)
    is_bounded = bool((layer.weight.abs() <= bound).all())
    assert is_bounded == how.endswith("uniform")


def test_xaviers_deviation_is_one_over_the_root_of_the_inputs_where_there_are_as_many_outputs():
    torch.manual_seed(0)
    layer = initialise(nn.Linear(256, 256), "xavier_normal")

    assert layer.weight.std().item() == pytest.approx(1 / math.sqrt(256), rel=0.02)


def test_a_convolution_counts_the_pixels_of_its_window_among_the_inputs():
    torch.manual_seed(0)
    layer = initialise(nn.Conv2d(64, 32, 3), "he_normal")

    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)


def power_of_last_layer(how, activation, scale=1.0):
    """The mean square of the last layer's outputs, relative to that of the inputs."""
    torch.manual_seed(0)
    layers = [m for _ in range(NUM_LAYERS) for m in (nn.Linear(500, 500), activation)]
    network = initialise(nn.Sequential(*layers), how)
    x = torch.randn(200, 500) * scale
    with torch.no_grad():
        return (network(x).square().mean() / x.square().mean()).item()


@pytest.mark.parametrize("how", ["he_uniform", "he_normal"])
def test_with_he_rectified_signals_keep_their_size_over_ten_layers(how):
    # A rectifier halves the mean square, which the weights double.
    assert 0.5 < power_of_last_layer(how, nn.ReLU()) < 2
    assert power_of_last_layer(how.replace("he", "xavier"), nn.ReLU()) < 2 * 0.5**NUM_LAYERS


@pytest.mark.parametrize("how", ["xavier_uniform", "xavier_normal"])
def test_with_xavier_signals_in_tanhs_linear_range_keep_their_size_over_ten_layers(how):
    assert 0.5 < power_of_last_layer(how, nn.Tanh(), scale=0.1) < 2


def test_torchs_own_scheme_lets_rectified_signals_fade():
    assert power_of_last_layer("default", nn.ReLU()) < 1e-3


def trained_filters(how):
    torch.manual_seed(0)
    config = SmallCnnConfig(widths=(4, 4), norm="none", init=how, activation="sigmoid")
    network = build_cnn(config, (1, 8, 8), 2)
    images, labels = torch.rand(16, 1, 8, 8), (torch.arange(16) % 3 == 0).long()
    optimizer = torch.optim.SGD(network.parameters(), lr=5)
    filters = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    start = [weight.detach().clone() for weight in filters]
    for _ in range(30):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    steps = [(weight - before).abs().max() for weight, before in zip(filters, start, strict=True)]
    return [weight.detach() for weight in filters], steps


def test_from_zeros_all_filters_of_a_layer_stay_equal_however_long_they_are_trained():
    """Sigmoids pass on gradients at zero, so that filters do move: all by the same steps."""
    filters, steps = trained_filters("zeros")

    assert all(step > 1e-4 for step in steps)
    for of_layer, step in zip(filters, steps, strict=True):
        assert (of_layer - of_layer[:1]).abs().max() < 1e-4 * step


def test_from_random_weights_filters_differ():
    filters, _ = trained_filters("he_normal")

    assert not any(torch.allclose(f[0], f[1]) for f in filters)


@pytest.mark.parametrize("config", [LeNet5Config, SmallCnnConfig, WideResNetConfig])
def test_a_networks_parameter_reaches_all_its_convolutions_and_dense_layers(config):
    torch.manual_seed(0)
    network = build_cnn(config(init="zeros"), (1, 16, 16), 3)

    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]

    assert len(layers) > 2
    assert not any(layer.weight.any() for layer in layers)


def test_default_leaves_a_network_as_it_is():
    network = nn.Linear(3, 4)
    before = network.weight.clone()

    assert torch.equal(initialise(network, "default").weight, before)


def test_frozen_weights_stay():
    network = nn.Sequential(nn.Linear(3, 4).requires_grad_(False), nn.Linear(4, 2))
    before = network[0].weight.clone()

    initialise(network, "zeros")

    assert torch.equal(network[0].weight, before)
    assert not network[1].weight.any()
