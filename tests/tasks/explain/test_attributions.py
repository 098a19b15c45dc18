import numpy as np
import pytest
import torch
from baseline_samples import table, tokens
from captum.attr import LayerIntegratedGradients
from made_networks import FromFunction, about_image, about_series, drawn, opened, seeded
from torch import nn

from foldwise.data.preprocessing import TableInputConfig, fit_preprocessing
from foldwise.data.preprocessing.config import SequenceInputConfig
from foldwise.models.build import build_cnn, build_network
from foldwise.models.config import (
    Cnn1dConfig,
    GruConfig,
    LeNet5Config,
    MlpConfig,
    SmallCnnConfig,
    WideResNetConfig,
)
from foldwise.models.input_spec import SeriesSpec
from foldwise.modules.inputs import input_spec
from foldwise.tasks.explain.attributed_input import attributed_input
from foldwise.tasks.explain.attributions import Question, attribute
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.layers import last_maps, layer_outputs
from foldwise.tasks.explain.methods import choose_methods

FINE = ExplainConfig(num_steps=256)
SINGLE = ExplainConfig(occlusion_size=1)
SIDE = 8
SQUARE = (slice(1, 4), slice(4, 7))


def small_cnn():
    return seeded(lambda: build_cnn(SmallCnnConfig(widths=(6, 8)), (1, SIDE, SIDE), 3)).eval()


def network_for(samples, config, inputs, num_outputs=2):
    fitted = fit_preprocessing(samples, np.arange(len(samples)), inputs)
    spec = input_spec(fitted, samples.x.shape[1:])
    network = seeded(lambda: build_network(config, spec, num_outputs))
    return opened(network, preprocessing=fitted)


def test_integrated_gradients_add_up_to_what_the_input_changes():
    network, image = small_cnn(), drawn(1, 1, 1, SIDE, SIDE)
    found = attribute("integrated_gradients", about_image(network, image, 2), FINE)
    with torch.no_grad():
        expected = (network(image) - network(torch.zeros_like(image)))[0, 2]
    assert found.sum() == pytest.approx(float(expected), rel=0.02)
    assert found.shape == (SIDE, SIDE)


def test_integrated_gradients_of_a_table_add_up_and_know_its_categories():
    samples = table()
    config = MlpConfig(widths=(8,))
    network = network_for(samples, config, TableInputConfig())
    row = int(np.flatnonzero(~np.isnan(samples.x).any(axis=1))[0])
    explained = attributed_input(network, samples, row)
    question = Question(network.network, explained, 1)
    found = attribute("integrated_gradients", question, FINE)
    with torch.no_grad():
        nothing = explained.outputs(*(torch.zeros_like(v) for v in explained.values))
        expected = (network.network(explained.inputs) - nothing)[0, 1]
    assert found.shape == (4,)
    assert found.sum() == pytest.approx(float(expected), rel=0.02, abs=1e-4)
    assert found[2] != 0  # the category
    assert found[3] == pytest.approx(0, abs=1e-6)  # the constant is its own mean


def test_occlusion_of_a_table_puts_one_column_to_nothing():
    samples = table()
    network = network_for(samples, MlpConfig(widths=(8,)), TableInputConfig())
    explained = attributed_input(network, samples, 0)
    found = attribute("occlusion", Question(network.network, explained, 0), SINGLE)
    changed = explained.inputs.clone()
    changed[0, network.card.preprocessing.encoding.names.index("c")] = 0  # unknown: a zero vector
    with torch.no_grad():
        expected = (network.network(explained.inputs) - network.network(changed))[0, 0]
    assert found[2] == pytest.approx(float(expected), abs=1e-6)


def test_tokens_are_attributed_through_their_embedding():
    samples = tokens()
    config = GruConfig(hidden_size=4, embedding_size=3, readout="mean")
    network = network_for(samples, config, SequenceInputConfig())
    explained = attributed_input(network, samples, 5)
    found = attribute("integrated_gradients", Question(network.network, explained, 1), FINE)
    reference = LayerIntegratedGradients(network.network, network.network.input.embedding)
    text = explained.inputs
    expected = reference.attribute(text, torch.zeros_like(text), target=1, n_steps=256)
    # Their baseline is a text of padding, which has one step; ours has as many steps as the text.
    whole = network.network(text)[0, 1].detach()
    zeros = explained.outputs(torch.zeros_like(explained.values[0]))[0, 1].detach()
    assert found.sum() == pytest.approx(float(whole - zeros), rel=0.02, abs=1e-4)
    assert expected.shape[1] == len(found) == int(samples.lengths[5])
    assert np.corrcoef(found, expected.sum(dim=2)[0].detach())[0, 1] > 0.99


@pytest.mark.parametrize("token_input", ["embedding", "one_hot"])
def test_occlusion_of_a_text_leaves_out_one_token(token_input):
    samples = tokens()
    config = GruConfig(hidden_size=4, embedding_size=3, token_input=token_input)
    network = network_for(samples, config, SequenceInputConfig())
    explained = attributed_input(network, samples, 7)
    found = attribute("occlusion", Question(network.network, explained, 0), SINGLE)
    text = explained.inputs
    shorter = torch.cat([text[:, :2], text[:, 3:]], dim=1)
    with torch.no_grad():
        expected = (network.network(text) - network.network(shorter))[0, 0]
    assert found[2] == pytest.approx(float(expected), abs=1e-6)


