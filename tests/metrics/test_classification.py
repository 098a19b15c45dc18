import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from foldwise.metrics.agreement import AGREEMENT_METRICS
from foldwise.metrics.classification import (
    CLASS_METRICS,
    average_metrics,
    class_metrics,
    confusion_matrix,
    curve,
    f_beta_name,
    macro_f1,
    margins,
)
from foldwise.metrics.count_estimates import average_gradients
from foldwise.metrics.ranking import rank_metrics

# Rows are targets. Imbalanced on purpose: 55, 15 and 10 samples.
CONFUSION = np.array([[50, 3, 2], [4, 10, 1], [1, 2, 7]])


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    target = rng.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    predicted = np.where(rng.random(300) < 0.7, target, rng.integers(4, size=300))
    return target, predicted


def test_class_metrics_of_a_hand_computed_matrix():
    metrics = class_metrics(margins(CONFUSION))
    np.testing.assert_allclose(metrics["recall"], [50 / 55, 10 / 15, 7 / 10])
    np.testing.assert_allclose(metrics["precision"], [50 / 55, 10 / 15, 7 / 10])
    np.testing.assert_allclose(metrics["specificity"], [20 / 25, 60 / 65, 67 / 70])
    np.testing.assert_allclose(metrics["f1"], [100 / 110, 20 / 30, 14 / 20])


def test_class_metrics_where_precision_and_recall_differ():
    metrics = class_metrics(margins([[8, 2], [1, 4]]))
    np.testing.assert_allclose(metrics["recall"], [8 / 10, 4 / 5])
    np.testing.assert_allclose(metrics["precision"], [8 / 9, 4 / 6])
    np.testing.assert_allclose(metrics["specificity"], [4 / 5, 8 / 10])
    np.testing.assert_allclose(metrics["f1"], [16 / 19, 8 / 11])


def test_averages_of_a_hand_computed_matrix():
    averages = average_metrics(margins([[8, 2], [1, 4]]))
    assert averages["accuracy"] == pytest.approx(12 / 15)
    assert averages["balanced_accuracy"] == pytest.approx(0.8)
    assert averages["macro_recall"] == pytest.approx(0.8)
    assert averages["macro_precision"] == pytest.approx((8 / 9 + 4 / 6) / 2)
    assert averages["weighted_precision"] == pytest.approx((10 * 8 / 9 + 5 * 4 / 6) / 15)
    assert averages["weighted_specificity"] == pytest.approx((10 * 4 / 5 + 5 * 8 / 10) / 15)
    assert averages["macro_f1"] == pytest.approx((16 / 19 + 8 / 11) / 2)


def test_metrics_of_an_imbalanced_task_are_not_all_the_same_number():
    """Averaged over samples, precision, recall and F1 all collapse to the accuracy."""
    averages = average_metrics(margins([[90, 6, 4], [5, 12, 3], [4, 1, 5]]))
    for average in ("macro", "weighted"):
        values = [averages[f"{average}_{m}"] for m in ("precision", "specificity", "f1")]
        values.append(averages[f"{average}_recall" if average == "macro" else "macro_recall"])
        assert len({round(float(value), 6) for value in values}) == 4
        assert all(abs(value - averages["accuracy"]) > 1e-3 for value in values)


def test_metrics_agree_with_scikit_learn(labels):
    target, predicted = labels
    confusion = confusion_matrix(target, predicted, 4)
    np.testing.assert_array_equal(confusion, reference.confusion_matrix(target, predicted))
    metrics = class_metrics(margins(confusion))
    expected = reference.precision_recall_fscore_support(target, predicted)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(metrics[name], values)
    averages = average_metrics(margins(confusion))
    assert averages["accuracy"] == pytest.approx(reference.accuracy_score(target, predicted))
    for average in ("macro", "weighted"):
        expected = reference.precision_recall_fscore_support(target, predicted, average=average)
        for name, value in zip(("precision", "recall", "f1"), expected, strict=False):
            assert averages[f"{average}_{name}"] == pytest.approx(value)
    expected = reference.balanced_accuracy_score(target, predicted)
    assert averages["balanced_accuracy"] == pytest.approx(expected)
    assert macro_f1(confusion) == pytest.approx(averages["macro_f1"])


