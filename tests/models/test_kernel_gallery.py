"""Each kernel gives the picture that it is known for."""

import numpy as np
import torch
from torch.nn import functional

from foldwise.models.kernel_gallery import filtered, kernel_gallery

KERNELS = kernel_gallery()
HALVES = np.repeat([[10.0, 10, 10, 0, 0, 0]], 6, axis=0)  # bright, then dark
RANDOM = np.random.default_rng(0).normal(size=(7, 9))
INSIDE = (slice(1, -1), slice(1, -1))  # where no zero around the picture is seen


def test_pictures_are_filtered_as_by_a_convolution_of_a_network():
    for kernel in KERNELS.values():
        weight = torch.from_numpy(kernel)[None, None]
        expected = functional.conv2d(torch.from_numpy(RANDOM)[None, None], weight, padding=1)
        np.testing.assert_allclose(filtered(RANDOM, kernel), expected[0, 0].numpy(), atol=1e-12)


def test_the_vertical_edge_is_found_where_bright_meets_dark():
    found = filtered(HALVES, KERNELS["vertical edge"])[INSIDE]
    np.testing.assert_array_equal(found, [[0, 30, 30, 0]] * 4)
    assert not filtered(HALVES.T, KERNELS["vertical edge"])[INSIDE].any()


def test_the_horizontal_edge_is_the_vertical_one_turned():
    upright = filtered(RANDOM, KERNELS["vertical edge"])
    np.testing.assert_allclose(filtered(RANDOM.T, KERNELS["horizontal edge"]), upright.T)


def test_identity_and_shift():
    np.testing.assert_array_equal(filtered(RANDOM, KERNELS["identity"]), RANDOM)
    moved = filtered(RANDOM, KERNELS["shift to the left"])
    np.testing.assert_array_equal(moved[:, :-1], RANDOM[:, 1:])
    assert not moved[:, -1].any()


def test_the_blur_is_the_mean_of_nine():
    found = filtered(RANDOM, KERNELS["box blur"])
    np.testing.assert_allclose(found[3, 4], RANDOM[2:5, 3:6].mean())


def test_a_flat_picture_is_left_alone_by_sharpening_and_has_no_laplacian():
    flat = np.full((5, 5), 3.0)
    np.testing.assert_allclose(filtered(flat, KERNELS["sharpen"])[INSIDE], 3.0)
    for name in ("Laplacian, 4 neighbours", "Laplacian, 8 neighbours"):
        np.testing.assert_allclose(filtered(flat, KERNELS[name])[INSIDE], 0.0, atol=1e-12)


def test_the_laplacian_of_a_parabola_is_its_second_derivative():
    rows, columns = np.mgrid[0:6, 0:6].astype(float)
    bowl = rows**2 + columns**2
    np.testing.assert_allclose(filtered(bowl, KERNELS["Laplacian, 4 neighbours"])[INSIDE], 4.0)


def test_a_point_shows_the_kernel_upside_down():
    point = np.zeros((5, 5))
    point[2, 2] = 1.0
    for kernel in KERNELS.values():
        np.testing.assert_array_equal(filtered(point, kernel)[1:4, 1:4], kernel[::-1, ::-1])
