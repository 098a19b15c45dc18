import pytest
import torch
from torch import nn

from foldwise.models import resnet1d
from foldwise.models.config.temporal import ResNet1dConfig
from foldwise.models.input_spec import SeriesSpec


def block_size(num_in, num_out):
    """Count convolutions of 8, 5 and 3 steps with their norms, and the shortcut."""
    convolutions = num_out * (8 * num_in + 5 * num_out + 3 * num_out)
    shortcut = num_in * num_out if num_in != num_out else 0
    return convolutions + shortcut + 4 * 2 * num_out


def test_the_number_of_parameters_is_that_of_the_papers_network_without_idle_biases():
    network = resnet1d.build(ResNet1dConfig(), SeriesSpec(1, 150), 2)

    blocks = block_size(1, 64) + block_size(64, 128) + block_size(128, 128)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == blocks + (128 + 1) * 2 == 503_106


@pytest.mark.parametrize("num_in", [4, 6])
def test_a_block_whose_convolutions_give_nothing_gives_its_normed_input_rectified(num_in):
    torch.manual_seed(0)
    block = resnet1d.ResidualStepBlock(num_in, 6, (8, 5, 3))
    for convolution in block.convolutions:
        nn.init.zeros_(convolution.convolution.weight)
    x = torch.randn(3, num_in, 1, 10)
    passed = x
    if num_in != 6:
        passed = torch.einsum("oi,birt->bort", block.shortcut.convolution.weight[..., 0, 0], x)

    expected = nn.BatchNorm2d(6)(passed).relu()

    torch.testing.assert_close(block(x, None), expected)