def test_specificity_is_the_recall_of_the_rest(labels):
    target, predicted = labels
    found = class_metrics(margins(confusion_matrix(target, predicted, 4)))["specificity"]
    for code in range(4):
        expected = reference.recall_score(target != code, predicted != code)
        assert found[code] == pytest.approx(expected)


def test_negative_predictive_value_and_f_beta_by_hand():
    """Of class 0: TP 8, FN 2, FP 1, TN 4."""
    metrics = class_metrics(margins([[8, 2], [1, 4]]), beta=2)
    np.testing.assert_allclose(metrics["npv"], [4 / 6, 8 / 9])
    np.testing.assert_allclose(metrics["f2"], [40 / (40 + 8 + 1), 20 / (20 + 4 + 2)])
    assert list(class_metrics(margins(CONFUSION), beta=0.5)) == [*CLASS_METRICS, "f0.5"]
    assert list(class_metrics(margins(CONFUSION), beta=1)) == list(CLASS_METRICS)


@pytest.mark.parametrize("beta", [0.5, 2, 3])
def test_f_beta_agrees_with_scikit_learn(labels, beta):
    target, predicted = labels
    totals = margins(confusion_matrix(target, predicted, 4))
    name = f_beta_name(beta)
    expected = reference.fbeta_score(target, predicted, beta=beta, average=None)
    np.testing.assert_allclose(class_metrics(totals, beta)[name], expected)
    averages = average_metrics(totals, beta=beta)
    for average in ("macro", "weighted", "micro"):
        expected = reference.fbeta_score(target, predicted, beta=beta, average=average)
        assert averages[f"{average}_{name}"] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 5).flatmap(
        lambda k: st.lists(
            st.lists(st.integers(0, 9), min_size=k, max_size=k), min_size=k, max_size=k
        )
    )
)
def test_identities_hold_for_any_matrix(cells):
    confusion = np.array(cells)
    totals = margins(confusion)
    classes, averages = class_metrics(totals), average_metrics(totals)
    same = partial(np.testing.assert_allclose, atol=1e-12)
    # Calling targets predictions and predictions targets exchanges recall and precision.
    turned = class_metrics(margins(confusion.T))
    same(classes["recall"], turned["precision"])
    same(classes["specificity"], turned["npv"])
    for name in ("precision", "recall", "f1", "f2"):
        same(averages[f"micro_{name}"], averages["accuracy"])
    same(averages["weighted_recall"], averages["accuracy"])
    same(averages["macro_recall"], averages["balanced_accuracy"])
    same(averages["micro_specificity"], averages["micro_npv"])
    if len(confusion) == 2:
        same(classes["specificity"], classes["recall"][::-1])
        same(classes["npv"], classes["precision"][::-1])
    # Micro: one matrix of all TP, FN, FP and TN.
    hits, targets, predictions = totals
    others = confusion.sum() - targets
    rejected = (others - predictions + hits).sum()
    if confusion.sum():
        same(averages["micro_specificity"], rejected / others.sum())


def test_true_positive_rate_is_the_recall_of_any_threshold():
    rng = np.random.default_rng(0)
    positive, scores = rng.random(80) < 0.3, rng.random(80)
    fpr, tpr, threshold = reference.roc_curve(positive, scores)
    for false_rate, rate, limit in list(zip(fpr, tpr, threshold, strict=True))[1:]:
        confusion = confusion_matrix(positive.astype(int), (scores >= limit).astype(int), 2)
        metrics = class_metrics(margins(confusion))
        assert metrics["recall"][1] == pytest.approx(rate)
        assert metrics["specificity"][1] == pytest.approx(1 - false_rate)


def test_gradients_of_averages_are_those_of_small_steps():
    totals = margins(CONFUSION)
    supported = np.ones(3, dtype=bool)
    for name, gradient in average_gradients(totals, supported).items():
        for place in np.ndindex(totals.shape):
            step = np.zeros_like(totals)
            step[place] = 1e-4
            around = [average_metrics(totals + sign * step)[name] for sign in (1, -1)]
            slope = float(around[0] - around[1]) / 2e-4
            assert gradient[place] == pytest.approx(slope, abs=1e-7), (name, place)


