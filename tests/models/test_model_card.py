import json
from dataclasses import asdict
from functools import partial

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig
from foldwise.models.config.recurrent import GruConfig, LstmConfig, RnnConfig
from foldwise.models.input_spec import ImageSpec, SeriesSpec, TableSpec, TokenSpec
from foldwise.models.model_card import model_card, summary_text
from foldwise.models.recurrent import build as build_recurrent


def build(name, shape, num_classes=1000, **parameters):
    config = TypeAdapter(CnnModelConfig).validate_python({"name": name, **parameters})
    with torch.device("meta"):
        return build_cnn(config, shape, num_classes)


@pytest.mark.parametrize(
    ("name", "side", "field", "macs"),
    [
        # Fields: Araujo, Norris and Sim (Distill, 2019); ResNet-50 with torchvision's strides.
        # MACs: torchvision's weights' `_ops` in units of 1e9.
        ("alexnet", 224, 195, 0.714),
        ("vgg_d", 224, 212, 15.470),
        ("resnet18", 224, 435, 1.814),
        ("resnet50", 224, 427, 4.089),
        ("mobilenet_v2", 224, 491, 0.301),
        ("googlenet", 224, None, 1.498),
        pytest.param("inception_v3", 299, 1311, 5.713, marks=pytest.mark.slow),
    ],
)
def test_published_networks_see_and_cost_what_was_published(name, side, field, macs):
    summary = model_card(build(name, (3, side, side)), (3, side, side))

    assert summary.macs / 1e9 == pytest.approx(macs, abs=5e-4)
    assert summary.flops == 2 * summary.macs
    if field is not None:
        assert summary.receptive_field == (field, field)


def test_resnet50_has_its_published_size():
    summary = model_card(build("resnet50", (3, 224, 224)), (3, 224, 224))

    assert summary.num_parameters == summary.num_trainable == 25_557_032
    assert summary.megabytes == pytest.approx(102.2, abs=0.05)


