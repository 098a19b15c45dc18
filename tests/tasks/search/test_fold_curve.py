import numpy as np

from foldwise.tasks.search.fold_curve import FoldCurve


def points(curve, part, scores):
    return [curve.advance(part, scores[: epoch + 1]) for epoch in range(len(scores))]


def test_each_point_is_the_mean_over_the_parts_so_far():
    scores = np.random.default_rng(0).uniform(size=(3, 4))
    curve = FoldCurve(max_epochs=4)
    for part, row in enumerate(scores):
        expected = scores[: part + 1].mean(axis=0)
        for epoch, (step, value) in enumerate(points(curve, part, list(row))):
            assert step == 4 * part + epoch
            np.testing.assert_allclose(value, expected[epoch])
    assert curve.num_epochs == 12


def test_a_part_that_stopped_early_counts_with_its_last_epoch():
    curve = FoldCurve(max_epochs=10)
    points(curve, 0, [0.25, 0.5])
    assert points(curve, 1, [0.0, 0.0, 0.5, 1.0]) == [
        (10, 0.125),
        (11, 0.25),
        (12, 0.5),
        (13, 0.75),
    ]


def test_a_part_that_is_longer_than_the_base_says_does_not_reach_into_the_next_ones_steps():
    curve = FoldCurve(max_epochs=2)
    assert points(curve, 0, [0.5, 0.5, 0.5]) == [(0, 0.5), (1, 0.5), None]
    assert curve.num_epochs == 3


def test_a_long_part_has_ten_points_the_last_epoch_among_them():
    curve = FoldCurve(max_epochs=40)
    found = [point for point in points(curve, 0, [0.5] * 40) if point is not None]
    assert [step for step, _ in found] == list(range(3, 40, 4))
    found = [point for point in points(curve, 1, [0.5] * 40) if point is not None]
    assert [step for step, _ in found] == list(range(43, 80, 4))
    assert curve.num_epochs == 80