def test_undefined_is_nan_and_never_zero():
    metrics = class_metrics(margins([[5, 0, 1], [2, 0, 0], [0, 0, 0]]))
    assert np.isnan(metrics["precision"][1])  # never predicted
    assert np.isnan(metrics["recall"][2])  # no targets
    assert metrics["precision"][2] == 0  # predicted once, wrongly
    assert metrics["f1"][1] == 0  # occurs, never hit
    assert np.isnan(class_metrics(margins([[5, 0], [2, 0]]))["npv"][0])  # always predicted
    absent = class_metrics(margins([[5, 1, 0], [1, 5, 0], [0, 0, 0]]))
    assert np.isnan(absent["f1"][2])


def test_specificity_needs_samples_of_other_classes():
    assert np.isnan(class_metrics(margins([[3, 1], [0, 0]]))["specificity"][0])


def test_averages_leave_out_absent_classes_and_do_not_hide_unpredicted_ones():
    absent = average_metrics(margins([[8, 2, 0], [1, 4, 0], [0, 0, 0]]))
    assert absent["balanced_accuracy"] == pytest.approx(0.8)
    unpredicted = average_metrics(margins([[58, 0, 0], [22, 0, 0], [20, 0, 0]]))
    assert np.isnan(unpredicted["macro_precision"])
    assert np.isnan(unpredicted["weighted_precision"])
    assert unpredicted["macro_f1"] == pytest.approx(2 * 58 / 158 / 3)


def test_a_stack_of_matrices_gives_the_metrics_of_each():
    other = CONFUSION.T + 1
    stacked = average_metrics(margins(np.stack([CONFUSION, other])), np.ones(3, dtype=bool))
    for i, confusion in enumerate((CONFUSION, other)):
        for name, value in average_metrics(margins(confusion)).items():
            assert stacked[name][i] == pytest.approx(value)


def test_rank_metrics_of_ties_by_counting_pairs():
    scores = np.array([0.9, 0.8, 0.8, 0.4, 0.4, 0.1])
    target = np.array([1, 1, 0, 1, 0, 0])
    found = rank_metrics(target, np.stack([1 - scores, scores], axis=1)).classes
    pairs = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[target == 1]
        for n in scores[target == 0]
    ]
    np.testing.assert_allclose(found["roc_auc"], np.mean(pairs))
    # Recall rises by 1/3 at 0.9, 0.8 and 0.4, with 1/1, 2/3 and 3/5 of the called ones right.
    assert found["average_precision"][1] == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_rank_metrics_are_undefined_without_both_sides():
    target = np.zeros(4, dtype=np.int64)
    found = rank_metrics(target, np.full((4, 2), 0.5)).classes
    assert np.isnan(found["roc_auc"]).all()
    assert np.isnan(found["average_precision"]).all()


def test_curve_keeps_its_ends_and_its_area_when_thinned():
    rng = np.random.default_rng(1)
    positive = rng.random(5000) < 0.1
    scores = rng.normal(size=5000) + 1.5 * positive
    points = curve(positive, scores, max_points=200)
    assert 100 < len(points.recall) <= 200
    assert (points.false_positive_rate[0], points.recall[0]) == (0, 0)
    assert (points.false_positive_rate[-1], points.recall[-1]) == (1, 1)
    area = np.trapezoid(points.recall, points.false_positive_rate)
    assert area == pytest.approx(reference.roc_auc_score(positive, scores), abs=2e-3)
    assert points.precision[-1] == pytest.approx(positive.mean())
    assert (np.diff(points.recall) >= 0).all()


def test_curve_points_are_rates_at_their_threshold():
    positive = np.array([True, False, True, False])
    scores = np.array([0.9, 0.7, 0.6, 0.2])
    points = curve(positive, scores)
    for i in range(1, len(points.threshold)):
        called = scores >= points.threshold[i]
        assert points.recall[i] == (called & positive).sum() / 2
        assert points.precision[i] == (called & positive).sum() / called.sum()
    assert curve(np.ones(3, dtype=bool), scores[:3]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_defined_metrics_are_rates(cells):
    totals = margins(np.array(cells))
    for name, values in (*class_metrics(totals).items(), *average_metrics(totals).items()):
        defined = np.asarray(values)[np.isfinite(values)]
        lowest = -1 - 1e-12 if name in AGREEMENT_METRICS else 0
        assert ((defined >= lowest) & (defined <= 1 + 1e-12)).all()


def test_the_metric_of_every_epoch_needs_no_heavy_import():
    code = (
        "import sys; from foldwise.metrics.classification import macro_f1; "
        "assert macro_f1([[1, 0], [0, 1]]) == 1; "
        "assert not {'sklearn', 'scipy', 'torch', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
