import numpy as np
import pytest
from sklearn import metrics as reference

from foldwise.metrics.scoring_rules import (
    brier_losses,
    log_losses,
    losses,
    mistaken_losses,
)


def predictions(size, num_classes, seed=0):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(num_classes), size)
    return rng.integers(num_classes, size=size), probabilities


def test_losses_of_hand_computed_predictions():
    target = np.array([0, 2])
    probabilities = np.array([[0.5, 0.25, 0.25], [0.7, 0.2, 0.1]])
    np.testing.assert_allclose(log_losses(target, probabilities), [np.log(2), np.log(10)])
    expected = [0.25 + 2 * 0.0625, 0.49 + 0.04 + 0.81]
    np.testing.assert_allclose(brier_losses(target, probabilities), expected)


def test_the_brier_loss_of_two_classes_is_the_squared_error_of_one():
    found = brier_losses(np.array([1, 0]), np.array([[0.3, 0.7], [0.4, 0.6]]))
    np.testing.assert_allclose(found, [0.3**2, 0.6**2])


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_means_are_those_of_scikit_learn(num_classes):
    target, probabilities = predictions(300, num_classes)
    found = losses(target, probabilities)
    labels = list(range(num_classes))
    expected = reference.log_loss(target, probabilities, labels=labels)
    assert found["log_loss"].mean() == pytest.approx(expected)
    given = probabilities[:, 1] if num_classes == 2 else probabilities
    expected = reference.brier_score_loss(target, given, labels=labels)
    assert found["brier_score"].mean() == pytest.approx(expected)


def test_certainty_of_what_did_not_come_is_dear_but_finite():
    assert log_losses(np.array([0]), np.array([[0.0, 1.0]]))[0] == pytest.approx(36.04, abs=0.01)
    assert brier_losses(np.array([0]), np.array([[0.0, 1.0]]))[0] == 1


@pytest.mark.parametrize("rule", ["log_loss", "brier_score"])
def test_the_true_probabilities_cost_least(rule):
    """That is what makes a scoring rule proper: no other distribution is cheaper in the mean."""
    truth = np.array([0.6, 0.3, 0.1])
    target = np.repeat([0, 1, 2], [600, 300, 100])
    costs = {}
    for shift in (-0.05, 0.0, 0.05):
        told = truth + shift * np.array([1, -1, 0])
        costs[shift] = losses(target, np.tile(told, (1000, 1)))[rule].mean()
    assert costs[0.0] < min(costs[-0.05], costs[0.05])


@pytest.mark.parametrize("num_classes", [2, 4])
def test_a_mistake_costs_what_the_others_would_have_cost(num_classes):
    target, probabilities = predictions(50, num_classes)
    found = mistaken_losses(target, probabilities)
    for code in range(num_classes):
        others = probabilities[target != code]
        relabelled = losses(np.full(len(others), code), others)
        for rule, values in relabelled.items():
            assert found[rule][code] == pytest.approx(values.mean())


def test_of_one_class_alone_a_mistake_is_the_dearest_label():
    probabilities = np.array([[0.9, 0.08, 0.02], [0.8, 0.18, 0.02]])
    found = mistaken_losses(np.zeros(2, dtype=np.int64), probabilities)
    assert found["log_loss"][0] == pytest.approx(-np.log(0.02))
