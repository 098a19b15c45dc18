import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn
from torchvision import models

from foldwise.errors import UserError
from foldwise.models.config import CnnModelConfig, VggConfig
from foldwise.models.vgg import build


def on_meta(config, shape, num_classes=1000):
    with torch.device("meta"):
        return build(config, shape, num_classes)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def shapes_by_name(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "expected", "num_weight_layers"),
    [
        ("vgg_a", 132_863_336, 11),
        ("vgg_a_lrn", 132_863_336, 11),
        ("vgg_b", 133_047_848, 13),
        ("vgg_c", 133_638_952, 16),
        ("vgg_d", 138_357_544, 16),
        ("vgg_e", 143_667_240, 19),
    ],
)
def test_each_column_has_the_parameters_and_layers_of_the_paper(name, expected, num_weight_layers):
    network = on_meta(VggConfig(name=name), (3, 224, 224))
    weights = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]

    assert num_parameters(network) == expected
    assert len(weights) == num_weight_layers


def test_the_normed_column_normalises_behind_its_first_convolution_only():
    network = on_meta(VggConfig(name="vgg_a_lrn"), (3, 224, 224))
    kinds = [type(m) for m in network.features]

    assert kinds[:4] == [nn.Conv2d, nn.ReLU, nn.LocalResponseNorm, nn.MaxPool2d]
    assert kinds.count(nn.LocalResponseNorm) == 1


def test_column_c_looks_at_single_pixels_at_the_end_of_three_blocks():
    network = on_meta(VggConfig(name="vgg_c"), (3, 224, 224))
    sizes = [m.kernel_size[0] for m in network.features if isinstance(m, nn.Conv2d)]

    assert sizes == [3, 3, 3, 3, 3, 3, 1, 3, 3, 1, 3, 3, 1]


@pytest.mark.parametrize("suffix", ["", "_bn"])
@pytest.mark.parametrize(
    ("name", "reference"),
    [("vgg_a", "vgg11"), ("vgg_b", "vgg13"), ("vgg_d", "vgg16"), ("vgg_e", "vgg19")],
)
@pytest.mark.parametrize("side", [32, 224])
def test_torchvisions_weights_fit_the_convolutions(name, reference, suffix, side):
    with torch.device("meta"):
        expected = getattr(models, reference + suffix)()

    network = on_meta(VggConfig(name=name, batch_norm=suffix == "_bn"), (3, side, side))

    assert shapes_by_name(network.features) == shapes_by_name(expected.features)
    if side == 224:
        assert shapes_by_name(network) == shapes_by_name(expected)


def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    config = VggConfig(name="vgg_a", batch_norm=True, stem="large", head="gap")
    network = build(config, (3, 32, 48), 4).eval()
    with torch.device("meta"):
        reference = models.vgg11_bn(num_classes=4)
    reference.features.to_empty(device="cpu").load_state_dict(network.features.state_dict())
    images = torch.rand(2, 3, 32, 48)

    with torch.no_grad():
        maps = reference.features.eval()(images)
        expected = network.classifier[1](maps.mean((-2, -1)))
        torch.testing.assert_close(network(images), expected)


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [
        ("auto", 16, 1),
        ("auto", 28, 1),
        ("auto", 32, 2),
        ("auto", 63, 3),
        ("auto", 64, 2),
        ("small", 64, 4),
        ("large", 32, 1),
        ("auto", 224, 7),
    ],
)
def test_small_images_skip_the_first_pooling(stem, side, expected):
    network = on_meta(VggConfig(stem=stem), (1, side, side))

    maps = network.features(torch.empty(2, 1, side, side, device="meta"))

    assert maps.shape == (2, 512, expected, expected)


@pytest.mark.parametrize(("stem", "least"), [("small", 16), ("large", 32)])
def test_no_smaller_image_would_do(stem, least):
    network = on_meta(VggConfig(stem=stem), (1, least, least))

    with pytest.raises(RuntimeError, match="too small"):
        network(torch.empty(2, 1, least - 1, least - 1, device="meta"))


def test_an_image_too_small_for_the_large_stem_is_refused():
    with pytest.raises(
        UserError, match=r"'vgg_d' with .* 'large' needs images of at least 32 x 32"
    ):
        on_meta(VggConfig(name="vgg_d", stem="large"), (1, 28, 28))


def test_global_average_pooling_saves_the_dense_block():
    dense = on_meta(VggConfig(name="vgg_d", head="dense"), (3, 224, 224))
    pooled = on_meta(VggConfig(name="vgg_d", head="gap"), (3, 224, 224))
    dense_block = (25088 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000)

    assert num_parameters(dense) - num_parameters(pooled) == dense_block - (512 * 1000 + 1000)
    assert isinstance(on_meta(VggConfig(), (3, 63, 63)).classifier[0], nn.Dropout)  # pooled
    assert isinstance(on_meta(VggConfig(), (3, 64, 64)).classifier[0], nn.Linear)  # dense


def test_a_dense_block_sees_small_maps_as_they_are():
    network = on_meta(VggConfig(head="dense", batch_norm=True), (1, 32, 48))

    assert network.classifier[0].in_features == 512 * 2 * 3
    assert network(torch.empty(2, 1, 32, 48, device="meta")).shape == (2, 1000)


@pytest.mark.parametrize(
    ("name", "side", "batch_norm", "expected"),
    [
        ("vgg_d", 32, "auto", 13),
        ("vgg_d", 224, "auto", 0),
        ("vgg_a_lrn", 32, "auto", 0),
        ("vgg_d", 32, False, 0),
        ("vgg_d", 224, True, 13),
    ],
)
def test_batch_norm_comes_with_the_small_stem_or_by_parameter(name, side, batch_norm, expected):
    network = on_meta(VggConfig(name=name, batch_norm=batch_norm), (3, side, side))

    assert sum(isinstance(m, nn.BatchNorm2d) for m in network.modules()) == expected


@pytest.mark.parametrize("head", ["dense", "gap"])
def test_dropout_is_that_of_the_parameters(head):
    network = on_meta(VggConfig(head=head, dropout=0.25), (1, 32, 32))

    assert {m.p for m in network.modules() if isinstance(m, nn.Dropout)} == {0.25}


def test_nothing_of_a_pooled_network_is_left_without_storage():
    network = build(VggConfig(), (1, 28, 28), 4)

    assert {tensor.device.type for tensor in network.state_dict().values()} == {"cpu"}


def test_another_activation_takes_the_place_of_each_rectifier():
    network = on_meta(VggConfig(activation="elu"), (3, 224, 224))
    kinds = [type(m) for m in network.modules()]

    assert nn.ReLU not in kinds
    assert kinds.count(nn.ELU) == 8 + 2


@pytest.mark.parametrize(
    ("given", "letter"), [("vgg16", "vgg_d"), ("VGG-19", "vgg_e"), ("vgg_11", "vgg_a")]
)
def test_a_name_by_the_number_of_layers_leads_to_the_letter(given, letter):
    with pytest.raises(ValidationError, match=f"'{given}'.*Allowed: {letter}"):
        TypeAdapter(CnnModelConfig).validate_python({"name": given})
