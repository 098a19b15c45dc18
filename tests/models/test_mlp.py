import itertools
import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.datasets import make_moons
from torch import nn
from torch.nn import functional

from foldwise.models import mlp
from foldwise.models.config.dense import MlpConfig
from foldwise.models.data_initialised import DataInitialised
from foldwise.models.initialisation import initialise
from foldwise.models.input_spec import TableSpec
from foldwise.models.maxout import Maxout


def build(num_columns=4, num_outputs=3, seed=0, **values):
    """Return a plain net of as many columns of numbers, but for what is asked for."""
    torch.manual_seed(seed)
    config = MlpConfig(**{"number_embedding": "none", "dropout": 0.0} | values)
    return mlp.build(config, TableSpec((0,) * num_columns), num_outputs)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("widths", [(5,), (5, 6)])
def test_it_is_the_formula_of_nets_of_two_and_three_layers(widths):
    network = build(widths=widths)
    x = np.random.default_rng(0).normal(size=(7, 4))
    weights = [p.detach().numpy() for name, p in network.named_parameters() if "weight" in name]
    for name, parameter in network.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)

    found = network(torch.from_numpy(x).float()).detach().numpy()

    if len(widths) == 1:  # W2 max(0, W1 x)
        expected = weights[1] @ np.maximum(0, weights[0] @ x.T)
    else:  # W3 max(0, W2 max(0, W1 x))
        expected = weights[2] @ np.maximum(0, weights[1] @ np.maximum(0, weights[0] @ x.T))
    np.testing.assert_allclose(found, expected.T, atol=1e-5)


def test_maxout_takes_the_largest_of_as_many_linear_maps():
    plain, network = build(widths=(5,)), build(widths=(5,), activation="maxout", maxout_pieces=3)
    x = torch.randn(6, 4)
    dense = network.hidden[0][0]
    pieces = dense(x).reshape(6, 5, 3)

    torch.testing.assert_close(network(x), network.head(pieces.amax(2)))
    assert isinstance(network.hidden[0][2], Maxout)
    hidden = num_parameters(plain) - num_parameters(plain.head)
    assert num_parameters(network) - num_parameters(network.head) == 3 * hidden


@pytest.mark.parametrize("widths", [(4, 4), (6, 2)])
def test_residual_layers_add_what_they_were_given(widths):
    network = build(widths=widths, residual=True)
    x = torch.randn(6, 4)
    expected = x
    for block in network.hidden:
        shortcut = (
            expected if isinstance(block.shortcut, nn.Identity) else block.shortcut(expected)
        )
        expected = shortcut + functional.relu(block.layer[0](expected))

    torch.testing.assert_close(network(x), network.head(expected))
    is_same = [isinstance(block.shortcut, nn.Identity) for block in network.hidden]
    assert is_same == [a == b for a, b in zip((4, *widths), widths, strict=False)]


@pytest.mark.parametrize(("norm", "axis"), [("batch", 0), ("layer", 1)])
def test_norms_leave_mean_zero_and_deviation_one_over_their_axis(norm, axis):
    network = build(widths=(16,), norm=norm)
    dense, norm_layer = network.hidden[0][:2]

    normed = norm_layer(dense(3 + 5 * torch.randn(32, 4)))

    means, deviations = normed.mean(axis), normed.std(axis, unbiased=False)
    torch.testing.assert_close(means, torch.zeros_like(means), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviations, torch.ones_like(deviations), atol=1e-2, rtol=0)
    assert dense.bias is None


@pytest.mark.parametrize("where", ["dropout", "input_dropout"])
def test_dropout_works_in_training_alone_at_its_place(where):
    network, x = build(widths=(64,), **{where: 0.5}), torch.ones(200, 4)
    dropouts = [m for m in (network.input_dropout, network.hidden[0][3]) if m.p > 0]
    network.input_dropout.register_forward_hook(lambda m, args, out: seen.update(input=out))
    network.hidden.register_forward_hook(lambda m, args, out: seen.update(hidden=out))
    seen = {}

    network(x)

    assert len(dropouts) == 1
    dropped = (seen["input"] == 0).float().mean().item()
    assert dropped == pytest.approx(0.5 if where == "input_dropout" else 0, abs=0.1)
    assert len(seen["hidden"].unique(dim=0)) > 1
    network.eval()
    assert len(network(x).unique(dim=0)) == 1


def test_categories_may_be_one_hot():
    spec, plain = TableSpec((0, 5)), MlpConfig(widths=(2,), number_embedding="none")
    one_hot, embedded = (
        mlp.build(plain.model_copy(update=update), spec, 1)
        for update in ({"category_input": "one_hot"}, {"embedding_size": 3})
    )

    assert num_parameters(one_hot) == (1 + 4) * 2 + 2 + 2 + 1
    assert num_parameters(embedded) == 5 * 3 + (1 + 3) * 2 + 2 + 2 + 1


def test_by_default_numbers_are_placed_among_the_quantiles_of_training_rows():
    network = mlp.build(MlpConfig(), TableSpec((3, 0)), 1)
    rows = torch.tensor([[0, -5.0], [1, 2.0], [2, 9.0]])
    assert isinstance(network, DataInitialised)

    network.initialise_from(rows)

    edges = network.input.numbers.features.edges
    assert edges.unique().tolist() == [-5, 2, 9]


