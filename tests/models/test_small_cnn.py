import pytest
import torch
from torch import nn

from foldwise.models.config import SmallCnnConfig
from foldwise.models.small_cnn import SmallCnn


def features_shape(config, side):
    network = SmallCnn(config, (1, side, side), 3).eval()
    return tuple(network.features(torch.rand(1, 1, side, side)).shape[1:])


def test_the_number_of_parameters_is_that_of_its_convolutions_norms_and_last_layer():
    config = SmallCnnConfig(widths=(16, 32), depth=2)
    convolutions = 9 * (3 * 16 + 16 * 16 + 16 * 32 + 32 * 32)
    norms = 2 * (16 + 16 + 32 + 32)
    last = 32 * 10 + 10

    network = SmallCnn(config, (3, 28, 28), 10)

    assert sum(p.numel() for p in network.parameters()) == convolutions + norms + last


@pytest.mark.parametrize(
    ("side", "expected"), [(4, 4), (8, 4), (16, 4), (28, 7), (32, 8), (63, 15), (64, 8), (128, 16)]
)
def test_pooling_stops_at_four_pixels_and_large_images_are_halved_first(side, expected):
    config = SmallCnnConfig(widths=(4, 6, 8))

    assert features_shape(config, side) == (8, expected, expected)


def test_more_blocks_pool_more():
    assert features_shape(SmallCnnConfig(widths=(4, 4, 4, 4, 4)), 64) == (4, 4, 4)


def test_dropout_acts_in_training_only():
    network = SmallCnn(SmallCnnConfig(widths=(4,), dropout=0.5), (1, 8, 8), 3)
    images = torch.rand(4, 1, 8, 8)

    network.train()
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_convolutions_before_a_norm_carry_no_bias():
    network = SmallCnn(SmallCnnConfig(widths=(4, 8)), (1, 8, 8), 3)

    assert all(m.bias is None for m in network.modules() if isinstance(m, nn.Conv2d))