class Branches(nn.Module):
    """Paths of different reach, one of them asymmetric, that are added and put side by side."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, (5, 3), stride=2, padding=1)
        self.wide = nn.Conv2d(2, 2, (1, 7), padding=(0, 3))
        self.far = nn.Conv2d(2, 2, 3, padding=4, dilation=4)
        self.even = nn.Conv2d(2, 2, 2)
        self.gate = nn.Conv2d(2, 2, 1)
        self.last = nn.Conv2d(4, 2, 3, stride=2, padding="valid")
        self.head = nn.Linear(2, 3)

    def features(self, images):
        x = self.stem(images)
        even = self.even(functional.pad(x, (0, 1, 0, 1)))
        x = torch.cat([x + self.far(x), self.wide(even)], dim=1)
        x = functional.avg_pool2d(x, 3, stride=1, padding=1)
        x = x * self.gate(functional.adaptive_avg_pool2d(x[:, :2], 1)).repeat(1, 2, 1, 1).relu()
        return self.last(x)

    def forward(self, images):
        return self.head(self.features(images).mean((-2, -1)))


def test_the_receptive_field_is_where_a_gradient_arrives():
    network = Branches()
    expected = model_card(network, (1, 101, 101)).receptive_field
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 1)  # all positive: no two paths cancel out
    nn.init.zeros_(network.gate.weight)  # the gate looks at all; it must not pass a gradient
    nn.init.ones_(network.gate.bias)
    images = torch.rand(1, 1, 101, 101, requires_grad=True)

    maps = network.features(images)
    maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()

    rows, columns = images.grad[0, 0].nonzero(as_tuple=True)
    assert expected == (
        int(rows.max() - rows.min()) + 1,
        int(columns.max() - columns.min()) + 1,
    )


def test_a_layer_has_a_row_with_the_shape_it_gives_and_its_parameters():
    network = build("resnet18", (1, 32, 32), 10)
    rows = {layer.name: layer for layer in model_card(network, (1, 32, 32)).layers}

    assert rows["conv1"].output_shape == (64, 32, 32)
    assert rows["layer4.1.conv2"].output_shape == (512, 4, 4)
    assert rows["fc"].output_shape == (10,)
    assert (rows["fc"].kind, rows["fc"].num_parameters) == ("Linear", 5130)
    parameters = sum(p.numel() for p in network.parameters())
    assert sum(row.num_parameters for row in rows.values()) == parameters


def test_auxiliary_heads_are_listed_as_parts_of_the_training():
    rows = model_card(build("googlenet", (3, 32, 32), 10), (3, 32, 32)).layers

    assert {row.name.split(".")[0] for row in rows if row.output_shape is None} >= {"aux1", "aux2"}


@pytest.mark.parametrize(
    ("layer", "shape", "weights", "dense"),
    [
        (nn.Conv2d(3, 6, 5), (3, 32, 32), 75, 3_072),
        (nn.Sequential(nn.Flatten(), nn.Linear(12_288, 2)), (3, 64, 64), 12_288, 12_288),
        (nn.Conv2d(4, 4, 3, groups=4), (4, 200, 200), 9, 160_000),
    ],
)
def test_weights_of_a_neuron_of_the_first_layer(layer, shape, weights, dense):
    summary = model_card(layer, shape)

    assert summary.weights_per_first_neuron == weights
    assert summary.dense_weights_per_neuron == dense


def test_a_dense_network_has_no_receptive_field():
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    summary = model_card(network, (4,))

    assert summary.receptive_field is None
    assert summary.macs == 4 * 8 + 8 * 2


def test_frozen_parameters_count_in_the_total_only():
    network = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    network[0].requires_grad_(False)
    summary = model_card(network, (4,))

    assert (summary.num_parameters, summary.num_trainable) == (58, 18)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 2))
    network[1].eval()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    model_card(network, (1, 8, 8))

    assert network.training
    assert not network[1].training
    assert all(not module._forward_hooks for module in network.modules())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_it_can_be_written_as_json_and_read_as_text():
    summary = model_card(build("small_cnn", (3, 32, 32), 10), (3, 32, 32))

    assert json.loads(json.dumps(asdict(summary)))["receptive_field"] == [18, 18]
    text = summary_text(summary)
    assert "parameters: 94,762 (94,762 trainable), 0.4 MB" in text
    assert "receptive field: 18 x 18 pixels" in text
    assert "classifier.2  Linear" in text


@pytest.mark.parametrize(
    ("layer", "gates"),
    [(nn.RNN, 1), (partial(nn.RNN, nonlinearity="relu"), 1), (nn.LSTM, 4), (nn.GRU, 3)],
)
def test_the_operations_of_a_recurrent_layer_are_those_of_its_steps(layer, gates):
    with torch.device("meta"):
        network = layer(6, 8, num_layers=2, bidirectional=True, batch_first=True)
        with FlopCounterMode(display=False) as counter:
            states, _ = network(torch.empty(1, 10, 6))

    summary = model_card(network, (10, 6))

    assert summary.flops == counter.get_total_flops()
    assert summary.macs == 10 * 2 * gates * 8 * (6 + 8 + 2 * 8 + 8)
    assert summary.layers[0].output_shape == tuple(states.shape[1:]) == (10, 16)


def test_a_card_of_a_long_series_does_not_go_through_its_steps():
    spec = SeriesSpec(3, 100_000)
    network = build_recurrent(GruConfig(hidden_size=4, readout="mean"), spec, 2)

    summary = model_card(network, spec)

    assert summary.macs == 100_000 * 2 * 3 * 4 * (3 + 4) + 8 * 2


def test_a_recurrent_network_for_series_has_no_receptive_field_and_shares_its_weights():
    spec = SeriesSpec(3, 20)
    network = build_recurrent(LstmConfig(hidden_size=4, readout="attention"), spec, 2)

    summary = model_card(network, spec)

    assert summary.receptive_field is None
    assert summary.weights_per_first_neuron is None
    assert summary.dense_weights_per_neuron == 20 * 3
    shapes = {layer.name: layer.output_shape for layer in summary.layers}
    assert shapes["layer1.ahead"] == (20, 4)
    assert shapes["readout.projection"] == (20, 8)
    assert shapes["head"] == (2,)
    assert sum(layer.num_parameters for layer in summary.layers) == summary.num_parameters
    text = summary_text(summary)
    assert "None" not in text
    assert "receptive field" not in text


@pytest.mark.parametrize("token_input", ["embedding", "one_hot"])
def test_a_network_for_tokens_is_shown_tokens(token_input):
    spec = TokenSpec(30, 20)
    network = build_recurrent(RnnConfig(token_input=token_input, hidden_size=4), spec, 2)

    summary = model_card(network, spec)

    assert summary.dense_weights_per_neuron is None
    assert summary.layers[0].output_shape == (20, 64 if token_input == "embedding" else 29)
    assert summary_text(summary)


class Causal(nn.Conv1d):
    """Tells how far it sees."""

    receptive_field = 5

    def forward(self, series):
        return super().forward(series.transpose(1, 2)).mean(dim=2)


def test_a_network_that_tells_how_many_steps_it_sees_is_believed():
    summary = model_card(Causal(4, 2, 5), SeriesSpec(3, 20))

    assert summary.receptive_field == (5,)
    assert "receptive field: 5 steps" in summary_text(summary)


def test_specs_of_images_and_tables_are_their_shapes():
    image, table = nn.Conv2d(3, 6, 5), nn.Linear(4, 2)

    assert model_card(image, ImageSpec(3, 32, 30)) == model_card(image, (3, 32, 30))
    assert model_card(table, TableSpec((0, 0, 5, 0))) == model_card(table, (4,))


def test_a_convolution_over_steps_shares_the_weights_of_its_window():
    network = nn.Conv1d(3, 6, 5)

    assert model_card(network, (3, 50)).weights_per_first_neuron == 15
