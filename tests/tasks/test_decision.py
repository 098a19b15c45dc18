import itertools

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from foldwise.tasks.decision import apply_decision_weights, fit_decision_weights

METRICS = {"macro_f1": f1_score, "balanced_accuracy": recall_score}


def score(probabilities, labels, metric, weights=None):
    weights = np.ones(probabilities.shape[1]) if weights is None else weights
    decided = apply_decision_weights(probabilities, weights).argmax(axis=1)
    return METRICS[metric](labels, decided, labels=np.unique(labels), average="macro")


def unbalanced(seed, size=400, shares=(0.8, 0.15, 0.05)):
    """Posteriors of three classes of unequal shares whose scores overlap."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, size, p=shares)
    logits = generator.normal(size=(size, 3)) + 1.2 * np.eye(3)[labels] + np.log(shares)
    exponents = np.exp(logits)
    return exponents / exponents.sum(1, keepdims=True), labels


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(2))
def test_tuned_weights_beat_equal_ones_and_a_grid_of_one_weight(metric, seed):
    probabilities, labels = unbalanced(seed)
    weights = fit_decision_weights(probabilities, labels, metric)
    tuned = score(probabilities, labels, metric, weights)
    assert tuned > score(probabilities, labels, metric)
    # a coordinate's optimum: no other weight of one class is better
    for number, factor in itertools.product(range(3), np.geomspace(0.1, 10, 17)):
        other = np.array(weights)
        other[number] *= factor
        assert score(probabilities, labels, metric, other) <= tuned + 1e-9


@pytest.mark.parametrize("metric", METRICS)
def test_the_weights_help_samples_that_they_were_not_tuned_on(metric):
    gains = []
    for seed in range(5):
        probabilities, labels = unbalanced(seed, size=1000)
        weights = fit_decision_weights(*unbalanced(100 + seed, size=1000), metric)
        gains.append(
            score(probabilities, labels, metric, weights) - score(probabilities, labels, metric)
        )
    assert np.mean(gains) > 0.02


def test_two_classes_get_the_best_threshold():
    probabilities, labels = unbalanced(7, size=80)
    positive = (labels == 0).astype(int)
    p = np.stack([1 - probabilities[:, 0], probabilities[:, 0]], axis=1)
    weights = fit_decision_weights(p, positive, "macro_f1")
    middles = np.sort(p[:, 1])
    cuts = np.concatenate([[0], (middles[1:] + middles[:-1]) / 2, [1]])
    best = max(f1_score(positive, p[:, 1] > cut, average="macro") for cut in cuts)
    assert score(p, positive, "macro_f1", weights) == pytest.approx(best)


def test_nothing_is_weighed_where_all_is_right():
    p = np.eye(3)[[0, 1, 2, 0]] * 0.9 + 0.1 / 3
    assert fit_decision_weights(p, np.array([0, 1, 2, 0]), "macro_f1") == (1, 1, 1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_class_without_samples_is_left_alone_and_certainty_breaks_nothing(metric):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 60)
    p = np.zeros((60, 3))
    p[np.arange(60), generator.integers(0, 3, 60)] = 1
    weights = fit_decision_weights(p, labels, metric)
    assert np.isfinite(weights).all()
    assert min(weights) > 0
    assert weights[2] == 1
    assert score(p, labels, metric, weights) >= score(p, labels, metric)


def test_equal_probabilities_are_not_made_worse():
    p = np.full((10, 2), 0.5)
    labels = np.array([1] * 6 + [0] * 4)
    for metric in METRICS:
        weights = fit_decision_weights(p, labels, metric)
        assert score(p, labels, metric, weights) >= score(p, labels, metric)


def test_weighed_probabilities_sum_to_one_and_keep_zeros():
    p = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    found = apply_decision_weights(p, (1, 2, 4))
    np.testing.assert_allclose(found, [[1 / 3, 2 / 3, 0], [0.2 / 2.8, 0.6 / 2.8, 2 / 2.8]])
    np.testing.assert_allclose(apply_decision_weights(p, (1, 1, 1)), p)
