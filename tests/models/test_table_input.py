import pytest
import torch

from foldwise.models.config.dense import MlpConfig
from foldwise.models.input_spec import TableSpec
from foldwise.models.number_embedding import make_number_embedding
from foldwise.models.table_input import TableInput, embedding_size_of

SPEC = TableSpec((0, 4, 0, 3))
ROWS = torch.tensor([[0.5, 1, -2.0, 2], [1.5, 3, 0.25, 0], [0.0, 0, 3.0, 1]])


def test_numbers_stay_as_they_are():
    rows = torch.randn(4, 3)

    assert torch.equal(TableInput(TableSpec((0, 0, 0)), embedding_size="auto")(rows), rows)


def test_categories_stand_behind_the_numbers_as_rows_of_their_columns_table():
    layer = TableInput(SPEC, embedding_size=5)
    first, second = (embedding.weight for embedding in layer.categories)

    features = layer(ROWS)

    assert layer.num_features == 2 + 5 + 5
    assert torch.equal(features[:, :2], ROWS[:, [0, 2]])
    assert torch.equal(features[:, 2:7], first[[1, 3, 0]])
    assert torch.equal(features[:, 7:], second[[2, 0, 1]])


def test_one_hot_has_a_column_for_each_known_category():
    layer = TableInput(SPEC, embedding_size="one_hot")

    features = layer(ROWS)

    assert features[:, 2:].tolist() == [[1, 0, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    assert layer.num_features == features.shape[1]
    assert list(layer.parameters()) == []


def test_the_unknown_category_is_zeros_and_never_learns():
    layer = TableInput(TableSpec((3,)), embedding_size=4)

    layer(torch.tensor([[0.0], [1.0]])).sum().backward()

    weight = layer.categories[0].weight
    assert not weight[0].any()
    assert weight.grad.tolist() == [[0] * 4, [1] * 4, [0] * 4]


@pytest.mark.parametrize("size", [1, 8, 64])
def test_a_category_weighs_at_first_what_a_standardised_number_does(size):
    torch.manual_seed(0)
    weight = TableInput(TableSpec((4001,)), embedding_size=size).categories[0].weight[1:]

    assert weight.square().sum(1).mean().item() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("cardinality", [2, 11, 101])
def test_the_automatic_size_is_fastais(cardinality):
    layer = TableInput(TableSpec((0, cardinality)), embedding_size="auto")

    assert layer.num_features == 1 + round(1.6 * cardinality**0.56)
    assert embedding_size_of(10**6) == 600


def test_numbers_can_be_embedded_beside_categories():
    config = MlpConfig(number_embedding="piecewise", number_embedding_size=3, num_bins=4)
    layer = TableInput(SPEC, embedding_size=5, numbers=make_number_embedding(config, 2))
    layer.initialise_from(ROWS)

    assert layer(ROWS).shape == (3, layer.num_features) == (3, 2 * (1 + 3) + 10)
    assert layer.numbers.features.edges[:, 0].tolist() == [0, -2]  # the least of each column
    assert layer.numbers.features.edges[:, -1].tolist() == [1.5, 3]