def test_without_quantiles_training_rows_change_nothing():
    network = build()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    network.initialise_from(torch.randn(10, 4))

    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"widths": ()}, "at least 1 item"),
        ({"widths": (0,)}, "greater than or equal to 1"),
        ({"activation": "step"}, "'sigmoid', .* or 'maxout'"),
        ({"norm": "group"}, "'batch', 'layer' or 'none'"),
        ({"dropout": 1.0}, "less than 1"),
        ({"number_embedding": "linear"}, "'none', 'periodic' or 'piecewise'"),
        ({"frequency_scale": 0}, "greater than 0"),
        ({"num_bins": 1}, "greater than or equal to 2"),
        ({"embedding_size": 0}, "embedding_size"),
        ({"width": (3,)}, "did you mean 'widths'"),
    ],
)
def test_a_wrong_parameter_is_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        MlpConfig(**wrong)


# What the lectures show of nets for tables


def moons(num_samples, seed):
    x, y = make_moons(num_samples, noise=0.3, random_state=seed)
    return torch.from_numpy(2 * x).float(), torch.from_numpy(y)


def errors_of_width(width, seed):
    """Return the errors in training, of few samples, and on many unseen ones."""
    network = build(2, 2, seed, widths=(width,), activation="tanh")
    x, y = moons(60, seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, fused=True)
    for _ in range(300):
        optimizer.zero_grad()
        functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    unseen, labels = moons(2000, seed + 100)
    with torch.no_grad():
        return [
            (network(inputs).argmax(1) != targets).float().mean().item()
            for inputs, targets in ((x, y), (unseen, labels))
        ]


def test_the_wider_the_net_the_smaller_its_training_error_and_the_wider_the_gap():
    errors = [
        np.mean([errors_of_width(width, seed) for seed in range(3)], axis=0)
        for width in (3, 6, 20)
    ]

    training = [seen for seen, _ in errors]
    gaps = [unseen - seen for seen, unseen in errors]
    assert training[0] > 2 * training[1] > 4 * training[2]
    assert 2 * gaps[0] < gaps[1] < gaps[2]


def test_from_zeros_all_units_of_a_layer_stay_equal_however_long_they_are_trained():
    network = initialise(build(widths=(6, 6), activation="sigmoid"), "zeros")
    x, targets = torch.randn(32, 4), torch.arange(32) % 5 % 3
    optimizer = torch.optim.SGD(network.parameters(), lr=2)
    for _ in range(200):
        optimizer.zero_grad()
        functional.cross_entropy(network(x), targets).backward()
        optimizer.step()

    for layer in network.hidden:
        weight = layer[0].weight.detach()  # (units, inputs)
        assert weight.abs().max() > 1e-3
        assert (weight - weight[:1]).abs().max() < 1e-4 * weight.abs().max()


def test_its_own_draw_keeps_the_size_of_signals_over_ten_layers():
    for activation, scale in (("relu", 1.0), ("tanh", 0.1)):
        network = build(num_columns=256, widths=(256,) * 10, activation=activation)
        x = scale * torch.randn(200, 256)
        with torch.no_grad():
            ratio = (network.hidden(x).square().mean() / x.square().mean()).item()
        assert 0.5 < ratio < 2


def gradient_norms(activation, init):
    """The norm of the gradient of each hidden layer's weights, first layer first."""
    network = initialise(build(num_columns=32, widths=(32,) * 10, activation=activation), init)
    x, targets = torch.randn(64, 32), torch.arange(64) % 3
    functional.cross_entropy(network(x), targets).backward()
    return [layer[0].weight.grad.norm().item() for layer in network.hidden]


def test_gradients_vanish_with_depth_under_sigmoids_and_much_less_under_rectifiers_with_he():
    sigmoid, relu = (
        gradient_norms("sigmoid", "xavier_uniform"),
        gradient_norms("relu", "he_normal"),
    )

    assert sigmoid[0] < 1e-4 * sigmoid[-1]
    assert all(earlier < later for earlier, later in itertools.pairwise(sigmoid))
    # A sigmoid's slope is at most 1/4: ten layers lose what a rectifier keeps.
    assert relu[0] > 0.1 * relu[-1]
    assert math.log10(relu[0] / relu[-1]) - math.log10(sigmoid[0] / sigmoid[-1]) > 3


def test_residual_layers_pass_gradients_to_the_first_under_sigmoids_too():
    norms = {}
    for residual in (False, True):
        network = build(num_columns=32, widths=(32,) * 10, activation="sigmoid", residual=residual)
        x, targets = torch.randn(64, 32), torch.arange(64) % 3
        functional.cross_entropy(network(x), targets).backward()
        dense = [m for m in network.hidden.modules() if isinstance(m, nn.Linear)]
        norms[residual] = dense[0].weight.grad.norm() / dense[-1].weight.grad.norm()

    assert norms[True] > 0.1
    assert norms[True] > 1e3 * norms[False]


@pytest.mark.parametrize("name", ["periodic", "piecewise"])
def test_embedded_numbers_make_a_fast_change_easy(name):
    """A sine of eight periods over the data, which a plain net of the same size misses."""
    x = torch.linspace(-1.7, 1.7, 256).unsqueeze(1)
    y = (8 * 2 * math.pi * x / 3.4).sin()
    errors = {}
    for number_embedding in ("none", name):
        network = build(
            1,
            1,
            widths=(32,),
            number_embedding=number_embedding,
            frequency_scale=2.0,
            num_bins=64,
        )
        network.initialise_from(x)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(200):
            optimizer.zero_grad()
            loss = functional.mse_loss(network(x), y)
            loss.backward()
            optimizer.step()
        errors[number_embedding] = loss.item()

    assert errors["none"] > 0.3
    assert errors[name] < 0.1
