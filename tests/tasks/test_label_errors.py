import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from foldwise.tasks.label_errors import find_label_errors


@pytest.fixture(scope="module")
def digits():
    """Digits with 5 % of the labels flipped, and out-of-fold probabilities of a quick model."""
    x, truth = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    flipped = rng.choice(len(truth), len(truth) // 20, replace=False)
    given = truth.copy()
    given[flipped] = (truth[flipped] + rng.integers(1, 10, len(flipped))) % 10
    model = LogisticRegression(C=0.1, max_iter=60)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(model, x / 16, given, cv=folds, method="predict_proba")
    return given.astype(np.int64), found, truth, flipped


def certain(labels, num_classes, confidence=0.9):
    probabilities = np.full((len(labels), num_classes), (1 - confidence) / (num_classes - 1))
    probabilities[np.arange(len(labels)), labels] = confidence
    return probabilities


def test_flipped_labels_are_found_and_little_else(digits):
    given, probabilities, truth, flipped = digits
    errors = find_label_errors(given, probabilities)
    hits = np.isin(errors.rows, flipped)
    assert hits.mean() > 0.8  # precision
    assert hits.sum() / len(flipped) > 0.75  # recall
    assert (errors.suggested[hits] == truth[errors.rows[hits]]).mean() > 0.9
    assert (np.diff(errors.quality) >= 0).all()
    assert (errors.suggested != given[errors.rows]).all()


def test_clean_labels_raise_few_doubts(digits):
    _, probabilities, truth, flipped = digits
    kept = np.setdiff1d(np.arange(len(truth)), flipped)
    errors = find_label_errors(truth[kept].astype(np.int64), probabilities[kept])
    assert len(errors.rows) < 0.01 * len(kept)


def test_classes_may_be_rare_or_absent():
    labels = np.array([0] * 30 + [1] * 30 + [3] * 2)  # none of class 2
    probabilities = certain(labels, 4)
    probabilities[5] = certain(np.array([1]), 4)
    errors = find_label_errors(labels, probabilities)
    assert errors.rows.tolist() == [5]
    assert errors.suggested.tolist() == [1]
    assert errors.quality[0] == pytest.approx((0.1 / 3 - 0.9 + 1) / 2)


def test_one_class_alone_has_no_errors():
    assert len(find_label_errors(np.zeros(9, np.int64), certain(np.zeros(9, int), 3)).rows) == 0


def test_thousands_of_classes_take_no_square_of_them():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5000, 3000)
    probabilities = certain(labels, 5000)
    wrong = np.arange(0, 3000, 100)
    # Of a class that has other members: what is usual for it is learnt from them.
    other = labels[wrong - 1]
    probabilities[wrong] = certain(other, 5000, 0.95)
    errors = find_label_errors(labels, probabilities)
    assert np.isin(errors.rows, wrong).all()
    assert len(errors.rows) > 0.8 * len(wrong)
