import pytest
import torch
from torch import nn
from torchvision import models

from foldwise.errors import UserError
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.models.config import GoogLeNetConfig
from foldwise.models.googlenet import build


def on_meta(config, shape, num_classes=1000):
    with torch.device("meta"):
        return build(config, shape, num_classes)


@pytest.mark.parametrize(("auxiliary_heads", "expected"), [(True, 13_004_888), (False, 6_624_904)])
def test_it_has_the_parameters_of_torchvisions(auxiliary_heads, expected):
    network = on_meta(GoogLeNetConfig(auxiliary_heads=auxiliary_heads), (3, 224, 224))

    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    torch.manual_seed(0)
    reference = models.googlenet(num_classes=4, init_weights=False, dropout=0.0, dropout_aux=0.0)
    network = build(GoogLeNetConfig(dropout=0.0), (3, 64, 72), 4)
    network.load_state_dict(reference.state_dict())
    network.aux1.dropout.p = network.aux2.dropout.p = 0.0
    images = torch.rand(4, 3, 64, 72)

    expected, found = reference(images), network(images)

    assert isinstance(found, AuxiliaryLogits)
    assert found.weight == 0.3
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.auxiliary, (expected.aux_logits1, expected.aux_logits2))
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), reference.eval()(images))


def test_its_weights_start_as_torchvisions_do():
    torch.manual_seed(0)
    network = build(GoogLeNetConfig(), (1, 28, 28), 10)

    for layer in (network.conv1.conv, network.inception4a.branch2[1].conv, network.aux1.fc1):
        assert float(layer.weight.std()) == pytest.approx(0.01, rel=0.1)


def test_without_auxiliary_heads_it_returns_logits_while_it_is_trained():
    network = on_meta(GoogLeNetConfig(auxiliary_heads=False), (1, 32, 32), 5)

    assert network(torch.empty(2, 1, 32, 32, device="meta")).shape == (2, 5)


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [
        ("auto", 8, 4),
        ("auto", 28, 14),
        ("auto", 32, 16),
        ("auto", 63, 31),
        ("auto", 64, 8),
        ("small", 64, 32),
        ("large", 32, 4),
        ("auto", 224, 28),
    ],
)
def test_small_images_come_to_the_first_inception_module_half_as_large(stem, side, expected):
    network = on_meta(GoogLeNetConfig(stem=stem), (1, side, side))
    sides = []
    network.inception3a.register_forward_hook(lambda _, __, maps: sides.append(maps.shape[-2:]))

    network(torch.empty(2, 1, side, side, device="meta"))

    assert sides == [(expected, expected)]


def test_at_the_least_size_the_last_module_sees_one_pixel():
    network = on_meta(GoogLeNetConfig(), (1, 8, 8))
    sides = []
    network.inception5a.register_forward_hook(lambda _, __, maps: sides.append(maps.shape[-2:]))

    network(torch.empty(2, 1, 8, 8, device="meta"))

    assert sides == [(1, 1)]


def test_no_smaller_image_would_do_for_the_large_stem():
    network = on_meta(GoogLeNetConfig(stem="large"), (1, 15, 15))
    assert network(torch.empty(2, 1, 15, 15, device="meta")).logits.shape == (2, 1000)

    with pytest.raises(RuntimeError, match="too small"):
        network(torch.empty(2, 1, 14, 14, device="meta"))
    with pytest.raises(UserError, match="'large' needs images of at least 15 x 15"):
        on_meta(GoogLeNetConfig(stem="large"), (1, 14, 20))


def test_another_activation_takes_the_place_of_each_rectifier():
    network = on_meta(GoogLeNetConfig(activation="leaky_relu"), (3, 224, 224))
    kinds = [type(m) for m in network.modules()]

    assert nn.ReLU not in kinds
    assert kinds.count(nn.LeakyReLU) == 57 + 2 + 2  # convolutions, and two layers per head
