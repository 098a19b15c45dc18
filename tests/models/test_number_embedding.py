import math

import numpy as np
import pytest
import torch
from sklearn.preprocessing import KBinsDiscretizer
from torch import nn

from foldwise.models.config.dense import MlpConfig
from foldwise.models.number_embedding import (
    NumberEmbedding,
    PeriodicFeatures,
    PiecewiseFeatures,
    make_number_embedding,
)


def of_edges(*edges):
    """Features of columns with these edges."""
    layer = PiecewiseFeatures(len(edges), len(edges[0]) - 1)
    layer.edges.copy_(torch.tensor(edges))
    return layer


def test_periodic_features_are_the_papers_formula():
    torch.manual_seed(0)
    layer = PeriodicFeatures(2, 3, scale=1.0)
    numbers = torch.randn(4, 2)

    found = layer(numbers)

    for column in range(2):
        for i in range(3):
            angle = 2 * math.pi * layer.frequencies[column * 3 + i] * numbers[:, column]
            torch.testing.assert_close(found[:, column, i], angle.cos())
            torch.testing.assert_close(found[:, column, 3 + i], angle.sin())


@pytest.mark.parametrize("scale", [0.01, 2.0])
def test_the_scale_is_the_deviation_of_the_first_frequencies(scale):
    torch.manual_seed(0)
    frequencies = PeriodicFeatures(50, 100, scale).frequencies

    assert frequencies.std().item() == pytest.approx(scale, rel=0.05)
    assert frequencies.abs().max() <= 3 * scale


def test_piecewise_features_are_the_papers_formula():
    numbers = torch.tensor([[-3.0], [0.0], [0.5], [1.0], [2.0], [4.0], [9.0]])

    found = of_edges([0.0, 1.0, 3.0, 4.0])(numbers)[:, 0]

    expected = [
        *([-3, 0, 0], [0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 0.5, 0], [1, 1, 1]),
        [1, 1, 6],  # the first and the last go on straight
    ]
    assert found.tolist() == expected


def test_bins_that_are_no_bins_are_zero_and_the_last_true_one_goes_on():
    numbers = torch.tensor([[-1.0], [0.5], [3.0]])

    found = of_edges([0.0, 1.0, 1.0, 1.0])(numbers)[:, 0]

    assert found.tolist() == [[-1, 0, 0], [0.5, 0, 0], [3, 0, 0]]


def test_edges_are_quantiles_of_each_column():
    x = np.random.default_rng(0).normal(size=(1001, 3)) ** 3
    reference = KBinsDiscretizer(10, strategy="quantile", quantile_method="linear").fit(x)
    layer = PiecewiseFeatures(3, 10)

    layer.initialise_from(torch.from_numpy(x))

    np.testing.assert_allclose(layer.edges, np.stack(reference.bin_edges_), rtol=1e-6)


def test_a_column_of_few_values_has_bins_between_these_alone():
    numbers = torch.tensor([[0.0, 5.0], [1.0, 5.0], [1.0, 5.0], [4.0, 5.0]])
    layer = PiecewiseFeatures(2, 8)

    layer.initialise_from(numbers)

    assert layer.edges.tolist() == [[0, 1, *[4] * 7], [5, *[6] * 8]]
    found = layer(torch.tensor([[2.5, 5.5]]))[0]
    assert found.tolist() == [[1, 0.5, *[0] * 6], [0.5, *[0] * 7]]


def test_no_order_of_the_samples_matters():
    numbers = torch.randn(100, 2)
    one, other = PiecewiseFeatures(2, 16), PiecewiseFeatures(2, 16)

    one.initialise_from(numbers)
    other.initialise_from(numbers.flip(0))

    assert torch.equal(one.edges, other.edges)


def test_before_it_looked_at_data_edges_are_those_of_a_normal_distribution():
    layer = PiecewiseFeatures(1, 16)
    numbers = torch.randn(40_000, generator=torch.Generator().manual_seed(0))

    shares = torch.bucketize(numbers, layer.edges[0]).bincount() / len(numbers)

    assert layer.edges.isfinite().all()
    torch.testing.assert_close(shares[1:-1], torch.full((16,), 1 / 17), atol=0.01, rtol=0)


def test_the_embedding_is_the_number_and_a_rectified_layer_of_its_own_column():
    torch.manual_seed(0)
    layer = NumberEmbedding(PeriodicFeatures(3, 4, 1.0), 5)
    numbers = torch.randn(6, 3)

    found = layer(numbers)

    assert found.shape == (6, layer.num_features) == (6, 3 * (1 + 5))
    assert torch.equal(found[:, :3], numbers)
    features = layer.features(numbers)
    for column, embedded in enumerate(found[:, 3:].split(5, dim=1)):
        dense = nn.Linear(8, 5)
        with torch.no_grad():
            dense.weight.copy_(layer.weight[column].T)
            dense.bias.copy_(layer.bias[5 * column : 5 * column + 5])
        torch.testing.assert_close(embedded, dense(features[:, column]).relu())


@pytest.mark.parametrize(("name", "num_columns"), [("none", 3), ("periodic", 0), ("piecewise", 0)])
def test_without_numbers_or_by_choice_there_is_none(name, num_columns):
    assert make_number_embedding(MlpConfig(number_embedding=name), num_columns) is None
