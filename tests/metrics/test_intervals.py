import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from foldwise.metrics import intervals
from foldwise.metrics.effective_size import TrialSums, effective_sizes
from foldwise.metrics.estimates import Resampling, confusion_estimates

rng_of = np.random.default_rng


def f1_interval(hits, union):
    sums = TrialSums.of(hits, union)
    return intervals.f_beta_intervals(sums, np.array([0.5]), 0.95)[0]


@pytest.mark.parametrize(("hits", "size"), [(0, 7), (3, 10), (10, 10), (180, 200), (1, 10_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_agrees_with_scipy(hits, size, confidence):
    found = intervals.wilson_interval(hits / size, size, confidence)
    expected = stats.binomtest(hits, size).proportion_ci(confidence, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("hits", "size"), [(0, 7), (3, 10), (10, 10), (180, 200), (1, 10_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_clopper_pearson_agrees_with_statsmodels(hits, size, confidence):
    found = intervals.clopper_pearson_interval(hits / size, size, confidence)
    expected = proportion_confint(hits, size, alpha=1 - confidence, method="beta")
    assert found == pytest.approx(expected, abs=1e-9)
    wilson = intervals.wilson_interval(hits / size, size, confidence)
    assert found[1] - found[0] > wilson[1] - wilson[0]


@pytest.mark.parametrize(("size", "share"), [(200, 0.9), (10, 0.9), (50, 0.98)])
def test_clopper_pearson_covers_at_least_as_often_as_promised(size, share):
    ones, coverage = np.ones(size), 0.0
    for hits in range(size + 1):
        low, high, method = intervals.proportion_interval(
            (np.arange(size) < hits) * 1.0, ones, 0.95, "clopper_pearson"
        )
        coverage += stats.binom.pmf(hits, size, share) * (low <= share <= high)
        assert method == "Clopper-Pearson"
    assert coverage >= 0.95


def test_both_intervals_of_grouped_trials_rest_on_the_same_size():
    hits = (rng_of(0).random(50) < 0.8) * 4.0
    trials = np.full(50, 4.0)
    size = effective_sizes(TrialSums.of(hits, trials), 0.95)[0]
    found = intervals.proportion_interval(hits, trials, 0.95, "clopper_pearson")
    assert found.method == "Clopper-Pearson, design effect"
    assert found[:2] == intervals.clopper_pearson_interval(hits.sum() / 200, size, 0.95)


@pytest.mark.parametrize(
    ("size", "share"), [(200, 0.9), (10, 0.9), (10, 0.8), (30, 0.95), (1500, 0.99)]
)
def test_wilson_covers_a_proportion_exactly_as_often_as_promised(size, share):
    """Exact: the sum over all possible counts, no simulation."""
    ones = np.ones(size)
    coverage = 0.0
    for hits in range(size + 1):
        low, high, _ = intervals.proportion_interval((np.arange(size) < hits) * 1.0, ones, 0.95)
        coverage += stats.binom.pmf(hits, size, share) * (low <= share <= high)
    assert 0.926 <= coverage <= 0.971


def test_nearly_perfect_proportions_are_covered_as_nearly_as_they_can_be():
    """Of 50 at 0.98, three misses come in 6.1 % of the cases: with them 98.2 % are covered.

    Without them it is 92.2 %, and no interval can have anything between.
    """
    three = stats.binom.pmf(3, 50, 0.02)
    at_most_two = stats.binom.cdf(2, 50, 0.02)
    assert at_most_two < 0.926 < 0.971 < at_most_two + three
    covered = 0.0
    for misses in range(51):
        low, high = intervals.wilson_interval(1 - misses / 50, 50, 0.95)
        covered += stats.binom.pmf(misses, 50, 0.02) * (low <= 0.98 <= high)
    assert covered == pytest.approx(at_most_two)


def test_f1_interval_of_one_class():
    hits, either = np.array([1.0] * 18 + [0.0] * 6), np.ones(24)
    low, high, method = f1_interval(hits, either)
    proportion = stats.binomtest(18, 24).proportion_ci(method="wilson")
    assert low == pytest.approx(2 * proportion.low / (1 + proportion.low))
    assert high == pytest.approx(2 * proportion.high / (1 + proportion.high))
    assert low < 2 * 18 / (2 * 18 + 6) < high
    assert "hits / union" in method


def test_no_trials_have_no_interval():
    nothing = np.zeros(3)
    for interval in (
        intervals.proportion_interval(nothing, nothing, 0.95),
        f1_interval(nothing, nothing),
    ):
        assert np.isnan(interval.low)
        assert np.isnan(interval.high)
        assert interval.method == "undefined"


@pytest.mark.parametrize("value", [0.0, 0.02, 0.5, 0.93, 0.999, 1.0])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 50), (150, 1350)])
def test_auc_interval_is_a_proper_interval(value, sizes):
    low, high, _ = intervals.auc_interval(value, *sizes, 0.95)
    assert 0 <= low <= value <= high <= 1
    assert high - low > 1e-4
    mirrored = intervals.auc_interval(1 - value, *sizes, 0.95)
    assert (low, high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-7)


def test_auc_interval_narrows_as_hanley_and_mcneil_say():
    """Far from the bounds the width is that of Hanley and McNeil's (1982) standard error."""
    area, m, n = 0.7, 4000, 6000
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)) / (m * n)
    low, high, _ = intervals.auc_interval(area, m, n, 0.95)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.03)


