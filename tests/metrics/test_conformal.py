import numpy as np
import pytest
from scipy.stats import binom, t

from foldwise.metrics.conformal import conformal_offsets, conformal_quantiles

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def skewed(rng, size):
    return rng.gamma(2.0, 1.0, size) - 1.0


def test_offsets_by_hand():
    residuals = np.arange(1.0, 100.0)[:, None]  # ranks are the values; n + 1 = 100
    found = conformal_offsets(np.random.default_rng(0).permutation(residuals), LEVELS)
    assert found.tolist() == [[5, 25, 50, 75, 95]]


def test_ranks_are_rounded_away_from_the_middle():
    residuals = np.arange(1.0, 31.0)[:, None]  # n + 1 = 31: 1.55, 7.75, 23.25, 29.45
    assert conformal_offsets(residuals, LEVELS).tolist() == [[1, 7, 15.5, 24, 30]]


@pytest.mark.parametrize("size", [19, 40, 100])
def test_intervals_of_points_hold_what_they_promise(size):
    """Each of many calibration sets judges one new sample, so that hits are independent."""
    rng, repeats = np.random.default_rng(size), 4000
    residuals = skewed(rng, (size, repeats))  # each column is a target of its own
    new = skewed(rng, repeats)
    offsets = conformal_offsets(residuals, LEVELS)
    for low, high in ((0, 4), (1, 3)):
        promised = LEVELS[high] - LEVELS[low]
        hits = ((offsets[:, low] <= new) & (new <= offsets[:, high])).sum()
        assert hits >= binom.ppf(1e-4, repeats, promised)
        # not wide without need: at most a rank more at each end
        assert hits <= binom.ppf(1 - 1e-4, repeats, min(1, promised + 2 / (size + 1)))
    for level, offset in zip(LEVELS, offsets.T, strict=True):
        below = (new <= offset).mean()
        assert below == pytest.approx(level, abs=1 / (size + 1) + 0.03)


def test_skewed_errors_get_skewed_intervals():
    offsets = conformal_offsets(skewed(np.random.default_rng(0), (2000, 1)), LEVELS)[0]
    assert offsets[4] > 2 * -offsets[0]


def test_quantiles_of_a_network_are_mended_and_keep_their_shape():
    """The network's quantiles are half as wide as they should be, over noise that grows with x."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 4.0, 6000)
    y = x * rng.normal(size=6000)
    given = np.stack([-0.8 * x, 0.0 * x, 0.8 * x], axis=1)[:, None]  # (N, H, Q); right is 1.645
    fitted, new = slice(0, 1000), slice(1000, 6000)
    levels = (0.05, 0.5, 0.95)
    offsets = conformal_offsets(y[fitted, None, None] - given[fitted], levels)
    found = conformal_quantiles(given[new], offsets)[:, 0]
    held = (found[:, 0] <= y[new]) & (y[new] <= found[:, 2])
    # coverage given the calibration set spreads by Beta(n a, n (1 - a)): 0.0095 for n = 1000
    assert held.mean() == pytest.approx(0.9, abs=4 * np.hypot(0.0095, 0.0042))
    width = found[:, 2] - found[:, 0]
    assert np.corrcoef(width, x[new])[0, 1] > 0.99


@pytest.mark.parametrize("size", [1, 2, 5, 18])
def test_too_few_residuals_give_wide_but_finite_intervals(size):
    residuals = np.random.default_rng(size).normal(size=(size, 3))
    offsets = conformal_offsets(residuals, LEVELS)
    assert np.isfinite(offsets).all()
    assert (offsets[:, 0] <= residuals.min(axis=0)).all()
    assert (offsets[:, 4] >= residuals.max(axis=0)).all()
    assert (np.diff(offsets, axis=1) >= 0).all()


def test_too_few_normal_residuals_keep_the_promise_by_students_t():
    rng, repeats = np.random.default_rng(0), 4000
    offsets = conformal_offsets(rng.normal(size=(5, repeats)), (0.05, 0.95))
    new = rng.normal(size=repeats)
    hits = ((offsets[:, 0] <= new) & (new <= offsets[:, 1])).sum()
    assert hits >= binom.ppf(1e-4, repeats, 0.9)
    one = conformal_offsets([[2.0]], (0.95,))
    assert one[0, 0] == pytest.approx(2 * t.ppf(0.95, 1))


def test_the_number_of_residuals_that_the_extremes_need():
    residuals = np.arange(19.0)[:, None] - 9  # n + 1 = 20 = 1 / 0.05
    assert conformal_offsets(residuals, (0.05, 0.95)).tolist() == [[-9, 9]]
    assert conformal_offsets(residuals[:18], (0.05,))[0, 0] < -9


def test_quantiles_never_cross():
    given = np.random.default_rng(0).normal(size=(50, 2, 3))
    offsets = np.array([[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]])
    found = conformal_quantiles(given, offsets)
    np.testing.assert_array_equal(found, np.sort(given + offsets, axis=2))
    assert (np.diff(found, axis=2) >= 0).all()


@pytest.mark.parametrize("residuals", [np.empty((0, 2)), np.array([[1.0], [np.nan]])])
def test_residuals_that_tell_nothing_are_refused(residuals):
    with pytest.raises(ValueError, match="finite and at least one"):
        conformal_offsets(residuals, LEVELS)
