import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array
from statsmodels.stats.multitest import multipletests

from foldwise.metrics import paired_tests
from foldwise.metrics.paired_tests import (
    average_ranks,
    corrected_resampled_t,
    holm,
    mcnemar,
    paired_bootstraps,
    wilcoxon_over_data_sets,
)


def differences(num_pairs=5, seed=0, shift=0.02):
    return np.random.default_rng(seed).normal(shift, 0.02, num_pairs)


def test_a_case_computed_by_hand():
    # Differences 1, 2, 3 (in hundredths): mean 2, s^2 = 1; k = 3, n_test / n_train = 1 / 2.
    found = corrected_resampled_t(np.array([0.01, 0.02, 0.03]), 0.5, 0.95)
    error = 0.01 * np.sqrt(1 / 3 + 1 / 2)
    assert found.statistic == pytest.approx(0.02 / error)
    # The t distribution with 2 degrees of freedom has P(|T| > t) = 1 - t / sqrt(2 + t^2) and the
    # 97.5 % quantile 4.302653.
    t = 0.02 / error
    assert found.p_value == pytest.approx(1 - t / np.sqrt(2 + t * t))
    assert (found.low, found.high) == pytest.approx(
        (0.02 - 4.302653 * error, 0.02 + 4.302653 * error)
    )
    assert found.num_pairs == 3


@pytest.mark.parametrize("num_pairs", [2, 5, 30])
def test_without_overlap_it_is_the_usual_paired_t_test(num_pairs):
    values = differences(num_pairs)
    found = corrected_resampled_t(values, 0.0, 0.9)
    expected = stats.ttest_1samp(values, 0.0)
    interval = expected.confidence_interval(0.9)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_correction_divides_the_statistic_by_a_known_factor():
    values, ratio = differences(10), 1 / 9
    corrected = corrected_resampled_t(values, ratio, 0.95)
    naive = stats.ttest_1samp(values, 0.0)
    factor = np.sqrt(1 + 10 * ratio)
    assert corrected.statistic == pytest.approx(naive.statistic / factor)
    assert corrected.p_value == pytest.approx(2 * stats.t.sf(naive.statistic / factor, 9))
    assert corrected.high - corrected.low > 1.4 * np.diff(naive.confidence_interval())[0]


def test_the_interval_leaves_out_zero_exactly_where_p_is_below_its_level():
    for shift in np.linspace(0, 0.06, 25):
        found = corrected_resampled_t(differences(seed=3, shift=shift), 0.25, 0.95)
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)


def test_swapping_the_methods_changes_the_sign_alone():
    values = differences()
    one, other = (corrected_resampled_t(s * values, 0.25, 0.95) for s in (1, -1))
    assert other.difference == -one.difference
    assert (other.low, other.high) == (-one.high, -one.low)
    assert other.p_value == one.p_value


def test_undefined_folds_are_left_out():
    values = differences(4)
    with_gap = np.array([values[0], np.nan, *values[1:]])
    assert corrected_resampled_t(with_gap, 0.25, 0.95) == corrected_resampled_t(values, 0.25, 0.95)


@pytest.mark.parametrize("values", [[], [np.nan], [0.1], [0.1, 0.1, 0.1]])
def test_without_spread_there_is_no_p_value(values):
    found = corrected_resampled_t(np.array(values, dtype=float), 0.25, 0.95)
    assert np.isnan(found.p_value)
    assert found.num_pairs == int(np.isfinite(values).sum())


def test_no_difference_in_any_fold_is_no_evidence():
    found = corrected_resampled_t(np.zeros(5), 0.25, 0.95)
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


# -- Holm -----------------------------------------------------------------------------------------


