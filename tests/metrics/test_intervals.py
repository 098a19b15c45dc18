import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from foldwise.metrics import intervals

rng_of = np.random.default_rng


def effective_size(successes, trials, confidence):
    sums = intervals.TrialSums.of(successes, trials)
    return intervals.effective_sizes(sums, confidence)[0]


def f1_interval(hits, union):
    sums = intervals.TrialSums.of(hits, union)
    return intervals.f_beta_intervals(sums, np.array([0.5]), 0.95)[0]


@pytest.mark.parametrize(("hits", "size"), [(0, 7), (3, 10), (10, 10), (180, 200), (1, 10_000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_agrees_with_scipy(hits, size, confidence):
    found = intervals.wilson_interval(hits / size, size, confidence)
    expected = stats.binomtest(hits, size).proportion_ci(confidence, method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


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


def test_independent_trials_are_worth_their_number():
    successes = np.array([1.0, 0.0, 1.0, 1.0])
    assert effective_size(successes, np.ones(4), 0.95) == 4


def test_copies_are_worth_their_originals():
    hits = (rng_of(0).random(400) < 0.8) * 1.0
    size = effective_size(6 * hits, np.full(400, 6.0), 0.95)
    few = intervals.few_units_factor(400, 0.95)
    assert size == pytest.approx(400 * few, rel=0.01)
    assert few == pytest.approx((stats.norm.ppf(0.975) / stats.t.ppf(0.975, 399)) ** 2)


def test_copies_that_all_agree_are_worth_their_originals():
    """The variance is 0 and cannot tell: the sober reading is that a unit counts once."""
    trials = np.full(40, 5.0)
    size = effective_size(trials, trials, 0.95)
    assert size == pytest.approx(40 * intervals.few_units_factor(40, 0.95))


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
    expected = 10 / max(1, effect) * intervals.few_units_factor(3, 0.95)
    assert effective_size(successes, trials, 0.95) == pytest.approx(expected)


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


def test_bca_agrees_with_scipy():
    data = rng_of(3).exponential(size=60)
    data /= data.max() * 1.001
    values = csr_array(np.eye(60, dtype=np.int64))
    replicates = intervals.bootstrap(values, lambda w: (w @ data)[:, None] / 60, 20_000, rng_of(0))
    found = intervals.bca_interval(data.mean(), replicates[:, 0], (data - data.mean()) / 60, 0.95)
    expected = stats.bootstrap(
        (data,), np.mean, n_resamples=20_000, method="BCa", rng=rng_of(1)
    ).confidence_interval
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)


def test_a_bootstrap_that_sees_no_spread_says_so():
    assert intervals.bca_interval(1.0, np.ones(500), np.zeros(20), 0.95) is None


def test_resamples_draw_units_whole():
    counts = csr_array(np.array([[3, 0, 1], [0, 2, 1], [5, 5, 1]]))
    cells = intervals.bootstrap(counts, lambda c: c, 300, rng_of(0))
    assert cells.shape == (300, 3)
    np.testing.assert_array_equal(cells[:, 2], 3)  # as many units as there are
    solutions = cells @ np.linalg.inv(counts.toarray())
    np.testing.assert_allclose(solutions, solutions.round(), atol=1e-9)
    np.testing.assert_allclose(solutions.mean(0), 1, atol=0.15)
    again = intervals.bootstrap(counts, lambda c: c, 300, rng_of(0))
    np.testing.assert_array_equal(cells, again)


def test_fold_interval_agrees_with_scipy():
    values = np.array([[0.81, 0.84, 0.79, 0.88, 0.83]])
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values[0]))
    assert intervals.fold_interval(values, 0.95) == pytest.approx(expected)
    assert intervals.fold_deviation(values) == pytest.approx(values.std(ddof=1))


def test_repeats_do_not_count_as_more_folds():
    values = np.array([[0.81, 0.84, 0.79, 0.88, 0.83]])
    once = intervals.fold_interval(values, 0.95)
    assert intervals.fold_interval(np.repeat(values, 10, axis=0), 0.95) == pytest.approx(once)


def test_folds_that_agree_or_are_undefined_have_no_interval():
    assert intervals.fold_interval(np.ones((1, 5)), 0.95) is None
    assert intervals.fold_interval(np.array([[0.5, np.nan, np.nan]]), 0.95) is None
    assert np.isnan(intervals.fold_deviation(np.array([[0.5, np.nan]])))


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
