import numpy as np
import pytest
from scipy import stats

from foldwise.metrics.effective_size import TrialSums, effective_sizes, few_units_factor

rng_of = np.random.default_rng


def effective_size(successes, trials, confidence):
    sums = TrialSums.of(successes, trials)
    return effective_sizes(sums, confidence)[0]


def test_independent_trials_are_worth_their_number():
    successes = np.array([1.0, 0.0, 1.0, 1.0])
    assert effective_size(successes, np.ones(4), 0.95) == 4


def test_copies_are_worth_their_originals():
    hits = (rng_of(0).random(400) < 0.8) * 1.0
    size = effective_size(6 * hits, np.full(400, 6.0), 0.95)
    few = few_units_factor(400, 0.95)
    assert size == pytest.approx(400 * few, rel=0.01)
    assert few == pytest.approx((stats.norm.ppf(0.975) / stats.t.ppf(0.975, 399)) ** 2)


def test_copies_that_all_agree_are_worth_their_originals():
    """The variance is 0 and cannot tell: the sober reading is that a unit counts once."""
    trials = np.full(40, 5.0)
    size = effective_size(trials, trials, 0.95)
    assert size == pytest.approx(40 * few_units_factor(40, 0.95))


def test_grouped_trials_are_never_worth_more_than_their_number():
    trials = np.full(30, 4.0)
    balanced = np.full(30, 2.0)  # exactly half of each group: less spread than chance
    assert effective_size(balanced, trials, 0.95) <= 120


def test_design_effect_is_the_ratio_of_variances():
    trials = np.array([2.0, 3.0, 5.0])
    successes = np.array([2.0, 1.0, 3.0])
    share = 0.6
    clustered = 3 / 2 * np.sum((successes - share * trials) ** 2) / 100
    effect = clustered / (share * 0.4 / 10)
    expected = 10 / max(1, effect) * few_units_factor(3, 0.95)
    assert effective_size(successes, trials, 0.95) == pytest.approx(expected)
