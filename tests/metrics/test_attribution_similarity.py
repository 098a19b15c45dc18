import math

import numpy as np
import pytest

from foldwise.metrics.attribution_similarity import rank_correlation, structural_similarity

MAP = np.random.default_rng(0).normal(size=(9, 8))


def test_a_map_is_like_itself_whatever_its_scale_and_signs():
    for other in (MAP, 3 * MAP, -MAP):
        assert rank_correlation(MAP, other) == pytest.approx(1)
        assert structural_similarity(MAP, other) == pytest.approx(1)


def test_ranks_by_hand():
    # d = (0, 0, 1, 1): 1 - 6 * 2 / (4 * 15)
    assert rank_correlation([1, 2, 3, 4], [-1, 2, 40, -30]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)


def test_maps_of_noise_have_little_in_common():
    other = np.random.default_rng(1).normal(size=(30, 30))
    one = np.random.default_rng(2).normal(size=(30, 30))
    assert abs(rank_correlation(one, other)) < 0.15
    assert abs(structural_similarity(one, other)) < 0.25


def test_ssim_of_one_window_by_its_formula():
    one, other = np.abs(MAP[:3, :3]) / np.abs(MAP[:3, :3]).max(), np.eye(3)
    covariance = np.cov(one.ravel(), other.ravel())
    means, (c1, c2) = (one.mean(), other.mean()), (0.01**2, 0.03**2)
    expected = (2 * means[0] * means[1] + c1) * (2 * covariance[0, 1] + c2)
    expected /= (means[0] ** 2 + means[1] ** 2 + c1) * (covariance.trace() + c2)
    assert structural_similarity(one, other) == pytest.approx(expected)


def test_what_is_the_same_everywhere_has_no_order():
    assert math.isnan(rank_correlation(np.zeros((4, 4)), MAP[:4, :4]))
    assert math.isnan(rank_correlation([1.0], [2.0]))
    assert math.isnan(structural_similarity(np.ones((4, 4)), MAP[:4, :4]))
    assert math.isnan(structural_similarity(MAP[:2], MAP[:2]))
