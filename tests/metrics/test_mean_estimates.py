import numpy as np
import pytest
from scipy import stats

from foldwise.metrics.mean_estimates import mean_estimates


def interval(values, units=None, confidence=0.95):
    (found,) = mean_estimates(np.asarray(values)[:, None], units, confidence)
    return found.low, found.high


def test_without_skewness_it_is_students_interval():
    values = np.array([-3.0, -1.0, 0.0, 1.0, 3.0]) + 7
    expected = stats.t.interval(0.95, 4, loc=7, scale=stats.sem(values))
    assert interval(values) == pytest.approx(expected)


def test_with_skewness_it_is_near_scipys_bca_bootstrap():
    values = np.random.default_rng(0).exponential(2, 200) - 1
    expected = stats.bootstrap(
        (values,), np.mean, confidence_level=0.95, n_resamples=5000, method="BCa", rng=2
    ).confidence_interval
    assert interval(values) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("kind", ["exponential", "rare costs"])
def test_it_holds_the_truth_as_often_as_it_says(kind):
    rng, held = np.random.default_rng(0), 0
    for _ in range(1000):
        if kind == "exponential":
            values, truth = rng.exponential(1, 50), 1.0
        else:
            values, truth = 10.0 * (rng.random(100) < 0.1), 1.0
        low, high = interval(values)
        held += low <= truth <= high
    assert 0.926 <= held / 1000 <= 0.985


def test_copies_add_nothing():
    values = np.random.default_rng(0).normal(0, 1, 40)
    units = np.arange(200) // 5
    assert interval(np.repeat(values, 5), units) == pytest.approx(interval(values))


def test_where_all_agree_there_is_no_interval():
    (found,) = mean_estimates(np.full((9, 1), 3.0), None, 0.95)
    assert found.value == 3
    assert np.isnan(found.low)
    assert np.isnan(found.high)
