import pytest
import torch

from foldwise.models.config.sequence import SequenceConfig
from foldwise.models.input_spec import SeriesSpec, TokenSpec
from foldwise.models.sequence_input import SequenceInput, lengths_of, zero_padding

TOKENS = torch.tensor([[3, 1, 2, 0], [2, 0, 0, 0], [4, 4, 3, 2]])
LENGTHS = [3, 1, 4]


def make_input(spec, **parameters):
    torch.manual_seed(0)
    return SequenceInput(SequenceConfig(name="any", **parameters), spec)


def test_series_keep_their_channels_and_lose_the_mask():
    series = torch.randn(2, 5, 4)
    series[..., -1] = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    layer = make_input(SeriesSpec(3, 5))

    features, mask = layer(series)

    assert layer.num_features == 3
    assert torch.equal(features, series[..., :3])
    assert mask.tolist() == [[True] * 5, [True, True, False, False, False]]


def test_a_step_whose_values_are_zero_is_a_step():
    series = torch.tensor([[[0.0, 1], [0, 1], [0, 0]]])

    assert lengths_of(make_input(SeriesSpec(1, 3))(series)[1]).tolist() == [2]


def test_the_one_hot_matrix_of_seven_tokens_and_a_dictionary_of_ten():
    """The course's example: a sentence of 7 words, 10 words known, a 7 x 10 matrix."""
    sentence = torch.tensor([[3, 9, 1, 10, 2, 3, 1]])
    layer = make_input(TokenSpec(11, 7), token_input="one_hot")

    features, mask = layer(sentence)

    expected = torch.zeros(7, 10)
    for step, token in enumerate(sentence[0]):
        expected[step, token - 1] = 1  # number 0 is padding, and has no column
    assert layer.num_features == 10
    assert torch.equal(features[0], expected)
    assert bool(mask.all())


@pytest.mark.parametrize("token_input", ["embedding", "one_hot"])
def test_padding_is_zeros_and_equal_tokens_are_equal_features(token_input):
    layer = make_input(TokenSpec(5, 4), token_input=token_input, embedding_size=6)

    features, mask = layer(TOKENS)

    assert features.shape == (3, 4, 6 if token_input == "embedding" else 4)
    assert features.dtype == torch.float32
    assert lengths_of(mask).tolist() == LENGTHS
    assert not features[~mask].any()
    assert bool((features[mask] != 0).any(dim=-1).all())
    assert torch.equal(features[2, 0], features[2, 1])
    assert torch.equal(features[0, 0], features[2, 2])
    assert not torch.equal(features[0, 0], features[0, 1])


def test_padding_is_not_learned():
    layer = make_input(TokenSpec(5, 4), embedding_size=6)

    layer(TOKENS)[0].sum().backward()

    rows = layer.embedding.weight.grad.abs().sum(dim=1)
    assert rows[0] == 0
    assert bool((rows[1:] > 0).all())


@pytest.mark.parametrize("spec", [SeriesSpec(2, 3), TokenSpec(5, 3)])
def test_a_sequence_without_steps_is_one_step_of_zeros(spec):
    is_series = isinstance(spec, SeriesSpec)
    empty = torch.zeros(1, 3, 3) if is_series else torch.zeros(1, 3, dtype=torch.int64)

    features, mask = make_input(spec)(empty)

    assert mask.tolist() == [[True, False, False]]
    assert not features.any()


def test_zero_padding_changes_padding_alone():
    features, mask = (
        torch.randn(2, 3, 4),
        torch.tensor([[True, True, False], [True, False, False]]),
    )

    zeroed = zero_padding(features, mask)

    assert torch.equal(zeroed[mask], features[mask])
    assert not zeroed[~mask].any()
