import pytest
import torch
from torch import nn
from torchvision import models

from foldwise.errors import UserError
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.models.config import InceptionV3Config
from foldwise.models.inception import build


def on_meta(config, shape, num_classes=1000):
    with torch.device("meta"):
        return build(config, shape, num_classes)


@pytest.mark.parametrize(
    ("auxiliary_heads", "expected"), [(True, 27_161_264), (False, 23_834_568)]
)
def test_it_has_the_parameters_of_torchvisions(auxiliary_heads, expected):
    network = on_meta(InceptionV3Config(auxiliary_heads=auxiliary_heads), (3, 299, 299))

    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.slow
def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    torch.manual_seed(0)
    reference = models.inception_v3(num_classes=4, init_weights=False, dropout=0.0)
    network = build(InceptionV3Config(dropout=0.0), (3, 299, 299), 4)
    network.load_state_dict(reference.state_dict())
    images = torch.rand(2, 3, 299, 299)

    with torch.no_grad():
        expected, found = reference(images), network(images)

        assert isinstance(found, AuxiliaryLogits)
        assert found.weight == 0.4
        torch.testing.assert_close(found.logits, expected.logits)
        torch.testing.assert_close(found.auxiliary, (expected.aux_logits,))
        torch.testing.assert_close(network.eval()(images), reference.eval()(images))


def test_its_weights_start_as_torchvisions_do():
    torch.manual_seed(0)
    network = build(InceptionV3Config(), (1, 28, 28), 10)

    assert float(network.Mixed_6a.branch3x3.conv.weight.std()) == pytest.approx(0.1, rel=0.1)
    assert float(network.AuxLogits.fc.weight.std()) == pytest.approx(0.001, rel=0.1)


def test_torchvisions_weights_fit_the_stem_for_small_images():
    with torch.device("meta"):
        reference = models.inception_v3(init_weights=False)
    network = on_meta(InceptionV3Config(), (3, 32, 32))

    shapes = [
        {name: tensor.shape for name, tensor in n.state_dict().items()}
        for n in (network, reference)
    ]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("auxiliary_heads", [True, False])
@pytest.mark.parametrize("side", [15, 28, 128, 299])
def test_the_auxiliary_head_copes_with_all_sizes(auxiliary_heads, side):
    network = on_meta(InceptionV3Config(auxiliary_heads=auxiliary_heads), (1, side, side), 5)
    images = torch.empty(2, 1, side, side, device="meta")

    output = network(images)

    if auxiliary_heads:
        (auxiliary,) = output.auxiliary
        assert output.logits.shape == auxiliary.shape == (2, 5)
    else:
        assert output.shape == (2, 5)
    assert network.eval()(images).shape == (2, 5)


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [
        ("auto", 15, (7, 3, 1)),
        ("auto", 28, (13, 6, 2)),
        ("auto", 32, (15, 7, 3)),
        ("auto", 74, (36, 17, 8)),
        ("auto", 75, (7, 3, 1)),
        ("small", 75, (37, 18, 8)),
        ("auto", 299, (35, 17, 8)),
    ],
)
def test_small_images_come_to_the_first_inception_module_half_as_large(stem, side, expected):
    network = on_meta(InceptionV3Config(stem=stem), (1, side, side))
    sides = []
    for module in (network.Mixed_5b, network.Mixed_6b, network.Mixed_7b):
        module.register_forward_hook(lambda _, __, maps: sides.append(maps.shape[-1]))

    network(torch.empty(2, 1, side, side, device="meta"))

    assert tuple(sides) == expected


@pytest.mark.parametrize(("stem", "least"), [("small", 15), ("large", 75)])
def test_no_smaller_image_would_do(stem, least):
    network = on_meta(InceptionV3Config(stem=stem), (1, least, least))

    with pytest.raises(RuntimeError, match=r"(?i)too small|greater than actual input size"):
        network(torch.empty(2, 1, least - 1, least - 1, device="meta"))


def test_an_image_too_small_for_the_large_stem_is_refused():
    with pytest.raises(UserError, match="'large' needs images of at least 75 x 75"):
        on_meta(InceptionV3Config(stem="large"), (1, 74, 80))


def test_another_activation_takes_the_place_of_each_rectifier():
    network = on_meta(InceptionV3Config(activation="gelu"), (3, 299, 299))
    kinds = [type(m) for m in network.modules()]

    assert nn.ReLU not in kinds
    assert kinds.count(nn.GELU) == kinds.count(nn.Conv2d) == 96