def test_holm_by_hand():
    # Sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.5 * 1, each at least the one before.
    adjusted = holm(np.array([0.03, 0.01, 0.5, 0.02]))
    assert adjusted == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_is_that_of_statsmodels():
    p_values = np.random.default_rng(0).uniform(0, 0.2, 12)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_undefined_p_value_stays_so_and_counts_as_a_test():
    adjusted = holm(np.array([0.01, np.nan, 0.02]))
    assert adjusted == pytest.approx([0.03, np.nan, 0.04], nan_ok=True)
    assert len(holm(np.array([]))) == 0


# -- paired bootstrap -----------------------------------------------------------------------------


def hits_of(right):
    """Cells per unit: hits, samples."""
    return csr_array(np.stack([right, np.ones(len(right))], axis=1))


def accuracy(cells):
    return cells[:, 0] / cells[:, 1]


def bootstrapped(reference, method, metric=accuracy, copies=1):
    counts = [hits_of(right) * copies for right in (reference, method)]
    rng = np.random.default_rng(0)
    ((_, _, found),) = paired_bootstraps(counts, metric, 4000, 0.95, rng)
    return found


def made(num_better, num_worse, num_alike=200):
    reference = np.repeat([0, 1, 1], [num_better, num_worse, num_alike])
    method = np.repeat([1, 0, 1], [num_better, num_worse, num_alike])
    return reference.astype(float), method.astype(float)


def test_the_bootstrap_of_accuracy_agrees_with_the_normal_interval_of_paired_differences():
    reference, method = made(60, 30)
    found = bootstrapped(reference, method)
    values = method - reference
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert found.difference == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15 * error
    )
    expected = stats.binomtest(60, 90).pvalue  # McNemar's exact test
    assert found.p_value == pytest.approx(expected, abs=0.002)
    assert found.num_pairs == len(values)


def test_pairs_matter_and_not_only_the_two_scores():
    widths = {}
    for num_swapped in (0, 10, 40):  # the accuracies are equal in each case
        found = bootstrapped(*made(num_swapped, num_swapped, 280 - 2 * num_swapped))
        assert found.difference == 0
        assert found.p_value > 0.5
        widths[num_swapped] = found.high - found.low
    assert widths[0] == 0
    assert widths[40] == pytest.approx(2 * widths[10], rel=0.1)


def test_many_copies_of_a_unit_add_no_certainty():
    reference, method = made(60, 30, 60)
    alone = bootstrapped(reference, method)
    tripled = bootstrapped(reference, method, copies=3)
    assert tripled.p_value == alone.p_value
    assert (tripled.low, tripled.high) == pytest.approx((alone.low, alone.high))


def test_an_undefined_metric_has_no_interval():
    found = bootstrapped(*made(3, 2), metric=lambda cells: np.full(len(cells), np.nan))
    assert np.isnan([found.difference, found.low, found.high, found.p_value]).all()


# -- all pairs at once ----------------------------------------------------------------------------


def test_all_pairs_by_the_same_resamples_are_those_of_one_pair_at_a_time():
    rng = np.random.default_rng(4)
    right = [(rng.random(80) < share).astype(float) for share in (0.6, 0.8, 0.85)]
    counts = [hits_of(hits) for hits in right]
    found = list(paired_bootstraps(counts, accuracy, 500, 0.9, np.random.default_rng(7)))
    assert [pair[:2] for pair in found] == [(0, 1), (0, 2), (1, 2)]
    for first, second, test in found:
        own = [counts[first], counts[second]]
        ((_, _, alone),) = paired_bootstraps(own, accuracy, 500, 0.9, np.random.default_rng(7))
        assert tuple(test)[:5] == pytest.approx(tuple(alone)[:5])


# -- McNemar --------------------------------------------------------------------------------------


def decisions(only_first, only_second, both=10, neither=5):
    first = np.r_[np.ones(only_first + both), np.zeros(only_second + neither)].astype(bool)
    second = np.r_[np.zeros(only_first), np.ones(both + only_second), np.zeros(neither)]
    return first, second.astype(bool)