def test_saliency_and_occlusion_of_a_linear_network_are_its_weights():
    weights, image = drawn(2, 3, SIDE, SIDE), drawn(3, 1, 3, SIDE, SIDE)
    linear = FromFunction(lambda x: (x * weights).flatten(1).sum(dim=1, keepdim=True))
    question = about_image(linear, image)
    largest = weights.abs().amax(dim=0)
    np.testing.assert_allclose(attribute("saliency", question, FINE), largest, rtol=1e-5)
    expected = (weights * image[0]).sum(dim=0)
    np.testing.assert_allclose(attribute("occlusion", question, SINGLE), expected, atol=1e-4)


def bright_square():
    image = torch.zeros(1, 1, SIDE, SIDE)
    image[0, 0][SQUARE] = 2.0
    return image


def seeing_squares():
    """Answer to bright squares of 3 x 3, wherever they lie."""
    blur, pass_on = nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        blur.weight.fill_(1 / 9)
        pass_on.weight.fill_(1.0)
        pass_on.bias.fill_(-0.5)
    return nn.Sequential(
        blur, nn.ReLU(), pass_on, nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten()
    )


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_a_planted_square_is_found(method):
    found = attribute(method, about_image(seeing_squares(), bright_square()), FINE)
    place = np.unravel_index(found.argmax(), found.shape)
    assert place[0] in range(1, 4)
    assert place[1] in range(4, 7)
    assert found.argmax() != 0
    inside = found[SQUARE].sum()
    assert inside > 0.4 * found.sum()


def with_bumps(seed, number, num_steps=40):
    """Noise; every other series has a bump at a place of its own."""
    x = 0.3 * drawn(seed, number, num_steps)
    places = np.random.default_rng(seed).integers(4, num_steps - 4, number)
    for row, place in enumerate(places):
        if row % 2:
            x[row, place - 2 : place + 3] += 2.0
    values = torch.stack([x, torch.ones_like(x)], dim=2)
    return values, torch.arange(number) % 2, places


@pytest.fixture(scope="module")
def bump_finder():
    config = Cnn1dConfig(widths=(8, 8), kernel_sizes=(5, 3), dropout=0.0)
    network = seeded(lambda: build_network(config, SeriesSpec(1, 40), 2))
    values, labels, _ = with_bumps(0, 64)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(values), labels).backward()
        optimizer.step()
    return network.eval()


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_a_planted_bump_is_found_by_a_trained_network(bump_finder, method):
    values, _, places = with_bumps(1, 12)
    hits = []
    for row in range(1, 12, 2):
        mask = values[row : row + 1, :, 1:]
        series = FromFunction(
            lambda x, mask=mask: bump_finder(torch.cat([x, mask.expand(len(x), -1, -1)], dim=2))
        )
        question = about_series(series, values[row : row + 1, :, :1], 1)
        found = attribute(method, question, ExplainConfig())
        hits.append(abs(int(found.argmax()) - places[row]) <= 3)
    assert np.mean(hits) >= 0.9


def test_attention_is_what_the_network_weighs_its_steps_by():
    network = seeded(
        lambda: build_network(GruConfig(hidden_size=4, readout="attention"), SeriesSpec(1, 12), 2)
    )
    inputs = torch.cat([drawn(4, 1, 12, 1), torch.ones(1, 12, 1)], dim=2)
    found = attribute("attention", about_series(network, inputs), FINE)
    np.testing.assert_allclose(found, network.attention(inputs)[0].detach(), rtol=1e-6)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("config", "side", "expected"),
    [
        (SmallCnnConfig(widths=(4, 6)), 8, (6, 4, 4)),
        (LeNet5Config(), 28, (16, 5, 5)),
        (WideResNetConfig(depth=10, width_factor=1), 16, (64, 4, 4)),
    ],
)
def test_grad_cam_looks_at_the_last_maps_with_more_than_one_place(config, side, expected):
    network = seeded(lambda: build_cnn(config, (1, side, side), 3)).eval()
    image = torch.zeros(1, 1, side, side)
    outputs = layer_outputs(network, image)
    name = last_maps(network, outputs)
    assert {layer.name: tuple(layer.output.shape[1:]) for layer in outputs}[name] == expected


def test_an_unknown_layer_is_answered_by_those_there_are():
    config = ExplainConfig(gradcam_layer="features.99")
    question = about_image(small_cnn(), drawn(1, 1, 1, SIDE, SIDE))
    with pytest.raises(ExplainError, match=r"gradcam_layer is 'features.99'.*'features.0', "):
        attribute("gradcam", question, config)


def test_a_method_that_does_not_fit_is_refused_with_those_that_do():
    question = about_image(small_cnn(), drawn(1, 1, 1, SIDE, SIDE))
    chosen, notes = choose_methods(question.network, question.explained, ExplainConfig())
    assert chosen == ("saliency", "integrated_gradients", "occlusion", "gradcam")
    assert "attention (the network has no readout" in notes[0]
    asked = ExplainConfig.of(methods="attention")
    with pytest.raises(ExplainError, match=r"'attention', but .* These fit: saliency, integrated"):
        choose_methods(question.network, question.explained, asked)
