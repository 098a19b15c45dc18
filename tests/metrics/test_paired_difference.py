import numpy as np
import pytest
from scipy import stats

from foldwise.metrics.paired_difference import paired_difference


def hits(seed, size=80):
    return np.random.default_rng(seed).random((2, size)) < [[0.7], [0.5]]


def test_of_independent_samples_it_is_the_paired_t_interval():
    first, second = hits(0)
    found = paired_difference(first, second, np.arange(80), 0.9)
    expected = stats.ttest_rel(first.astype(float), second.astype(float)).confidence_interval(0.9)
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_copies_of_samples_in_one_unit_add_nothing():
    first, second = hits(1)
    alone = paired_difference(first, second, np.arange(80), 0.95)
    copied = paired_difference(
        np.repeat(first, 3), np.repeat(second, 3), np.repeat(np.arange(80), 3), 0.95
    )
    assert copied[:3] == pytest.approx(alone[:3])


def test_one_unit_has_no_interval():
    found = paired_difference(*hits(2), np.zeros(80, dtype=np.int64), 0.95)
    assert np.isfinite(found.value)
    assert np.isnan(found.low)
