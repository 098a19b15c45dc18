import pytest
import torch
from torch import nn

from foldwise.models.config import ResNet18Config
from foldwise.models.resnet import ResNet18


@pytest.fixture(scope="module")
def reference():
    """torchvision's network, its statistics moved away from their initial values."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def test_with_torchvisions_weights_it_computes_what_torchvision_computes(reference):
    network = ResNet18(ResNet18Config(), (3, 96, 96), 1000).eval()
    network.load_state_dict(reference.state_dict(), strict=True)
    images = torch.rand(2, 3, 96, 96)

    with torch.no_grad():
        torch.testing.assert_close(network(images), reference(images), rtol=1e-4, atol=1e-4)


def test_it_has_as_many_parameters_as_torchvisions(reference):
    network = ResNet18(ResNet18Config(), (3, 224, 224), 1000)
    count = sum(p.numel() for p in network.parameters())

    assert count == sum(p.numel() for p in reference.parameters()) == 11_689_512


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [("auto", 28, 28), ("auto", 63, 63), ("auto", 64, 16), ("3x3", 64, 64), ("7x7", 32, 8)],
)
def test_small_images_keep_their_size_in_the_stem(stem, side, expected):
    network = ResNet18(ResNet18Config(width=4, stem=stem), (1, side, side), 3).eval()

    stem_output = network.maxpool(network.conv1(torch.rand(1, 1, side, side)))

    assert stem_output.shape == (1, 4, expected, expected)
