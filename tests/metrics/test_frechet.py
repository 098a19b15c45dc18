import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance

from foldwise.metrics.generation import (
    frechet_distance,
    frechet_floor,
    gaussian_frechet_distance,
)


def gaussians(size, seed=0, dimensions=4, shift=0.0, scale=1.0):
    generator = np.random.default_rng(seed)
    return shift + scale * generator.normal(size=(size, dimensions))


def test_gaussians_that_share_their_axes_have_a_closed_form():
    mean, other = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    lengths, others = np.array([4.0, 1.0, 0.25]), np.array([1.0, 9.0, 0.0])  # one is singular
    one, two = ((rotation * spread) @ rotation.T for spread in (lengths, others))
    expected = 10.0 + ((np.sqrt(lengths) - np.sqrt(others)) ** 2).sum()
    assert gaussian_frechet_distance(mean, one, other, two) == pytest.approx(expected)
    assert gaussian_frechet_distance(other, two, mean, one) == pytest.approx(expected)
    assert gaussian_frechet_distance(mean, one, mean, one) == pytest.approx(0, abs=1e-12)


def test_gaussians_of_different_axes_agree_with_the_root_of_the_product():
    from scipy.linalg import sqrtm

    first, second = gaussians(50, 1), gaussians(60, 2) @ np.diag([1, 2, 3, 4])
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    expected = np.trace(one + two - 2 * sqrtm(one @ two).real)
    assert gaussian_frechet_distance(np.zeros(4), one, np.zeros(4), two) == pytest.approx(expected)


class Flat(torch.nn.Module):
    """Features that are known: the pixels themselves."""

    num_features = 12

    def forward(self, images):
        return images.flatten(1)


def test_it_is_torchmetrics_distance_of_the_same_features():
    generator = np.random.default_rng(0)
    real = generator.random((40, 3, 2, 2)).astype(np.float32)
    generated = generator.random((30, 3, 2, 2)).astype(np.float32) ** 2
    metric = FrechetInceptionDistance(
        feature=Flat(), normalize=True, input_img_size=(3, 2, 2)
    ).set_dtype(torch.float64)
    metric.update(torch.from_numpy(real), real=True)
    metric.update(torch.from_numpy(generated), real=False)
    found = frechet_distance(real.reshape(40, -1), generated.reshape(30, -1))
    assert found == pytest.approx(float(metric.compute()), rel=1e-5)


def test_samples_come_near_to_the_distance_of_their_distributions():
    found = frechet_distance(gaussians(20_000, 1), gaussians(20_000, 2, shift=1.0, scale=2.0))
    assert found == pytest.approx(4 * 1.0 + 4 * 1.0, rel=0.02)


def test_of_one_distribution_the_bias_falls_as_the_number_of_samples_grows():
    def mean_distance(size):
        pairs = [(gaussians(size, 2 * i), gaussians(size, 2 * i + 1)) for i in range(40)]
        return np.mean([frechet_distance(*pair) for pair in pairs])

    assert mean_distance(200) / mean_distance(800) == pytest.approx(4, rel=0.3)


def test_too_few_samples_have_no_distance():
    assert np.isnan(frechet_distance(gaussians(1), gaussians(10)))
    assert np.isnan(frechet_floor(gaussians(3), gaussians(10), np.random.default_rng(0)).floor)


def test_the_floor_is_as_far_as_samples_of_the_same_distribution():
    real = gaussians(600, 1)
    same = frechet_floor(real, gaussians(600, 2), np.random.default_rng(0))
    assert same.ratio == pytest.approx(1, abs=0.4)
    assert same.lowest <= same.floor <= same.highest
    far = frechet_floor(real, gaussians(600, 2, shift=0.5), np.random.default_rng(0))
    assert far.floor == same.floor
    assert far.generated == pytest.approx(4 * 0.25, rel=0.25)
    assert far.ratio > 10
