import numpy as np
import pytest
from scipy import stats

from foldwise.metrics.power_law import PowerLaw, fit_power_law, forecast

SIZES = np.array([100.0, 250.0, 500.0, 1000.0])


def errors_of(scale, exponent, floor, sizes=SIZES):
    return scale * (sizes / sizes[-1]) ** -exponent + floor


@pytest.mark.parametrize(("scale", "exponent", "floor"), [(0.1, 0.5, 0.05), (0.2, 1.0, 0.0)])
def test_an_exact_law_is_found_again(scale, exponent, floor):
    law = fit_power_law(SIZES, errors_of(scale, exponent, floor))
    assert (law.scale, law.exponent, law.floor) == pytest.approx(
        (scale, exponent, floor), abs=2e-3
    )
    # Doubling the size of n^-1 halves what is above the floor.
    assert float(law.at(2000.0)) == pytest.approx(scale * 2**-exponent + floor, abs=1e-3)


def test_three_points_have_no_floor_and_a_line_in_logarithms():
    sizes = np.array([10.0, 100.0, 1000.0])
    law = fit_power_law(sizes, 2 * sizes**-0.3)
    line = stats.linregress(np.log(sizes), np.log(2 * sizes**-0.3))
    assert law.floor == 0.0
    assert law.exponent == pytest.approx(-line.slope, abs=1e-4)


def test_errors_that_rise_are_level_and_two_points_are_no_law():
    law = fit_power_law(SIZES, np.array([0.1, 0.12, 0.13, 0.14]))
    assert float(law.at(2000.0)) == pytest.approx(float(law.at(100.0)), rel=1e-3)
    assert fit_power_law(SIZES[:2], np.array([0.2, 0.1])) is None
    assert fit_power_law(SIZES, np.array([0.2, np.nan, 0.1, 0.1])) is None


def test_perfect_scores_stay_perfect():
    law = fit_power_law(SIZES, np.zeros(4))
    assert float(law.at(2000.0)) == pytest.approx(0.0, abs=1e-9)


def test_the_forecast_is_that_of_the_means_and_its_limits_are_a_jackknife_by_hand():
    rng = np.random.default_rng(1)
    errors = errors_of(0.1, 0.5, 0.05)[:, None] * (1 + 0.05 * rng.normal(size=(4, 5)))
    law = fit_power_law(SIZES, errors.mean(axis=1))
    found = forecast(law, SIZES, errors, 2.0, 0.9)
    assert found.size == 2000
    assert found.error == pytest.approx(float(law.at(2000.0)))
    assert found.gain == pytest.approx(float(law.at(1000.0) - law.at(2000.0)))
    others = [
        float(fit_power_law(SIZES, np.delete(errors, k, axis=1).mean(axis=1)).at(2000.0))
        for k in range(5)
    ]
    error = np.sqrt(4 / 5 * np.sum((others - np.mean(others)) ** 2))
    half = stats.t.ppf(0.95, 4) * error
    assert (found.low, found.high) == pytest.approx((found.error - half, found.error + half))


def test_folds_that_agree_have_narrow_limits_and_two_folds_none():
    errors = np.repeat(errors_of(0.1, 0.5, 0.05)[:, None], 4, axis=1)
    law = fit_power_law(SIZES, errors.mean(axis=1))
    found = forecast(law, SIZES, errors, 2.0, 0.95)
    assert found.high - found.low < 1e-9
    assert np.isnan(forecast(law, SIZES, errors[:, :2], 2.0, 0.95).low)


def test_the_law_takes_many_sizes_at_once():
    law = PowerLaw(0.1, 1.0, 0.02, 1000.0)
    assert law.at(np.array([500.0, 1000.0])) == pytest.approx([0.22, 0.12])
