import pytest
import torch
from torch.nn import functional

from foldwise.models.step_convolution import CausalConvolution, SameConvolution


def set_ones(convolution):
    torch.nn.init.ones_(convolution.weight)
    return convolution


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 8, 39, 40])
@pytest.mark.parametrize("num_steps", [1, 7, 30])
def test_same_convolution_is_torchs_with_the_padding_same(kernel_size, num_steps):
    torch.manual_seed(0)
    convolution = SameConvolution(3, 4, kernel_size, bias=True)
    x = torch.randn(2, 3, 1, num_steps)

    expected = functional.conv1d(
        x.squeeze(2), convolution.weight.squeeze(2), convolution.bias, padding="same"
    )

    assert convolution(x).shape == (2, 4, 1, num_steps)
    torch.testing.assert_close(convolution(x).squeeze(2), expected)


def test_an_even_kernel_sees_one_step_more_after_than_before():
    convolution = set_ones(SameConvolution(1, 1, 4))
    powers = torch.tensor([[[[1.0, 10.0, 100.0, 1000.0, 10_000.0]]]])

    assert convolution(powers).flatten().tolist() == [111, 1111, 11110, 11100, 11000]


def test_a_causal_convolution_sees_a_step_and_those_before_it():
    convolution = set_ones(CausalConvolution(1, 1, 3, dilation=2, bias=False))
    powers = torch.tensor([[[[1.0, 10.0, 100.0, 1000.0, 10_000.0]]]])

    assert convolution(powers).flatten().tolist() == [1, 10, 101, 1010, 10101]
