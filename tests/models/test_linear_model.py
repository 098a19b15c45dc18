import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch.nn import functional

from foldwise.models import linear_model
from foldwise.models.config.dense import (
    LinearConfig,
    LogisticConfig,
    MlpConfig,
    PerceptronConfig,
)
from foldwise.models.input_spec import TableSpec


def fit(network, loss):
    optimizer = torch.optim.LBFGS(
        network.parameters(), max_iter=1000, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        value = loss(network)
        value.backward()
        return value

    optimizer.step(closure)


def standardised(x):
    return StandardScaler().fit_transform(x)


def test_under_cross_entropy_it_is_logistic_regression():
    x, y = load_wine(return_X_y=True)
    x, penalty = standardised(x), 1.0
    network = linear_model.build(LogisticConfig(), TableSpec((0,) * 13), 3).double()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    fit(
        network,
        lambda network: (
            functional.cross_entropy(network(inputs), targets, reduction="sum")
            + penalty / 2 * network.head.weight.square().sum()
        ),
    )

    reference = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(x, y)
    found = network(inputs).softmax(1).detach().numpy()
    np.testing.assert_allclose(found, reference.predict_proba(x), atol=1e-5)


def test_under_squares_it_is_linear_regression():
    x, y = load_diabetes(return_X_y=True)
    x, y = standardised(x), standardised(y[:, None])
    network = linear_model.build(LinearConfig(), TableSpec((0,) * 10), 1).double()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    fit(network, lambda network: functional.mse_loss(network(inputs), targets))

    expected = LinearRegression().fit(x, y).predict(x)
    np.testing.assert_allclose(network(inputs).detach().numpy(), expected, atol=1e-4)


def test_of_each_category_one_number_per_output_is_learnt():
    network = linear_model.build(LinearConfig(), TableSpec((0, 5)), 2)

    assert sum(p.numel() for p in network.parameters()) == (1 + 4) * 2 + 2


def test_probabilities_are_right_where_outputs_are_huge():
    network = linear_model.build(LogisticConfig(), TableSpec((0,)), 3)
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[1e4], [-1e4], [0.0]]))
        network.head.bias.zero_()
    outputs = network(torch.tensor([[1.0], [-1.0], [0.0]]))

    probabilities = outputs.softmax(1)
    functional.cross_entropy(outputs, torch.tensor([1, 1, 1])).backward()

    expected = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1 / 3] * 3])
    torch.testing.assert_close(probabilities, expected)
    assert network.head.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("config", "tasks"),
    [
        (PerceptronConfig, ("classification",)),
        (LogisticConfig, ("classification",)),
        (LinearConfig, ("regression",)),
        (MlpConfig, ("classification", "regression")),
    ],
)
def test_each_says_what_it_can_predict(config, tasks):
    assert config.tasks == tasks
    assert "tasks" not in config().model_dump()