def test_mean_interval_of_one_estimate_is_its_own():
    one = [np.array([v]) for v in (0.8, 0.7, 0.85, 3)]
    assert intervals.mean_interval(*one) == pytest.approx((0.7, 0.85))
    four = [np.full(4, v) for v in (0.8, 0.7, 0.85, 2)]
    assert intervals.mean_interval(*four) == pytest.approx((0.75, 0.825))


def test_mean_interval_leaves_out_what_has_no_weight():
    two = [np.array(v) for v in ((0.8, 0.2), (0.7, 0.1), (0.85, 0.9), (5, 0))]
    assert intervals.mean_interval(*two) == pytest.approx((0.7, 0.85))


def test_no_variance_even_when_smoothed_leaves_a_proportion_of_the_units():
    found = intervals.linear_variance_interval(1.0, 1.0, 0.0, 0.95, 12)
    assert 0 < found.low < intervals.wilson_interval(1.0, 12, 0.95)[0]
    assert found.high == 1


def test_score_limits_of_a_mean_loss_solve_their_equation():
    """The variance is that of the mean m, in proportion: (value - m)^2 = z^2 variance m / mean."""
    low, high, _ = intervals.skewed_mean_interval(0.2, 0.25, 0.001, 0.95, 10**6)
    for limit in (low, high):
        expected = stats.norm.ppf(0.975) ** 2 * 0.001 * limit / 0.25
        assert (0.2 - limit) ** 2 == pytest.approx(expected, rel=1e-4)
    assert low < 0.2 < high
    assert high - 0.2 > 0.2 - low
    assert intervals.skewed_mean_interval(0.0, 0.1, 0.001, 0.95, 50)[0] == 0
    assert intervals.skewed_mean_interval(0.5, 0.5, 0.0, 0.95, 50)[1] > 0.55


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_f_beta_intervals_hold_the_value_and_are_never_of_zero_width(beta):
    """All four cases of no misses and no false alarms, from codes to limits."""
    for misses, alarms in ((0, 0), (0, 5), (5, 0), (3, 4)):
        target = np.repeat([1, 1, 0, 0], [20, misses, alarms, 30])
        predicted = np.repeat([1, 0, 1, 0], [20, misses, alarms, 30])
        resampling = Resampling(0.95, 100, 0)
        _, classes = confusion_estimates(target, predicted, 2, resampling, beta=beta)
        found = classes[f"f{beta:g}"][1]
        assert 0 < found.low < found.value <= found.high + 1e-12 <= 1 + 1e-9
        assert found.high - found.low > 0.02
