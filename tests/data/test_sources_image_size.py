"""Images of any size come to one size, as the policy says."""

import numpy as np
import pytest
from PIL import Image

from foldwise.data.readers.image_size import fit_arrays, fit_image

POLICIES = ["resize", "center_crop", "pad"]


def fit(pixels, size, policy):
    return np.asarray(fit_image(Image.fromarray(pixels), size, policy))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 977), (3, 2), (50, 7), (64, 48), (641, 480)])
@pytest.mark.parametrize("size", [1, 28, (48, 64), (5, 1)])
def test_every_size_is_reached(policy, shape, size):
    wanted = (size, size) if isinstance(size, int) else size
    fitted = fit(np.full(shape, 77, np.uint8), size, policy)
    assert fitted.shape == wanted
    assert fitted.max() == 77
    if policy != "pad":
        assert fitted.min() == 77


@pytest.mark.parametrize("policy", POLICIES)
def test_the_right_size_is_left_as_it_is(policy):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    np.testing.assert_array_equal(fit(pixels, (9, 12), policy), pixels)


def test_center_crop_takes_the_middle():
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 200
    np.testing.assert_array_equal(fit(pixels, 10, "center_crop"), np.full((10, 10), 200))
    np.testing.assert_array_equal(fit(pixels.T.copy(), 10, "center_crop"), np.full((10, 10), 200))


def test_pad_keeps_all_and_fills_with_black():
    fitted = fit(np.full((10, 30), 200, np.uint8), 30, "pad")
    np.testing.assert_array_equal(fitted[10:20], np.full((10, 30), 200))
    assert fitted[:10].max() == fitted[20:].max() == 0


def test_resize_averages_when_it_shrinks():
    stripes = np.tile(np.array([0, 200], np.uint8), (64, 32))
    np.testing.assert_allclose(fit(stripes, 8, "resize")[:, 1:-1], 100, atol=1)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_arrays_are_fitted_as_images_are(num_channels):
    x = np.random.default_rng(0).integers(0, 256, (2, num_channels, 9, 12), np.uint8)
    fitted = fit_arrays(x, (6, 5))
    assert fitted.shape == (2, num_channels, 6, 5)
    for image, expected in zip(x, fitted, strict=True):
        pixels = np.moveaxis(image, 0, -1).squeeze()
        np.testing.assert_array_equal(
            fit(pixels, (6, 5), "resize"), np.moveaxis(expected, 0, -1).squeeze()
        )


def test_arrays_of_the_right_size_are_not_touched():
    x = np.zeros((2, 1, 4, 5), np.uint8)
    assert fit_arrays(x, None) is x
    assert fit_arrays(x, (4, 5)) is x
