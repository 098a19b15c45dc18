import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import Perceptron as ScikitPerceptron
from torch import nn
from torch.nn import functional

from foldwise.models import linear_model, mlp
from foldwise.models.config.dense import MlpConfig, PerceptronConfig
from foldwise.models.input_spec import TableSpec
from foldwise.models.perceptron import (
    fit_perceptron,
    perceptron_loss,
    perceptron_losses,
    with_constant,
)

INPUTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"and": np.array([0, 0, 0, 1]), "or": np.array([0, 1, 1, 1])}
XOR = np.array([0, 1, 1, 0])


def two_irises():
    x, y = load_iris(return_X_y=True)
    return x[:100], y[:100]


def network_of_zeros(num_columns, num_classes):
    network = linear_model.build(PerceptronConfig(), TableSpec((0,) * num_columns), num_classes)
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)
    return network.double()


def plain_mlp(num_outputs, **values):
    config = MlpConfig(number_embedding="none", dropout=0.0, **values)
    return mlp.build(config, TableSpec((0, 0)), num_outputs)


def descend(network, x, y, *, num_epochs):
    """Descend on the loss of one sample after another, at the rate 1."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1)
    for _ in range(num_epochs):
        for sample, label in zip(torch.from_numpy(x), torch.from_numpy(y), strict=True):
            optimizer.zero_grad()
            perceptron_loss(network(sample[None]), label[None]).backward()
            optimizer.step()
    weights = torch.cat([network.head.bias[:, None], network.head.weight], dim=1)
    return weights.detach().numpy()


@pytest.mark.parametrize("gate", GATES)
def test_the_rule_learns_and_and_or(gate):
    fitted = fit_perceptron(INPUTS, GATES[gate])

    assert fitted.predict(INPUTS).tolist() == GATES[gate].tolist()
    assert fitted.mistakes[-1] == 0
    assert all(fitted.mistakes[:-1])


@pytest.mark.parametrize("gate", GATES)
def test_its_gradient_form_learns_them_too_from_random_weights(gate):
    torch.manual_seed(0)
    network = linear_model.build(PerceptronConfig(), TableSpec((0, 0)), 2).double()

    descend(network, INPUTS, GATES[gate], num_epochs=30)

    assert network(torch.from_numpy(INPUTS)).argmax(1).tolist() == GATES[gate].tolist()


def test_no_line_has_more_than_three_of_four_right_on_xor():
    """Sum the four conditions: f(0,0) + f(1,1) = f(0,1) + f(1,0), whatever the weights."""
    rng = np.random.default_rng(0)
    corners = with_constant(INPUTS)
    weights = rng.normal(size=(20_000, 3))
    right = ((weights @ corners.T > 0) == XOR).mean(1)

    assert right.max() == 0.75
    assert XOR @ corners @ weights[0] == pytest.approx((1 - XOR) @ corners @ weights[0])


def test_the_perceptron_is_stuck_on_xor():
    fitted = fit_perceptron(INPUTS, XOR, max_epochs=200)

    assert len(fitted.mistakes) == 200
    assert min(fitted.mistakes) > 0
    assert (fitted.predict(INPUTS) == XOR).mean() <= 0.75


def test_a_network_of_two_layers_solves_xor():
    torch.manual_seed(0)
    network = plain_mlp(2, widths=(8,), activation="tanh")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    inputs, targets = torch.from_numpy(INPUTS).float(), torch.from_numpy(XOR)
    for _ in range(100):
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()

    assert network(inputs).argmax(1).tolist() == XOR.tolist()


def test_two_xor_weights_are_known_in_closed_form():
    """Hidden units max(0, a + b) and max(0, a + b - 1), their output the first less twice."""
    network = plain_mlp(1, widths=(2,))
    dense = network.hidden[0][0]
    with torch.no_grad():
        dense.weight.fill_(1)
        dense.bias.copy_(torch.tensor([0.0, -1.0]))
        network.head.weight.copy_(torch.tensor([[1.0, -2.0]]))
        network.head.bias.zero_()

    found = network(torch.from_numpy(INPUTS).float()).flatten()

    assert found.tolist() == XOR.tolist()


@pytest.mark.parametrize("num_epochs", [1, 2, 5])
@pytest.mark.parametrize("data", [(INPUTS, GATES["and"]), (INPUTS, XOR), two_irises()])
def test_two_classes_are_scikit_learns_perceptron(data, num_epochs):
    x, y = data
    reference = ScikitPerceptron(shuffle=False, max_iter=num_epochs, tol=None, eta0=1.0).fit(x, y)

    weights = fit_perceptron(x, y, max_epochs=num_epochs).weights
    border = (weights[1] - weights[0]) / 2  # both classes move by a sample

    expected = np.concatenate([reference.intercept_, reference.coef_[0]])
    np.testing.assert_allclose(border, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("num_epochs", [1, 3])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_descent_on_the_criterion_makes_the_steps_of_the_rule(num_classes, num_epochs):
    """So a bias, which the network has beside its weights, is the weight of a constant 1."""
    x, y = load_iris(return_X_y=True)
    rows = np.random.default_rng(0).permutation(50 * num_classes)
    x, y = x[rows], y[rows].astype(np.int64)

    found = descend(network_of_zeros(4, num_classes), x, y, num_epochs=num_epochs)

    fitted = fit_perceptron(x, y, num_classes=num_classes, max_epochs=num_epochs)
    np.testing.assert_allclose(found, fitted.weights, rtol=0, atol=1e-6)


def test_a_bias_is_the_weight_of_a_constant():
    torch.manual_seed(0)
    network = linear_model.build(PerceptronConfig(), TableSpec((0, 0, 0)), 2).double()
    x = np.random.default_rng(0).normal(size=(7, 3))
    weights = torch.cat([network.head.bias[:, None], network.head.weight], dim=1).detach()

    found = with_constant(x) @ weights.numpy().T

    expected = network(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_mistakes_stay_below_novikoffs_bound():
    x, y = two_irises()
    fitted = fit_perceptron(x, y)
    border = fitted.weights[1] - fitted.weights[0]
    margins = (2 * y - 1) * (with_constant(x) @ border) / np.linalg.norm(border)
    longest = np.linalg.norm(with_constant(x), axis=1).max()

    # Of any border that separates, the found one too, the bound holds.
    assert margins.min() > 0
    assert sum(fitted.mistakes) <= (longest / margins.min()) ** 2


def test_the_criterion_of_one_output_is_its_formula():
    outputs = torch.tensor([[1.5], [-0.5], [2.0], [-3.0]])

    found = perceptron_losses(outputs, torch.tensor([1, 1, 0, 0]))

    assert found.tolist() == [0, 0.5, 2, 0]  # max(0, -y f)


def test_two_outputs_are_one_of_their_difference():
    outputs = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(50) % 2

    found = perceptron_losses(outputs, targets)

    torch.testing.assert_close(found, perceptron_losses(outputs.diff(dim=1), targets))


@pytest.mark.parametrize("num_classes", [2, 3, 6])
def test_of_many_classes_it_is_how_far_the_best_is_ahead_of_the_right_one(num_classes):
    outputs = torch.randn(40, num_classes, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(40) % num_classes
    margin = functional.multi_margin_loss(outputs, targets, margin=0, reduction="none")

    found = perceptron_losses(outputs, targets)

    right = outputs.gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(found, outputs.amax(1) - right)
    assert torch.equal(found > 0, margin > 0)  # torch's sums over all classes ahead


def test_shares_weigh_the_losses_of_their_classes():
    outputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    first, second = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1, 2, 2, 0, 0])
    shares = 0.7 * functional.one_hot(first, 3) + 0.3 * functional.one_hot(second, 3)

    found = perceptron_losses(outputs, shares)

    expected = 0.7 * perceptron_losses(outputs, first) + 0.3 * perceptron_losses(outputs, second)
    torch.testing.assert_close(found, expected)


def test_a_tie_moves_weights_of_zero():
    outputs = torch.zeros(1, 3, requires_grad=True)

    perceptron_loss(outputs, torch.tensor([2])).backward()

    gradient = outputs.grad[0].tolist()
    assert gradient[2] == -1
    assert sorted(gradient[:2]) == [0, 1]
