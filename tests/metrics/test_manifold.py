import math

import numpy as np
import pytest

from foldwise.metrics.generation import density_coverage, precision_recall


def modes(num_modes, per_mode, seed):
    """Samples around points that are far from one another."""
    generator = np.random.default_rng(seed)
    centres = 100.0 * np.eye(10)[:num_modes]
    return np.repeat(centres, per_mode, axis=0) + generator.normal(size=(num_modes * per_mode, 10))


def test_identical_sets_are_in_one_another():
    real = modes(4, 30, 0)
    assert precision_recall(real, real) == (1, 1)
    # Each ball holds its k neighbours and its own middle.
    assert density_coverage(real, real, num_neighbours=5) == (pytest.approx(6 / 5), 1)


def test_disjoint_sets_are_nowhere_in_one_another():
    real, generated = modes(4, 30, 0), modes(4, 30, 1) + 1000
    assert precision_recall(real, generated) == (0, 0)
    assert density_coverage(real, generated) == (0, 0)


def test_half_the_modes_are_half_the_recall_at_full_precision():
    real, half = modes(4, 200, 0), modes(2, 400, 1)
    found, other = precision_recall(real, half), density_coverage(real, half)
    # Of two sets of one Gaussian in 10 dimensions most, not all, lie in the other's balls.
    whole = precision_recall(real, modes(4, 200, 1))
    assert found.precision == pytest.approx(whole.precision, abs=0.1)
    assert found.recall == pytest.approx(whole.recall / 2, abs=0.1)
    assert other.coverage == pytest.approx(0.5, abs=0.02)
    assert other.density == pytest.approx(1, abs=0.2)


def test_generated_samples_off_the_modes_cost_precision_not_recall():
    real = modes(2, 200, 0)
    mixed = np.concatenate([modes(2, 200, 1), modes(4, 200, 2)[400:]])
    alone = precision_recall(real, mixed[:400])
    found = precision_recall(real, mixed)
    assert found.precision == pytest.approx(alone.precision / 2)
    assert found.recall == pytest.approx(alone.recall, abs=0.05)


def test_of_one_distribution_density_and_coverage_are_as_foretold():
    size, k = 300, 5
    pairs = [np.random.default_rng(i).normal(size=(2, size, 2)) for i in range(15)]
    found = np.mean([density_coverage(*pair, num_neighbours=k) for pair in pairs], axis=0)
    missed = math.prod((size - i) / (2 * size - i) for i in range(1, k + 1))
    assert found[0] == pytest.approx(1, abs=0.03)
    assert found[1] == pytest.approx(1 - missed, abs=0.01)


def test_counted_by_hand_on_a_line():
    real, generated = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [4.5], [9.0]])
    # Radii of the real ones, k = 1: 1, 1, 2; of the generated ones: 4, 4, 4.5.
    assert precision_recall(real, generated, num_neighbours=1) == (2 / 3, 1)
    assert density_coverage(real, generated, num_neighbours=1) == (1, 1)


def test_sets_with_too_few_members_say_nothing():
    assert np.isnan(precision_recall(np.zeros((3, 2)), np.ones((9, 2)))).all()
    assert np.isnan(density_coverage(np.zeros((5, 2)), np.ones((9, 2)))).all()
