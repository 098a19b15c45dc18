"""Random crops of padded images."""

import numpy as np
import pytest
import torch

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.augment.crop import crop
from foldwise.errors import UserError

NUMPY_MODES = {"reflection": "symmetric", "border": "edge", "zeros": "constant"}


def batch(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("padding", list(NUMPY_MODES))
@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 6, 8)])
def test_a_crop_is_a_piece_of_the_padded_image(padding, shape):
    _, height, width = shape
    images = batch(4, *shape)
    offsets = np.array([[0, 0], [-6, 6], [3, -2], [5, 4]])

    cropped = crop(images, offsets, padding)

    padded = np.pad(images.numpy(), [(0, 0)] * 2 + [(6, 6)] * 2, mode=NUMPY_MODES[padding])
    for found, image, (row, column) in zip(cropped.numpy(), padded, 6 + offsets, strict=True):
        assert np.array_equal(found, image[:, row : row + height, column : column + width])


def test_all_offsets_are_drawn_equally_often_and_none_beyond_the_padding():
    images = torch.zeros(5000, 1, 9, 9)
    images[:, :, 4, 4] = 1

    cropped = Augmenter(AugmentConfig(crop=2, padding="zeros"))(images, 3)

    counts = cropped.sum((0, 1))
    assert counts.sum() == 5000
    assert counts[2:7, 2:7].sum() == 5000
    assert counts[2:7, 2:7].min() > 200 - 4 * 200**0.5
    assert counts[2:7, 2:7].max() < 200 + 4 * 200**0.5


def test_a_crop_leaves_the_draws_of_other_changes_alone():
    images = batch(8, 1, 6, 6)
    mirrored = Augmenter(AugmentConfig(horizontal_flip=0.5))(images, 3)

    both = Augmenter(AugmentConfig(horizontal_flip=0.5, crop=2))(images, 3)

    cropped = Augmenter(AugmentConfig(crop=2))(mirrored, 3)
    assert torch.equal(both, cropped)


def test_a_crop_larger_than_the_image_is_refused_in_the_users_words():
    augment = Augmenter(AugmentConfig(crop=7))

    assert augment(batch(2, 1, 7, 9), 0).shape == (2, 1, 7, 9)
    with pytest.raises(UserError, match=r"augment.crop is 7 px.* 6 x 9 px.*Allowed: 0 to 6"):
        augment(batch(2, 1, 6, 9), 0)
