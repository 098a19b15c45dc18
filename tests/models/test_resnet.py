import pytest
import torch
from torch import nn

from foldwise.models.build import build_cnn
from foldwise.models.config import (
    ResNet18Config,
    ResNet34Config,
    ResNet50Config,
    ResNeXt50Config,
)

CONFIGS = [ResNet18Config, ResNet34Config, ResNet50Config, ResNeXt50Config]


def on_meta(config, shape=(3, 224, 224), num_classes=1000):
    with torch.device("meta"):
        return build_cnn(config, shape, num_classes)


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (ResNet18Config(), 11_689_512),
        (ResNet34Config(), 21_797_672),
        (ResNet50Config(), 25_557_032),
        (ResNeXt50Config(), 25_028_904),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_number_of_parameters_is_that_of_the_papers_network(config, count):
    assert num_parameters(on_meta(config)) == count


def test_resnet50_takes_102_megabytes():
    network = on_meta(ResNet50Config())

    size = sum(parameter.nbytes for parameter in network.parameters())

    assert round(size / 1e6, 1) == 102.2


def test_resnext_has_convolutions_in_32_groups_and_resnet_none():
    def groups(config):
        return {m.groups for m in on_meta(config).modules() if isinstance(m, nn.Conv2d)}

    assert groups(ResNeXt50Config()) == {1, 32}
    assert groups(ResNet50Config()) == {1}


def test_a_dense_head_in_place_of_the_mean_would_add_its_weights_for_each_further_place():
    network = on_meta(ResNet50Config(), num_classes=10)
    maps = torch.empty(2, 2048, 7, 7, device="meta")
    dense = nn.LazyLinear(10, device="meta")
    dense(maps.flatten(1))

    pooled = network.avgpool(maps).flatten(1)

    added = dense.weight.numel() - network.fc.weight.numel()
    assert pooled.shape == (2, 2048)
    assert added == 10 * 2048 * (7 * 7 - 1) == 983_040


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("options", [{}, {"dropout": 0.2, "stochastic_depth": 0.3}], ids=str)
def test_torchvisions_weights_fit_whatever_the_regularisation(config, options):
    from torchvision import models

    name = {"resnext50": "resnext50_32x4d"}.get(config().name, config().name)
    with torch.device("meta"):
        reference = getattr(models, name)().state_dict()

    ours = on_meta(config(**options)).state_dict()

    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in reference.items()}


def test_with_torchvisions_weights_it_computes_what_torchvision_computes():
    from torchvision.models import resnet18

    torch.manual_seed(0)
    reference = resnet18(num_classes=5)
    for module in reference.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    config = ResNet18Config(dropout=0.5, stochastic_depth=0.5)
    network = build_cnn(config, (3, 96, 96), 5)
    network.load_state_dict(reference.state_dict())
    images = torch.rand(2, 3, 96, 96)

    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), reference.eval()(images))


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [("auto", 28, 28), ("auto", 63, 63), ("auto", 64, 16), ("small", 64, 64), ("large", 32, 8)],
)
def test_small_images_keep_their_size_in_the_stem(config, stem, side, expected):
    network = on_meta(config(stem=stem), (1, side, side), 3)

    maps = network.maxpool(network.conv1(torch.empty(2, 1, side, side, device="meta")))

    assert maps.shape == (2, 64, expected, expected)


def test_group_norm_makes_a_sample_independent_of_its_batch_in_training_too():
    torch.manual_seed(0)
    images = torch.rand(4, 1, 8, 8)

    def is_independent(norm):
        network = build_cnn(ResNet18Config(norm=norm), (1, 8, 8), 3)
        with torch.no_grad():
            return torch.allclose(network(images)[:2], network(images[:2]), atol=1e-5)

    assert is_independent("group")
    assert not is_independent("batch")


def test_the_activation_takes_the_place_of_all_rectifiers():
    kinds = {type(module) for module in on_meta(ResNet50Config(activation="elu")).modules()}

    assert nn.ELU in kinds
    assert nn.ReLU not in kinds


def test_gradients_vanish_with_depth_without_shortcuts_and_not_with_them():
    """In torchvision's own blocks without norm, from torch's default weights."""
    plain, residual = (
        [gradient_of_first_layer(depth, has_shortcuts) for depth in (2, 10, 20)]
        for has_shortcuts in (False, True)
    )

    assert plain[1] < 1e-6 * plain[0]
    assert plain[2] < 1e-6 * plain[1]
    assert residual[1] > 0.5 * residual[0]
    assert residual[2] > 0.5 * residual[1]


def gradient_of_first_layer(num_blocks, has_shortcuts):
    from torchvision.models.resnet import BasicBlock

    torch.manual_seed(0)
    blocks = [BasicBlock(16, 16, norm_layer=lambda _: nn.Identity()) for _ in range(num_blocks)]
    if has_shortcuts:
        network = nn.Sequential(*blocks)
    else:
        network = nn.Sequential(
            *(nn.Sequential(block.conv1, nn.ReLU(), block.conv2, nn.ReLU()) for block in blocks)
        )
    network(torch.rand(4, 16, 8, 8)).mean().backward()
    return blocks[0].conv1.weight.grad.norm()
