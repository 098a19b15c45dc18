import numpy as np
import pytest
from fairlearn import metrics as reference
from statsmodels.stats.proportion import confint_proportions_2indep

from foldwise.metrics.fairness import (
    Decisions,
    demographic_parity_difference,
    equalised_odds_difference,
)

POSITIVE = np.array([1])


def decisions(num_groups=3, size=900, num_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, num_groups, size)
    target = rng.integers(0, num_classes, size)
    keep = rng.random(size) < 0.9 - 0.1 * groups
    predicted = np.where(keep, target, rng.integers(0, num_classes, size))
    return Decisions(target, predicted, num_classes, groups, np.arange(size))


@pytest.mark.parametrize("num_groups", [2, 5])
def test_differences_are_those_of_fairlearn(num_groups):
    given = decisions(num_groups)
    for ours, theirs in (
        (demographic_parity_difference, reference.demographic_parity_difference),
        (equalised_odds_difference, reference.equalized_odds_difference),
    ):
        found = ours(given, POSITIVE, 0.95)
        expected = theirs(given.target, given.predicted, sensitive_features=given.groups)
        assert found.value == pytest.approx(expected)
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_limits_of_two_groups_are_newcombes():
    given = decisions(2)
    found = demographic_parity_difference(given, POSITIVE, 0.95)
    high, low = (given.predicted[given.groups == g] for g in (found.highest, found.lowest))
    limits = confint_proportions_2indep(
        high.sum(), len(high), low.sum(), len(low), compare="diff", method="newcomb"
    )
    assert (found.low, found.high) == pytest.approx((max(0.0, limits[0]), limits[1]))


def test_more_groups_and_tied_rows_widen_the_limits():
    given = decisions(2)
    found = demographic_parity_difference(given, POSITIVE, 0.95)
    copies = given._replace(
        **{
            name: np.repeat(getattr(given, name), 4)
            for name in ("target", "predicted", "groups", "units")
        }
    )
    tied = demographic_parity_difference(copies, POSITIVE, 0.95)
    assert tied.value == pytest.approx(found.value)
    assert tied.high - tied.low > 0.95 * (found.high - found.low)


def test_more_pairs_of_groups_widen_the_limits():
    groups = np.repeat(np.arange(3), 300)
    predicted = (np.tile(np.arange(300), 3) < np.repeat([90, 150, 210], 300)).astype(np.int64)
    given = Decisions(predicted, predicted, 2, groups, np.arange(900))
    three = demographic_parity_difference(given, POSITIVE, 0.95)
    two = given._replace(groups=np.array([0, -1, 1])[groups])
    two = demographic_parity_difference(two, POSITIVE, 0.95)
    assert three.value == pytest.approx(two.value) == pytest.approx(0.4)
    assert (three.highest, three.lowest) == (2, 0)
    assert three.low < two.low < 0.4 < two.high < three.high


def test_class_and_rate_of_a_gap_are_named():
    given = decisions(2, num_classes=3)
    spoilt = np.where((given.groups == 1) & (given.target == 2), 0, given.target)
    given = given._replace(predicted=spoilt)
    found = equalised_odds_difference(given, np.arange(3), 0.95)
    assert (found.value, found.code, found.rate) == (1.0, 2, "recall")
    assert (found.highest, found.lowest) == (0, 1)


def test_groups_with_too_few_trials_are_not_compared():
    given = decisions(2)
    few = given._replace(groups=np.where(np.arange(900) < 5, given.groups, -1))
    found = demographic_parity_difference(few, POSITIVE, 0.95)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.method == "undefined"