@pytest.mark.parametrize(("b", "c"), [(1, 7), (0, 5), (4, 4), (24, 0), (10, 14)])
def test_few_discordant_samples_are_a_binomial_test(b, c):
    found = mcnemar(*decisions(b, c))
    assert (found.num_only_first, found.num_only_second) == (b, c)
    assert found.p_value == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)
    assert found.method == "exact binomial"


def test_many_discordant_samples_are_chi_squared_with_the_correction_by_hand():
    found = mcnemar(*decisions(40, 20))
    assert found.p_value == pytest.approx(stats.chi2.sf((abs(40 - 20) - 1) ** 2 / 60, 1))
    assert found.method == "chi-squared"


def test_without_disagreement_there_is_no_difference():
    assert mcnemar(*decisions(0, 0)).p_value == 1.0


def test_units_of_one_sample_give_the_exact_test():
    first, second = decisions(3, 12)
    found = mcnemar(first, second, np.arange(len(first)))
    assert found.p_value == pytest.approx(stats.binomtest(3, 15, 0.5).pvalue)
    assert "exact" in found.method


def test_copies_in_a_unit_count_once_as_all_signs_counted_by_hand_say():
    # Units with sums +3, +2, -1: |sum| = 4 or more in 4 of the 8 sign patterns.
    first = np.array([1, 1, 1, 1, 1, 0], dtype=bool)
    found = mcnemar(first, ~first, np.array([0, 0, 0, 1, 1, 2]))
    assert found.p_value == pytest.approx(4 / 8)
    assert mcnemar(first, ~first).p_value < found.p_value


def test_many_units_take_the_normal_distribution(monkeypatch):
    first, second = decisions(300, 240)
    exact = mcnemar(first, second, np.arange(len(first)))
    monkeypatch.setattr(paired_tests, "_MOST_STEPS", 10)
    rough = mcnemar(first, second, np.arange(len(first)))
    assert "normal" in rough.method
    assert rough.p_value == pytest.approx(stats.chi2.sf(60**2 / 540, 1))
    assert rough.p_value == pytest.approx(exact.p_value, rel=0.15)


# -- data sets ------------------------------------------------------------------------------------


def test_signed_ranks_are_those_of_scipy_and_of_a_count_by_hand():
    values = np.array([0.05, 0.03, -0.01, 0.04, 0.02, 0.06])
    found = wilcoxon_over_data_sets(values)
    assert found.p_value == pytest.approx(stats.wilcoxon(values).pvalue)
    # The rank sum of the negative one is 1: two of the 64 sign patterns are as far, on each side.
    assert found.p_value == pytest.approx(4 / 64)
    assert found.least_p == pytest.approx(2 / 64)
    assert found.mean_difference == pytest.approx(values.mean())


def test_one_data_set_has_no_test_and_equal_scores_no_difference():
    assert np.isnan(wilcoxon_over_data_sets(np.array([0.1])).p_value)
    assert wilcoxon_over_data_sets(np.zeros(5)).p_value == 1.0


def test_ranks_are_those_of_friedman_with_the_correction_of_iman_and_davenport():
    scores = np.array([[0.9, 0.8, 0.7], [0.6, 0.7, 0.5], [0.9, 0.9, 0.3], [0.8, 0.7, 0.6]])
    found = average_ranks(scores)
    assert found.average.tolist() == [(1 + 2 + 1.5 + 1) / 4, (2 + 1 + 1.5 + 2) / 4, 3.0]
    chi2 = stats.friedmanchisquare(*scores.T).statistic
    assert found.statistic == pytest.approx(3 * chi2 / (4 * 2 - chi2))
    assert found.p_value == pytest.approx(stats.f.sf(found.statistic, 2, 6))


def test_ranks_of_one_order_and_of_equal_scores():
    assert average_ranks(np.tile([0.9, 0.8, 0.7], (3, 1))).p_value == 0.0
    assert average_ranks(np.full((3, 3), 0.5)).p_value == 1.0
    assert np.isnan(average_ranks(np.array([[0.9, 0.8]])).p_value)
