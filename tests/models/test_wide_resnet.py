import pytest
import torch
from pydantic import ValidationError
from torch import nn

from foldwise.models.build import build_cnn
from foldwise.models.config import WideResNetConfig
from foldwise.models.wide_resnet import WideBlock

SMALL = WideResNetConfig(depth=10, width_factor=1)


def on_meta(config, shape=(3, 32, 32), num_classes=10):
    with torch.device("meta"):
        return build_cnn(config, shape, num_classes)


@pytest.mark.parametrize(
    ("depth", "width_factor", "millions"),
    [(40, 1, 0.6), (40, 2, 2.2), (40, 4, 8.9), (28, 10, 36.5), (28, 12, 52.5), (16, 8, 11.0)],
)
def test_the_number_of_parameters_is_that_of_the_papers_table(depth, width_factor, millions):
    network = on_meta(WideResNetConfig(depth=depth, width_factor=width_factor))

    count = sum(parameter.numel() for parameter in network.parameters())

    assert round(count / 1e6, 1) == millions


def test_the_default_has_the_parameters_that_its_docstring_tells():
    assert sum(p.numel() for p in on_meta(WideResNetConfig()).parameters()) == 2_748_890


@pytest.mark.parametrize("depth", [10, 16, 28, 40])
def test_the_depth_counts_the_convolutions_on_the_way_and_the_last_layer(depth):
    network = on_meta(WideResNetConfig(depth=depth))

    on_the_way = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and "shortcut" not in name
    ]

    # The paper counts the three convolutions of shortcuts among the depth: 6n + 4 in all.
    assert len(on_the_way) + 3 == depth


@pytest.mark.parametrize(("depth", "told"), [(17, "16 or 22"), (27, "22 or 28")])
def test_another_depth_is_refused_and_the_next_ones_are_named(depth, told):
    with pytest.raises(ValidationError, match=f"6n \\+ 4.*take {told}"):
        WideResNetConfig(depth=depth)


@pytest.mark.parametrize(
    ("stem", "side", "expected"),
    [("auto", 32, 8), ("auto", 4, 1), ("auto", 64, 4), ("small", 64, 16)],
)
def test_the_groups_halve_an_image_twice_and_the_large_stem_quarters_it(stem, side, expected):
    network = on_meta(WideResNetConfig(stem=stem), (1, side, side))

    maps = nn.Sequential(*list(network.children())[:-1])(
        torch.empty(2, 1, side, side, device="meta")
    )

    assert maps.shape == (2, 256, expected, expected)


def test_a_block_of_one_width_adds_to_what_comes_in():
    torch.manual_seed(0)
    block = WideBlock(SMALL, 4, 4, stride=1)
    nn.init.zeros_(block.residual[-1].weight)
    maps = torch.randn(2, 4, 5, 5)

    assert torch.equal(block(maps), maps)


def test_dropout_acts_inside_blocks_in_training_only():
    torch.manual_seed(0)
    block = WideBlock(WideResNetConfig(dropout=0.5, norm="group"), 8, 8, stride=1)
    maps = torch.randn(2, 8, 5, 5)

    assert not torch.equal(block(maps), block(maps))
    block.eval()
    assert torch.equal(block(maps), block(maps))


def test_stochastic_depth_leaves_whole_samples_as_they_came_in():
    torch.manual_seed(0)
    network = build_cnn(SMALL.model_copy(update={"stochastic_depth": 0.9}), (1, 8, 8), 3)
    shortcut_only = network.group3[0]
    maps = torch.randn(200, 32, 4, 4)
    expected = shortcut_only.shortcut(shortcut_only.before(maps))

    unchanged = (shortcut_only(maps) == expected).all(dim=(1, 2, 3)).float().mean()

    assert 0.82 < unchanged < 0.97  # three standard deviations about 0.9
