import torch
from torch import nn

from foldwise.models.maxout import Maxout


def num_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def maxout_layer(num_in, num_out, pieces):
    return nn.Sequential(nn.Linear(num_in, num_out * pieces), Maxout(pieces))


def test_two_pieces_are_the_larger_one_of_two_linear_maps():
    torch.manual_seed(0)
    layer = maxout_layer(5, 3, pieces=2)
    x = torch.randn(7, 5)
    weight, bias = layer[0].weight, layer[0].bias

    first = x @ weight[0::2].T + bias[0::2]
    second = x @ weight[1::2].T + bias[1::2]

    torch.testing.assert_close(layer(x), torch.maximum(first, second))


def test_k_pieces_have_k_times_the_parameters():
    linear = nn.Linear(5, 3)

    for pieces in (1, 2, 3, 5):
        assert num_parameters(maxout_layer(5, 3, pieces)) == pieces * num_parameters(linear)


def test_one_piece_changes_nothing_and_maps_keep_their_places():
    maps = torch.randn(2, 6, 4, 5)

    assert torch.equal(Maxout(1)(maps), maps)
    assert torch.equal(Maxout(3)(maps), torch.stack([m.amax(1) for m in maps.split(3, 1)], 1))


def test_two_pieces_can_be_the_absolute_value_which_no_single_rectifier_is():
    layer = maxout_layer(1, 1, pieces=2)
    with torch.no_grad():
        layer[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer[0].bias.zero_()
    x = torch.linspace(-2, 2, 9).unsqueeze(1)

    assert torch.equal(layer(x), x.abs())
