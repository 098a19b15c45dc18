import pytest
import torch
from torch import nn
from torchvision.models import alexnet

from foldwise.errors import UserError
from foldwise.models.alexnet import build
from foldwise.models.config import AlexNetConfig
from foldwise.models.response_norm import response_norm


def on_meta(config, shape, num_classes=1000):
    with torch.device("meta"):
        return build(config, shape, num_classes)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("variant", "expected"), [("grouped", 60_965_224), ("torchvision", 61_100_840)]
)
def test_it_has_the_parameters_of_the_paper_and_of_torchvision(variant, expected):
    assert num_parameters(on_meta(AlexNetConfig(variant=variant), (3, 224, 224))) == expected


def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    torch.manual_seed(0)
    reference = alexnet(num_classes=4).eval()
    network = build(AlexNetConfig(), (3, 80, 72), 4).eval()
    network.load_state_dict(reference.state_dict())
    images = torch.rand(2, 3, 80, 72)

    with torch.no_grad():
        torch.testing.assert_close(network(images), reference(images))


def test_the_original_has_the_widths_and_maps_of_the_paper():
    network = on_meta(AlexNetConfig(variant="grouped"), (3, 224, 224))
    shapes = []
    for layer in network.features:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, __, maps: shapes.append(tuple(maps.shape[1:])))

    network(torch.empty(2, 3, 224, 224, device="meta"))

    assert shapes == [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)]


def test_response_norm_is_the_formula_of_the_paper():
    maps = torch.randn(1, 7, 1, 1, dtype=torch.float64)
    values = maps.flatten().tolist()

    expected = []
    for i, value in enumerate(values):
        squares = sum(v**2 for v in values[max(0, i - 2) : i + 3])
        expected.append(value / (2 + 1e-4 * squares) ** 0.75)

    assert response_norm()(maps).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("variant", ["torchvision", "grouped"])
@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [
        ("auto", 15, 1),
        ("auto", 28, 2),
        ("auto", 32, 3),
        ("auto", 63, 7),
        ("auto", 64, 1),
        ("small", 64, 7),
        ("large", 63, 1),
        ("auto", 224, 6),
    ],
)
def test_small_images_keep_their_size_in_the_first_convolution(variant, stem, side, expected):
    network = on_meta(AlexNetConfig(variant=variant, stem=stem), (1, side, side))

    maps = network.features(torch.empty(2, 1, side, side, device="meta"))

    assert maps.shape == (2, 256, expected, expected)


@pytest.mark.parametrize(("stem", "least"), [("small", 15), ("large", 63)])
def test_no_smaller_image_would_do(stem, least):
    network = on_meta(AlexNetConfig(stem=stem), (1, least, least))

    with pytest.raises(RuntimeError, match="too small"):
        network(torch.empty(2, 1, least - 1, least - 1, device="meta"))


def test_an_image_too_small_for_the_large_stem_is_refused():
    with pytest.raises(UserError, match="'large' needs images of at least 63 x 63"):
        on_meta(AlexNetConfig(stem="large"), (1, 62, 64))


def test_global_average_pooling_saves_the_dense_block():
    dense = on_meta(AlexNetConfig(head="dense"), (3, 224, 224))
    pooled = on_meta(AlexNetConfig(head="gap"), (3, 224, 224))
    dense_block = (9216 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000)

    assert num_parameters(dense) - num_parameters(pooled) == dense_block - (256 * 1000 + 1000)
    assert num_parameters(on_meta(AlexNetConfig(), (3, 63, 63))) < 3e6  # small: pooled
    assert num_parameters(on_meta(AlexNetConfig(), (3, 64, 64))) > 6e7  # large: dense


@pytest.mark.parametrize(("side", "expected"), [(32, 3), (60, 6), (80, 6)])
def test_a_dense_block_sees_small_maps_as_they_are(side, expected):
    network = on_meta(AlexNetConfig(stem="small", head="dense"), (1, side, side))

    assert network.classifier[1].in_features == 256 * expected**2
    assert network(torch.empty(2, 1, side, side, device="meta")).shape == (2, 1000)


@pytest.mark.parametrize("head", ["dense", "gap"])
def test_dropout_is_that_of_the_parameters(head):
    network = on_meta(AlexNetConfig(head=head, dropout=0.25), (1, 32, 32))

    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.25}
