import pytest
import torch
from torch import nn

from foldwise.models.build import build_cnn
from foldwise.models.config import MobileNetV2Config


def on_meta(config, shape=(3, 224, 224), num_classes=1000):
    with torch.device("meta"):
        return build_cnn(config, shape, num_classes)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_number_of_parameters_is_that_of_the_papers_network():
    assert num_parameters(on_meta(MobileNetV2Config())) == 3_504_872


@pytest.mark.parametrize("options", [{}, {"dropout": 0.0, "stochastic_depth": 0.3}], ids=str)
def test_torchvisions_weights_fit_whatever_the_regularisation(options):
    from torchvision.models import mobilenet_v2

    with torch.device("meta"):
        reference = mobilenet_v2().state_dict()

    ours = on_meta(MobileNetV2Config(**options)).state_dict()

    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in reference.items()}


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [("auto", 32, 4), ("auto", 64, 2), ("small", 64, 8), ("large", 32, 1), ("auto", 8, 1)],
)
def test_the_small_stem_halves_images_three_times_and_the_large_one_five_times(
    stem, side, expected
):
    network = on_meta(MobileNetV2Config(stem=stem), (1, side, side), 3)

    maps = network.features(torch.empty(2, 1, side, side, device="meta"))

    assert maps.shape == (2, 1280, expected, expected)


def test_the_stem_does_not_change_the_number_of_parameters():
    small, large = (
        num_parameters(on_meta(MobileNetV2Config(stem=stem))) for stem in ("small", "large")
    )

    assert small == large


def test_bottlenecks_are_linear_and_blocks_widen_between_them():
    from torchvision.models.mobilenetv2 import InvertedResidual

    network = on_meta(MobileNetV2Config(activation="gelu"))
    blocks = [m for m in network.modules() if isinstance(m, InvertedResidual)]
    names = [[type(layer).__name__ for layer in block.conv] for block in blocks[1:]]

    assert all(layers[-2:] == ["Conv2d", "BatchNorm2d"] for layers in names)
    assert all(b.conv[0][0].out_channels == 6 * b.conv[0][0].in_channels for b in blocks[1:])
    assert not any(isinstance(m, nn.ReLU6) for m in network.modules())


def test_the_width_factor_scales_the_widths():
    narrow = on_meta(MobileNetV2Config(width_factor=0.5))

    assert num_parameters(narrow) == 1_968_680  # as torchvision's with width_mult=0.5
