import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from foldwise.metrics.agreement import (
    agreement_gradients,
    cohens_kappa,
    matthews_correlation,
)
from foldwise.metrics.classification import average_metrics, margins

CONFUSION = np.array([[50, 3, 2], [4, 10, 1], [1, 2, 7]])

cells = st.integers(0, 20)
matrices = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=3, max_size=3).map(np.array)


def codes_of(confusion):
    found = np.repeat(np.arange(confusion.size), confusion.ravel())
    return found // len(confusion), found % len(confusion)


def test_agreement_of_a_hand_computed_matrix():
    """8 of 10 and 4 of 5 are hit: p_o = 12 / 15, p_e = (10 x 9 + 5 x 6) / 225."""
    totals = margins([[8, 2], [1, 4]])
    chance = (10 * 9 + 5 * 6) / 225
    assert cohens_kappa(totals) == pytest.approx((12 / 15 - chance) / (1 - chance))
    expected = (8 * 4 - 2 * 1) / np.sqrt(9 * 10 * 5 * 6)
    assert matthews_correlation(totals) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_agreement_is_that_of_scikit_learn(confusion):
    target, predicted = codes_of(confusion)
    totals = margins(confusion)
    matthews, kappa = float(matthews_correlation(totals)), float(cohens_kappa(totals))
    if len(set(target)) > 1 and len(set(predicted)) > 1:
        expected = reference.matthews_corrcoef(target, predicted)
        assert matthews == pytest.approx(expected, abs=1e-12)
    else:  # where scikit-learn says 0
        assert np.isnan(matthews)
    if len({*target, *predicted}) > 1:
        expected = reference.cohen_kappa_score(target, predicted)
        assert kappa == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(kappa)


@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=4),
    st.lists(st.integers(1, 30), min_size=4, max_size=4),
)
def test_an_independent_classifier_has_no_agreement(targets, predictions):
    totals = margins(np.outer(targets, predictions[: len(targets)]))
    assert matthews_correlation(totals) == pytest.approx(0, abs=1e-12)
    assert cohens_kappa(totals) == pytest.approx(0, abs=1e-12)


def test_perfect_agreement_is_one_and_perfect_disagreement_of_two_classes_minus_one():
    assert matthews_correlation(margins(np.diag([7, 2, 1]))) == pytest.approx(1)
    assert cohens_kappa(margins(np.diag([7, 2, 1]))) == pytest.approx(1)
    assert matthews_correlation(margins([[0, 9], [4, 0]])) == pytest.approx(-1)


@given(matrices)
def test_targets_and_predictions_may_change_places(confusion):
    for metric in (matthews_correlation, cohens_kappa):
        here, there = metric(margins(confusion)), metric(margins(confusion.T))
        assert here == pytest.approx(there, nan_ok=True)


def test_gradients_are_those_of_small_steps():
    totals = margins(CONFUSION)
    gradients = agreement_gradients(totals)
    for name, gradient in gradients.items():
        for place in np.ndindex(totals.shape):
            step = np.zeros_like(totals)
            step[place] = 1e-4
            around = [average_metrics(totals + sign * step)[name] for sign in (1, -1)]
            slope = (around[0] - around[1]) / 2e-4
            assert gradient[place] == pytest.approx(float(slope), abs=1e-8), (name, place)
