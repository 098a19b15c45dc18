import numpy as np
import pytest
from scipy import stats

from foldwise.metrics.fold_intervals import fold_deviation, fold_interval


def test_fold_interval_agrees_with_scipy():
    values = np.array([[0.81, 0.84, 0.79, 0.88, 0.83]])
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values[0]))
    assert fold_interval(values, 0.95) == pytest.approx(expected)
    assert fold_deviation(values) == pytest.approx(values.std(ddof=1))


def test_repeats_do_not_count_as_more_folds():
    values = np.array([[0.81, 0.84, 0.79, 0.88, 0.83]])
    once = fold_interval(values, 0.95)
    assert fold_interval(np.repeat(values, 10, axis=0), 0.95) == pytest.approx(once)


def test_folds_that_agree_or_are_undefined_have_no_interval():
    assert fold_interval(np.ones((1, 5)), 0.95) is None
    assert fold_interval(np.array([[0.5, np.nan, np.nan]]), 0.95) is None
    assert np.isnan(fold_deviation(np.array([[0.5, np.nan]])))


def test_limits_stay_inside_the_range_of_their_metric():
    values = np.array([[-0.4, -0.7, -0.2, -0.9, -0.5]])
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values[0]))
    assert fold_interval(values, 0.95, (-1.0, 1.0)) == pytest.approx(expected)
    large = values * -10
    expected = stats.t.interval(0.95, 4, large.mean(), stats.sem(large[0]))
    assert fold_interval(large, 0.95, (0.0, np.inf)) == pytest.approx(expected)
