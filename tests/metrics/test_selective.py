import numpy as np
import pytest

from foldwise.metrics.selective import best_aurc, keep_most_certain, risk_coverage


def test_risk_and_area_by_hand():
    confidence = np.array([0.6, 0.9, 0.7, 0.8])
    errors = np.array([True, False, True, False])
    found = risk_coverage(confidence, errors)
    assert found.threshold.tolist() == [0.9, 0.8, 0.7, 0.6]
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert found.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert found.excess_aurc == pytest.approx(0)


def test_the_worst_order_by_hand():
    found = risk_coverage(np.array([0.9, 0.8, 0.7]), np.array([True, False, False]))
    assert found.aurc == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert found.excess_aurc == pytest.approx((1 + 1 / 2) / 3)
    assert best_aurc(3, 1) == pytest.approx(1 / 9)


def test_tied_samples_are_kept_together_and_count_their_mean_order():
    errors = np.array([False, True, False])
    found = risk_coverage(np.array([0.9, 0.7, 0.7]), errors)
    assert found.coverage == pytest.approx([1 / 3, 1])
    orders = [risk_coverage(np.array(c), errors).aurc for c in ([3, 2, 1], [3, 1, 2])]
    assert found.aurc == pytest.approx(np.mean(orders))
    swapped = risk_coverage(np.array([0.7, 0.7, 0.9]), errors[::-1])
    assert swapped.aurc == pytest.approx(found.aurc)


def test_confidence_that_means_nothing_has_the_error_rate_as_area():
    rng = np.random.default_rng(0)
    errors = rng.random(20_000) < 0.2
    found = risk_coverage(rng.random(20_000), errors)
    assert found.aurc == pytest.approx(0.2, abs=0.01)
    # Geifman et al. 2019: the best order has about r + (1 - r) ln(1 - r).
    best = 0.2 + 0.8 * np.log(0.8)
    assert found.aurc - found.excess_aurc == pytest.approx(best, abs=0.003)


@pytest.mark.parametrize(
    ("coverage", "threshold", "kept"), [(1.0, 0.1, 5), (0.8, 0.2, 4), (0.5, 0.3, 3), (0.1, 0.5, 1)]
)
def test_the_most_certain_are_kept(coverage, threshold, kept):
    found = keep_most_certain(np.array([0.3, 0.5, 0.1, 0.2, 0.4]), coverage)
    assert found.threshold == threshold
    assert found.kept.sum() == kept
    assert found.coverage == kept / 5


def test_ties_at_the_threshold_are_all_kept():
    found = keep_most_certain(np.array([0.9, 0.5, 0.5, 0.5]), 0.5)
    assert found.coverage == 1
