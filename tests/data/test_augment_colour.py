"""Saturation and hue."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.augment.colour import saturate, turn_hue
from foldwise.errors import UserError


def batch(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_saturation_is_that_of_torchvision():
    images, factors = batch(3, 3, 6, 5), np.array([0.0, 0.6, 1.7])

    changed = saturate(images, factors)

    for image, factor, found in zip(images, factors, changed, strict=True):
        expected = reference.adjust_saturation(image, factor)
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)  # rounded luma weights


def test_hue_is_that_of_torchvision():
    images, turns = batch(4, 3, 6, 5), np.array([0.0, 0.1, -0.3, 0.5])
    images[:, :, 0] = images[:, :1, 0]  # grey: no hue at all
    images[:, 0, 1], images[:, 1, 1] = 1, 1  # two channels equally large

    changed = turn_hue(images, turns)

    for image, turn, found in zip(images, turns, changed, strict=True):
        expected = reference.adjust_hue(image, turn)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["saturation", "hue"])
def test_each_sample_is_recoloured_by_its_own_draw_within_the_range(name):
    """Red alone: its saturation and its hue can be read off the pixels."""
    images = torch.zeros(500, 3, 2, 2)
    images[:, 0], images[:, 1:] = 0.6, 0.3

    changed = Augmenter(AugmentConfig.of(**{name: 0.15}))(images, 4)[:, :, 0, 0]

    value, smallest = changed.amax(1), changed.amin(1)
    if name == "hue":
        torch.testing.assert_close(value, torch.full((500,), 0.6))
        drawn = (changed[:, 1] - changed[:, 2]) / (value - smallest) / 6
    else:
        drawn = (value - smallest) / 0.3 - 1
    assert drawn.abs().max() <= 0.15 + 1e-5
    assert drawn.min() < -0.14
    assert drawn.max() > 0.14
    assert drawn.mean().abs() < 4 * 0.3 / np.sqrt(12 * 500)


@pytest.mark.parametrize("name", ["saturation", "hue"])
@pytest.mark.parametrize("channels", [1, 4])
def test_colours_of_images_without_colours_are_refused_in_the_users_words(name, channels):
    augment = Augmenter(AugmentConfig.of(**{name: 0.2}))

    with pytest.raises(UserError, match=rf"augment.{name} is 0.2.*these have {channels}"):
        augment(batch(2, channels, 4, 4), 0)
