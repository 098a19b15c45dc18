import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from foldwise.metrics.operating_points import (
    PointRule,
    choose_threshold,
    least_cost,
    metrics_at,
    paid,
    thin_curve,
    threshold_curve,
)

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
POSITIVE = np.array([1, 1, 0, 1, 0, 1, 0, 0], dtype=bool)


def test_the_curve_is_what_scikit_learn_says_of_the_decisions():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 20, 200) / 20
    positive = rng.random(200) < scores
    curve = threshold_curve(positive, scores)
    assert len(curve.threshold) == len(np.unique(scores))
    for i, threshold in enumerate(curve.threshold):
        called = scores >= threshold
        assert curve.precision[i] == pytest.approx(precision_score(positive, called))
        assert curve.recall[i] == pytest.approx(recall_score(positive, called))
        assert curve.specificity[i] == pytest.approx(recall_score(~positive, ~called))
        assert curve.f1[i] == pytest.approx(f1_score(positive, called))
        assert curve.called[i] == pytest.approx(called.mean())


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        (PointRule("precision", ("recall", 0.75)), 0.55),  # 3 of 4 are right
        (PointRule("precision", ("recall", 0.95)), 0.35),  # 4 of 6
        (PointRule("recall", ("precision", 0.9)), 0.75),
        (PointRule("recall", ("specificity", 0.75)), 0.55),
        (PointRule("f1"), 0.35),  # 8 / 10, more than 2 / 3 and 3 / 4
        (PointRule("youden"), 0.35),  # 1 - 1/2, as 1/2 - 0 and 3/4 - 1/4: the most recall
    ],
)
def test_the_point_that_a_rule_asks_for(rule, threshold):
    found = choose_threshold(POSITIVE, SCORES, rule)
    assert found == pytest.approx(threshold)


def test_what_cannot_be_reached_has_no_threshold():
    never = PointRule("recall", ("precision", 1.0))
    assert choose_threshold(~POSITIVE, SCORES, never) is None
    assert choose_threshold(np.zeros(8, bool), SCORES, PointRule("f1")) is None
    assert choose_threshold(np.ones(8, bool), SCORES, PointRule("f1")) is None


def test_metrics_that_are_undefined_are_not_zero():
    found = metrics_at(POSITIVE, np.zeros(8, bool))
    assert np.isnan(found.precision[0])
    assert found.recall[0] == 0
    assert found.specificity[0] == 1
    assert np.isnan(metrics_at(np.zeros(8, bool), POSITIVE).recall[0])


def test_a_thinned_curve_keeps_its_ends():
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    whole = threshold_curve(rng.random(5000) < scores, scores)
    thin = thin_curve(whole, 100)
    assert 50 < len(thin.threshold) <= 100
    for end in (0, -1):
        assert thin.threshold[end] == whole.threshold[end]
    assert set(thin.threshold) <= set(whole.threshold)
    assert thin_curve(thin, 100) is thin


def test_the_class_of_the_least_expected_cost_by_hand():
    """Missing a sick patient costs 10, a false alarm 1: alarm from a risk of 1 / 11 on."""
    costs = np.array([[0.0, 1.0], [10.0, 0.0]])
    risk = np.array([0.08, 0.09, 0.0910, 0.5])
    probabilities = np.stack([1 - risk, risk], axis=1)
    decided = least_cost(probabilities, costs)
    assert decided.tolist() == [0, 0, 1, 1]
    assert paid(np.array([1, 0, 0, 1]), decided, costs).tolist() == [10, 0, 1, 0]


def test_equal_costs_are_the_usual_decision():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    decided = least_cost(probabilities, 1.0 - np.eye(4))
    assert (decided == probabilities.argmax(axis=1)).all()
    assert least_cost(probabilities, np.zeros((4, 4))).tolist() == decided.tolist()


def test_three_classes_by_hand():
    costs = np.array([[0, 1, 5], [1, 0, 1], [5, 1, 0]], dtype=float)
    # Expected: 0.55 * 0 + 0.45 * 5 = 2.25; 1.0; 0.55 * 5 = 2.75. The middle is safest.
    assert least_cost(np.array([[0.55, 0.0, 0.45]]), costs).tolist() == [1]
