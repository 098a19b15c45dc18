"""Predictions averaged over changed copies."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from foldwise.errors import UserError
from foldwise.modules.test_time import predict_logits
from foldwise.modules.test_time_config import TestTimeConfig


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(2 * 6 * 5, 3)).eval()


@pytest.fixture
def inputs():
    return torch.randn(4, 2, 6, 5, generator=torch.Generator().manual_seed(1))


def moved(inputs, rows, columns):
    """Move by whole pixels with NumPy; a reflection leaves the outermost pixels alone."""
    greatest = max(abs(rows), abs(columns))
    padded = np.pad(inputs.numpy(), [(0, 0)] * 2 + [(greatest, greatest)] * 2, mode="reflect")
    rolled = np.roll(padded, (rows, columns), axis=(2, 3))
    inside = slice(greatest, -greatest)
    return torch.from_numpy(rolled[:, :, inside, inside].copy())


def test_without_copies_the_network_is_asked_once(network, inputs):
    assert torch.equal(predict_logits(network, inputs, TestTimeConfig()), network(inputs))


def test_both_ways_round_count_alike(network, inputs):
    expected = (network(inputs) + network(inputs.flip(-1))) / 2

    torch.testing.assert_close(
        predict_logits(network, inputs, TestTimeConfig(flip=True)), expected
    )


@pytest.mark.parametrize("shift", [1, 3])
def test_the_image_itself_weighs_as_much_as_both_shifted_ones(network, inputs, shift):
    there, back = moved(inputs, shift, shift), moved(inputs, -shift, -shift)
    expected = 0.5 * network(inputs) + 0.25 * network(there) + 0.25 * network(back)

    found = predict_logits(network, inputs, TestTimeConfig(shift=shift))

    torch.testing.assert_close(found, expected)


def test_each_shifted_image_counts_both_ways_round(network, inputs):
    config = TestTimeConfig(flip=True, shift=1)
    copies = [inputs, moved(inputs, 1, 1), moved(inputs, -1, -1)]
    both_ways = [(network(copy) + network(copy.flip(-1))) / 2 for copy in copies]

    found = predict_logits(network, inputs, config)

    torch.testing.assert_close(found, (2 * both_ways[0] + both_ways[1] + both_ways[2]) / 4)


def test_the_network_is_asked_once_per_copy(inputs):
    seen = []

    def network(images):
        seen.append(tuple(images.shape))
        return torch.zeros(len(images), 3)

    assert predict_logits(network, inputs, TestTimeConfig(flip=True, shift=2)).shape == (4, 3)
    assert seen == [tuple(inputs.shape)] * 6


def test_a_shift_beyond_the_image_is_refused_in_the_users_words(network, inputs):
    with pytest.raises(UserError, match=r"test_time.shift is 5 px.* 6 x 5 px.*Allowed: 0 to 4"):
        predict_logits(network, inputs, TestTimeConfig(shift=5))


@pytest.mark.parametrize(("name", "value"), [("shift", -1), ("shift", 17), ("flip", "often")])
def test_a_bad_value_is_refused_and_named(name, value):
    with pytest.raises(ValidationError, match=name):
        TestTimeConfig.of(**{name: value})


def test_the_parameters_can_be_read_without_loading_torch():
    code = "import sys, foldwise.modules.test_time_config; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
