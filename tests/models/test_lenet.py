import pytest
import torch
from torch import nn

from foldwise.models.config import LeNet5Config
from foldwise.models.lenet import LeNet5, to_paper_size


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_it_has_the_61706_parameters_of_the_fully_connected_version():
    assert num_parameters(LeNet5(LeNet5Config(), 1, 10)) == 61_706
    assert num_parameters(LeNet5(LeNet5Config(), 3, 10)) == 61_706 + 2 * 6 * 5 * 5


def test_every_layer_has_the_shape_of_the_paper():
    network = LeNet5(LeNet5Config(), 1, 10)
    shapes = []
    for layer in [*network.features, *network.classifier]:
        layer.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))

    network(torch.rand(2, 1, 32, 32))

    tanh_left_out = [shape for i, shape in enumerate(shapes) if i == 0 or shape != shapes[i - 1]]
    c1, s2, c3, s4 = (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)
    assert tanh_left_out == [c1, s2, c3, s4, (400,), (120,), (84,), (10,)]


def test_its_activation_is_tanh_unless_another_one_is_asked_for():
    kinds = {
        name: {type(m) for m in LeNet5(LeNet5Config(**given), 1, 10).modules()}
        for name, given in (("paper", {}), ("today", {"activation": "relu"}))
    }

    assert nn.Tanh in kinds["paper"]
    assert nn.ReLU not in kinds["paper"]
    assert nn.ReLU in kinds["today"]
    assert nn.Tanh not in kinds["today"]


def test_images_of_the_papers_size_are_left_alone():
    images = torch.rand(2, 1, 32, 32)

    assert torch.equal(to_paper_size(images), images)


def test_28_pixels_are_padded_as_by_a_padding_of_two_in_the_first_convolution():
    network = LeNet5(LeNet5Config(), 1, 10)
    images = torch.rand(2, 1, 28, 28)
    padded = nn.Conv2d(1, 6, 5, padding=2)
    padded.load_state_dict(network.features[0].state_dict())

    features = network.features[1:](padded(images))

    torch.testing.assert_close(network(images), network.classifier(features))


@pytest.mark.parametrize("shape", [(8, 8), (27, 32), (31, 64), (100, 40)])
def test_other_sizes_are_scaled_and_keep_their_content(shape):
    # A ramp stays a ramp from edge to edge; only the half pixels at the border are held.
    ramp = torch.linspace(0, 1, shape[1]).expand(1, 1, *shape)

    scaled = to_paper_size(ramp)

    expected = ((torch.arange(32) + 0.5) * shape[1] / 32 - 0.5).clamp(0, shape[1] - 1)
    expected = (expected / (shape[1] - 1)).expand(1, 1, 32, 32)
    inner = slice(2, -2)  # an antialiasing filter reaches over the edge
    torch.testing.assert_close(scaled[..., inner], expected[..., inner], rtol=0, atol=2e-3)
