import numpy as np
import pytest

from foldwise.tasks.fit_fold import initial_rows


@pytest.mark.parametrize(
    ("shape", "expected"), [((3, 32, 32), 5000), ((1, 8, 8), 5000), ((3, 224, 224), 102)]
)
def test_first_weights_come_from_images_that_fit_into_memory(shape, expected):
    assert len(initial_rows(np.arange(6000), shape, seed=0)) == expected
    assert initial_rows(np.arange(40), shape, seed=0).tolist() == list(range(40))


def test_first_weights_come_from_all_classes_also_where_rows_are_sorted_by_class():
    rows = np.arange(10_000)  # ten classes, one after another

    taken = initial_rows(rows, (3, 32, 32), seed=0)

    assert (np.diff(taken) > 0).all()
    assert np.bincount(taken // 1000, minlength=10).min() > 400  # 500 expected, deviation 15
    assert taken.tolist() == initial_rows(rows, (3, 32, 32), seed=0).tolist()
    assert taken.tolist() != initial_rows(rows, (3, 32, 32), seed=1).tolist()
