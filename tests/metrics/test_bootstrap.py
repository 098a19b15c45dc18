import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from foldwise.metrics.bootstrap import bca_interval, bootstrap

rng_of = np.random.default_rng


def test_bca_agrees_with_scipy():
    data = rng_of(3).exponential(size=60)
    data /= data.max() * 1.001
    values = csr_array(np.eye(60, dtype=np.int64))
    replicates = bootstrap(values, lambda w: (w @ data)[:, None] / 60, 20_000, rng_of(0))
    found = bca_interval(data.mean(), replicates[:, 0], (data - data.mean()) / 60, 0.95)
    expected = stats.bootstrap(
        (data,), np.mean, n_resamples=20_000, method="BCa", rng=rng_of(1)
    ).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)


def test_a_bootstrap_that_sees_no_spread_says_so():
    assert bca_interval(1.0, np.ones(500), np.zeros(20), 0.95) is None


def test_resamples_draw_units_whole():
    counts = csr_array(np.array([[3, 0, 1], [0, 2, 1], [5, 5, 1]]))
    cells = bootstrap(counts, lambda c: c, 300, rng_of(0))
    assert cells.shape == (300, 3)
    np.testing.assert_array_equal(cells[:, 2], 3)  # as many units as there are
    solutions = cells @ np.linalg.inv(counts.toarray())
    np.testing.assert_allclose(solutions, solutions.round(), atol=1e-9)
    np.testing.assert_allclose(solutions.mean(0), 1, atol=0.15)
    again = bootstrap(counts, lambda c: c, 300, rng_of(0))
    np.testing.assert_array_equal(cells, again)


def test_limits_that_coincide_are_no_interval():
    """A metric at its least: no resample is below it, and the bias sends both limits there."""
    replicates = 0.3 + rng_of(0).random(500) ** 2
    assert bca_interval(0.3, replicates, rng_of(1).normal(size=50), 0.95) is None
