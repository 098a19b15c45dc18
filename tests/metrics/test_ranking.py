import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from foldwise.metrics import rank_estimates, ranking
from foldwise.metrics.estimates import Resampling
from foldwise.metrics.ranking import rank_metrics


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.tuples(*[st.integers(0, 4)] * 3)), min_size=1, max_size=30
    )
)
def test_ranks_with_many_ties_are_those_of_scikit_learn(rows):
    target = np.array([code for code, _ in rows])
    scores = np.array([values for _, values in rows]) / 4
    found = rank_metrics(target, scores)
    for code in range(3):
        positive = target == code
        if positive.all() or not positive.any():
            assert np.isnan(found.classes["roc_auc"][code])
            assert np.isnan(found.classes["average_precision"][code])
            continue
        expected = reference.roc_auc_score(positive, scores[:, code])
        assert found.classes["roc_auc"][code] == pytest.approx(expected)
        expected = reference.average_precision_score(positive, scores[:, code])
        assert found.classes["average_precision"][code] == pytest.approx(expected)
    pairs = (target[:, None] == np.arange(3)).ravel()
    expected = reference.roc_auc_score(pairs, scores.ravel())
    assert found.micro["roc_auc"] == pytest.approx(expected)
    expected = reference.average_precision_score(pairs, scores.ravel())
    assert found.micro["average_precision"] == pytest.approx(expected)


def test_blocks_of_classes_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    target, scores = rng.integers(7, size=40), rng.random((40, 7))
    whole = rank_metrics(target, scores)
    monkeypatch.setattr(ranking, "_BLOCK", 80)
    parts = rank_metrics(target, scores)
    np.testing.assert_array_equal(whole.classes["roc_auc"], parts.classes["roc_auc"])
    assert whole.micro == parts.micro


def test_intervals_without_resampling_hold_the_values_and_are_not_narrow(monkeypatch):
    """The closed forms that many classes get, beside the bootstrap that few classes get."""
    rng = np.random.default_rng(0)
    target = rng.integers(3, size=600)
    scores = rng.normal(size=(600, 3))
    scores[np.arange(600), target] += 1
    odds = np.exp(scores)
    probabilities, units = odds / odds.sum(axis=1, keepdims=True), np.arange(600)
    resampling = Resampling(0.95, 1000, 0)
    drawn, drawn_classes = rank_estimates.rank_estimates(target, probabilities, units, resampling)
    monkeypatch.setattr(rank_estimates, "_MAX_WORK", 0)
    found, classes = rank_estimates.rank_estimates(target, probabilities, units, resampling)
    assert set(found) == set(drawn)
    grouped, _ = rank_estimates.rank_estimates(target, probabilities, units // 3, resampling)
    for name, one in found.items():
        assert one.value == pytest.approx(drawn[name].value)
        assert one.low < one.value < one.high
        assert one.high - one.low > 0.8 * (drawn[name].high - drawn[name].low), name
        assert grouped[name].high - grouped[name].low > 1.5 * (one.high - one.low), name
    for name, values in classes.items():
        for one, other in zip(values, drawn_classes[name], strict=True):
            assert one.value == other.value
            assert one.high - one.low > 0.8 * (other.high - other.low), name
