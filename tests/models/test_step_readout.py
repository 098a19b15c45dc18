import pytest
import torch

from foldwise.models.real_steps import PaddedSteps, real_steps
from foldwise.models.step_readout import read_steps

FEATURES = torch.tensor([[[[-4.0, -2.0, 0.0, 0.0]]], [[[1.0, 2.0, 6.0, 3.0]]]])  # (2, 1, 1, 4)
MASK = torch.tensor([[True, True, False, False], [True, True, True, True]])


@pytest.mark.parametrize(
    ("readout", "padded", "unpadded"),
    [
        ("mean", [-3.0, 3.0], [-1.5, 3.0]),
        ("max", [-2.0, 6.0], [0.0, 6.0]),
        ("last", [-2.0, 3.0], [0.0, 3.0]),
    ],
)
def test_padding_is_read_over(readout, padded, unpadded):
    assert (
        read_steps(FEATURES, PaddedSteps(MASK[:, None, None]), readout).flatten().tolist()
        == padded
    )
    assert read_steps(FEATURES, None, readout).flatten().tolist() == unpadded


def test_layers_are_only_told_of_steps_where_some_are_padding():
    assert real_steps(torch.ones(2, 3, dtype=torch.bool)) is None
    assert real_steps(MASK.to("meta")) is None
    assert torch.equal(real_steps(MASK).mask, MASK[:, None, None])


def test_the_first_step_of_an_empty_sequence_counts_as_real():
    steps = real_steps(torch.tensor([[False, False, False], [True, True, False]]))

    assert steps.mask.flatten(1).tolist() == [[True, False, False], [True, True, False]]
