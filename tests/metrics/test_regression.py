import numpy as np
import pytest
from sklearn import metrics as reference

from foldwise.metrics import regression

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    target = rng.normal(3, 2, 200)
    prediction = target + rng.normal(0.3, 1, 200)
    return target, prediction


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (regression.mean_absolute_error, reference.mean_absolute_error),
        (regression.root_mean_squared_error, reference.root_mean_squared_error),
        (regression.r2, reference.r2_score),
        (regression.mape, reference.mean_absolute_percentage_error),
    ],
)
def test_metrics_equal_those_of_scikit_learn(numbers, ours, theirs):
    assert ours(*numbers) == pytest.approx(theirs(*numbers), rel=1e-12)


def test_pinball_loss_equals_that_of_scikit_learn(numbers):
    target, prediction = numbers
    quantiles = prediction[:, None] + np.linspace(-2, 2, len(LEVELS))
    found = regression.pinball_loss(target, quantiles, LEVELS)
    for level, loss, column in zip(LEVELS, found, quantiles.T, strict=True):
        expected = reference.mean_pinball_loss(target, column, alpha=level)
        assert loss == pytest.approx(expected, rel=1e-12)


def test_smape_and_mase_by_hand():
    # 2 * 1 / (2 + 3) and 2 * 4 / (4 + 8), where |-4| + |-8| counts
    assert regression.smape([2, -4], [3, -8]) == pytest.approx((2 / 5 + 8 / 12) / 2)
    # naive in training: |3-1|, |2-3|, |6-2|, mean 7/3
    scale = regression.naive_scale([1, 3, 2, 6])
    assert scale == pytest.approx(7 / 3)
    assert regression.mase([5, 7], [6, 4], scale) == pytest.approx(2 / (7 / 3))
    assert regression.mase([5, 7], [6, 4], [1, 3]) == pytest.approx(1.0)


def test_the_seasonal_naive_forecast_looks_one_season_back():
    assert regression.naive_scale([1, 5, 2, 7], season=2) == pytest.approx(1.5)


def test_what_cannot_be_said_is_nan_and_never_infinite():
    assert np.isnan(regression.mape([0, 1], [1, 1]))
    assert np.isnan(regression.mape([0, 1], [0, 1]))
    assert np.isnan(regression.r2([2, 2, 2], [1, 2, 3]))
    assert np.isnan(regression.mase([1, 2], [2, 2], 0.0))
    assert np.isnan(regression.mean_absolute_error([], []))
    assert np.isnan(regression.naive_scale([1]))


def test_the_bias_of_forecasts_that_are_too_high_is_positive(numbers):
    target, _ = numbers
    assert regression.bias(target, target + 2) == pytest.approx(2)


def test_limits_belong_to_the_interval():
    assert regression.coverage([1, 2, 2.1], [1, 1, 1], [2, 2, 2]) == pytest.approx(2 / 3)


def test_true_quantiles_cover_what_they_say():
    rng = np.random.default_rng(1)
    target = rng.random(20_000)
    for pair in regression.quantile_pairs(LEVELS):
        low, high = LEVELS[pair.low], LEVELS[pair.high]
        found = regression.coverage(target, np.full(20_000, low), np.full(20_000, high))
        assert found == pytest.approx(float(pair.percent) / 100, abs=0.01)
        assert regression.mean_width(low[None], high[None]) == pytest.approx(high - low)


def test_only_quantiles_of_equal_tails_make_an_interval():
    assert regression.quantile_pairs([0.1, 0.5, 0.8]) == []
    found = regression.quantile_pairs([0.025, 0.1, 0.9, 0.975])
    assert [(p.low, p.high, p.percent) for p in found] == [(1, 2, "80"), (0, 3, "95")]
