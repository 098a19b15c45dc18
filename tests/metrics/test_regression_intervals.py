import numpy as np
import pytest

from foldwise.metrics import regression
from foldwise.metrics.estimates import Resampling
from foldwise.metrics.regression_intervals import Outcomes, estimate, fold_limits, point_metrics

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
RESAMPLING = Resampling(0.95, 400, 0)


def outcomes_of(size=200, num_steps=1, seed=0, scale=1.0, noise=1.0):
    rng = np.random.default_rng(seed)
    target = scale * rng.normal(10, 2, (size, num_steps))
    prediction = target + scale * noise * rng.normal(0, 1, (size, num_steps))
    offsets = scale * noise * np.array([-1.645, -0.674, 0, 0.674, 1.645])
    quantiles = prediction[..., None] + offsets * rng.uniform(0.9, 1.1, (size, num_steps, 1))
    return Outcomes(target, prediction, quantiles, LEVELS, np.full(size, 2.0 * scale))


def test_values_are_those_of_the_pure_functions():
    outcomes = outcomes_of(num_steps=3)
    found = estimate(outcomes, None, RESAMPLING)
    target, prediction = outcomes.target.ravel(), outcomes.prediction.ravel()
    assert found.pooled["mae"].value == regression.mean_absolute_error(target, prediction)
    assert found.pooled["r2"].value == regression.r2(target, prediction)
    assert found.pooled["mase"].value == pytest.approx(found.pooled["mae"].value / 2)
    second = outcomes.target[:, 1], outcomes.prediction[:, 1]
    assert found.steps[1]["rmse"].value == regression.root_mean_squared_error(*second)
    assert len(found.steps) == 3
    assert all(set(step) == set(found.pooled) for step in found.steps)


def test_every_interval_holds_its_value_and_has_a_width():
    found = estimate(outcomes_of(num_steps=2), None, RESAMPLING)
    for estimates in (found.pooled, *found.steps):
        for name, entry in estimates.items():
            assert entry.low < entry.value < entry.high, name
    assert found.pooled["coverage_90"].method.startswith("Wilson")
    assert found.pooled["mae"].method == "BCa bootstrap"


def test_the_interval_of_the_mean_error_is_the_classical_one():
    from scipy import stats

    outcomes = outcomes_of(size=400)
    errors = (outcomes.prediction - outcomes.target).ravel()
    expected = stats.t.interval(0.95, len(errors) - 1, errors.mean(), stats.sem(errors))
    entry = estimate(outcomes, None, Resampling(0.95, 4000, 0)).pooled["bias"]
    half = (expected[1] - expected[0]) / 2
    np.testing.assert_allclose(entry[1:3], expected, atol=0.12 * half)


def test_bca_limits_are_those_of_scipy():
    from scipy import stats

    outcomes = outcomes_of(size=60)
    data = outcomes.target.ravel(), outcomes.prediction.ravel()
    for name, function in (
        ("rmse", regression.root_mean_squared_error),
        ("r2", regression.r2),
    ):
        entry = estimate(outcomes, None, Resampling(0.95, 5000, 0)).pooled[name]
        expected = stats.bootstrap(
            data,
            function,
            paired=True,
            vectorized=False,
            n_resamples=2000,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        width = expected.high - expected.low
        np.testing.assert_allclose(entry[1:3], expected, atol=0.1 * width)


def test_copies_of_a_sample_narrow_nothing():
    outcomes = outcomes_of(size=100)
    copies = Outcomes(
        *(np.repeat(array, 4, axis=0) for array in outcomes[:3]), LEVELS, np.full(400, 2.0)
    )
    alone = estimate(outcomes, None, RESAMPLING)
    together = estimate(copies, np.repeat(np.arange(100), 4), RESAMPLING)
    assert together.num_units == 100
    assert alone.num_units is None
    for name in ("mae", "r2", "coverage_90"):
        one, four = alone.pooled[name], together.pooled[name]
        assert four.high - four.low >= 0.98 * (one.high - one.low)
    np.testing.assert_allclose(together.pooled["mae"][:3], alone.pooled["mae"][:3], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-12, 1e25])
def test_units_of_measurement_do_not_matter(scale):
    plain = estimate(outcomes_of(), None, RESAMPLING).pooled
    scaled = estimate(outcomes_of(scale=scale), None, RESAMPLING).pooled
    for name, entry in plain.items():
        factor = scale if name in {"mae", "rmse", "bias", "pinball", "width_50", "width_90"} else 1
        np.testing.assert_allclose(np.array(scaled[name][:3]) / factor, entry[:3], rtol=1e-4)


def test_what_is_undefined_has_no_interval_and_hides_nothing_else():
    outcomes = outcomes_of(num_steps=2)
    outcomes.target[3, 1] = 0.0
    found = estimate(outcomes, None, RESAMPLING)
    assert np.isnan(found.pooled["mape"][:3]).all()
    assert found.steps[0]["mape"].low < found.steps[0]["mape"].value
    assert np.isnan(found.steps[1]["mape"].value)
    assert found.pooled["smape"].low < found.pooled["smape"].high
    constant = outcomes._replace(target=np.full((200, 2), 5.0))
    assert np.isnan(estimate(constant, None, RESAMPLING).pooled["r2"].value)


def test_perfect_predictions_and_a_single_unit_have_values_without_intervals():
    outcomes = outcomes_of(noise=0.0)
    found = estimate(outcomes, None, RESAMPLING).pooled
    assert found["mae"].value == 0
    assert np.isnan(found["mae"].low)
    assert found["r2"].value == 1
    single = estimate(outcomes_of(), np.zeros(200, dtype=np.int64), RESAMPLING).pooled
    assert single["mae"].method == "undefined"


def test_without_quantiles_or_a_scale_their_metrics_are_left_out():
    outcomes = outcomes_of()
    bare = Outcomes(outcomes.target, outcomes.prediction, np.empty((200, 1, 0)), np.empty(0))
    assert set(point_metrics(bare)) == {"mae", "rmse", "r2", "mape", "smape", "bias"}
    assert set(estimate(bare, None, RESAMPLING).pooled) == set(point_metrics(bare))


def test_fold_limits_are_those_of_student_within_what_is_possible():
    from scipy import stats

    values = np.array([[3.0, 4.0, 5.0, 7.0]])
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values[0]))
    np.testing.assert_allclose(fold_limits(values, 0.95, "mae"), expected)
    low, high = fold_limits(np.array([[0.1, 5.0]]), 0.95, "rmse")
    assert low == 0
    assert high > 5
    assert fold_limits(np.array([[-3.0, 0.9]]), 0.95, "r2")[1] == 1
    assert fold_limits(np.array([[2.0]]), 0.95, "mae") is None
    assert fold_limits(np.array([[0.3, 0.1 + 0.2]]), 0.95, "width_90") is None


@pytest.mark.slow
def test_intervals_cover_what_they_say():
    hits = dict.fromkeys(("mae", "rmse", "bias"), 0)
    truth = {"mae": np.sqrt(2 / np.pi), "rmse": 1.0, "bias": 0.0}
    for seed in range(300):
        found = estimate(outcomes_of(size=60, seed=seed), None, Resampling(0.9, 300, seed)).pooled
        for name in hits:
            hits[name] += found[name].low <= truth[name] <= found[name].high
    for name, count in hits.items():
        assert 0.84 <= count / 300 <= 0.96, name
