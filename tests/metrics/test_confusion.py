import numpy as np
from sklearn import metrics as reference

from foldwise.metrics.classification import margins
from foldwise.metrics.confusion import Confusion


def test_filled_cells_are_the_matrix():
    rng = np.random.default_rng(0)
    target, predicted = rng.integers(5, size=200), rng.integers(5, size=200)
    found = Confusion.of(target, predicted, 5)
    expected = reference.confusion_matrix(target, predicted)
    np.testing.assert_array_equal(found.matrix(), expected)
    np.testing.assert_array_equal(found.margins(), margins(expected))


def test_classes_that_never_come_have_empty_rows():
    found = Confusion.of(np.array([0, 0]), np.array([0, 2]), 4)
    np.testing.assert_array_equal(found.margins(), [[1, 0, 0, 0], [2, 0, 0, 0], [1, 0, 1, 0]])


def test_the_largest_confusions_come_first_without_the_hits():
    target, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 1, 0])
    found = Confusion.of(target, predicted, 3)
    assert found.largest(2) == [(0, 1, 2), (1, 0, 1)]


def test_ten_thousand_classes_take_no_more_room_than_their_samples():
    target = np.arange(20_000) % 10_000
    found = Confusion.of(target, (target + 1) % 10_000, 10_000)
    assert sum(array.nbytes for array in found[:3]) < 1_000_000
    assert found.margins()[0].sum() == 0
