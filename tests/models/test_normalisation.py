import pytest
import torch
from torch import nn
from torch.nn import functional

from foldwise.models.normalisation import make_norm

MAPS = torch.randn(4, 48, 5, 6, generator=torch.Generator().manual_seed(0)) * 3 + 2


def spread(maps, dims):
    return maps.mean(dims), maps.std(dims, unbiased=False)


@pytest.mark.parametrize(
    ("name", "shape", "dims"),
    [
        ("batch", (4, 48, 5, 6), (0, 2, 3)),
        ("layer", (4, 48, 5, 6), (1, 2, 3)),
        ("group", (4, 16, 3, 5, 6), (2, 3, 4)),  # 48 channels: 16 is what they share with 32
    ],
)
def test_each_brings_its_own_part_of_the_values_to_mean_0_and_deviation_1(name, shape, dims):
    normed = make_norm(name, 48)(MAPS).reshape(shape)

    mean, deviation = spread(normed, dims)

    torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
    torch.testing.assert_close(deviation, torch.ones_like(deviation), rtol=0, atol=1e-4)


def test_layer_is_torchs_layer_norm_over_a_sample():
    torch.testing.assert_close(
        make_norm("layer", 48)(MAPS), functional.layer_norm(MAPS, MAPS.shape[1:])
    )


@pytest.mark.parametrize(("num_channels", "groups"), [(64, 32), (24, 8), (16, 16), (7, 1)])
def test_channels_are_parted_into_32_groups_or_as_many_as_divide_them(num_channels, groups):
    assert make_norm("group", num_channels).num_groups == groups


def test_none_leaves_the_maps_alone_and_has_no_parameters():
    norm = make_norm("none", 48)

    assert torch.equal(norm(MAPS), MAPS)
    assert list(norm.parameters()) == []


def test_each_but_none_scales_and_shifts_every_channel():
    for name in ("batch", "group", "layer"):
        assert [p.shape for p in make_norm(name, 48).parameters()] == [(48,), (48,)]
    assert isinstance(make_norm("batch", 48), nn.BatchNorm2d)
