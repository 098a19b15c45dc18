import numpy as np
import pytest
from scipy.spatial.distance import cdist

from foldwise.metrics.generation import copy_limit, nearest_neighbours, own_neighbours


def vectors(size, seed):
    return np.random.default_rng(seed).normal(size=(size, 3)).astype(np.float32)


def test_neighbours_are_those_with_the_smallest_distances():
    some, among = vectors(20, 0), vectors(50, 1)
    found = nearest_neighbours(some, among, 4)
    distances = cdist(some.astype(float), among.astype(float))
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :4])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :4], atol=1e-6)


def test_a_vector_is_no_neighbour_of_itself_but_its_double_is():
    some = vectors(10, 0)
    some[7] = some[2]
    found = own_neighbours(some, 1)
    assert found.indices[2, 0] == 7
    assert found.indices[7, 0] == 2
    assert not (found.indices[:, 0] == np.arange(10)).any()


def test_copies_are_found_and_new_samples_are_let_through():
    training, held_out, new = vectors(400, 0), vectors(400, 1), vectors(400, 2)
    copies = training[:100] + 1e-3 * vectors(100, 3)

    def distances(some):
        return nearest_neighbours(some, training).distances[:, 0]

    limit = copy_limit(distances(held_out), level=0.01)
    assert limit.is_copy(distances(copies)).mean() > 0.95
    assert limit.is_copy(distances(new)).mean() == pytest.approx(0.01, abs=0.02)


def test_a_sample_has_to_be_too_near_in_all_spaces():
    limit = copy_limit(np.arange(1.0, 101.0), 10 * np.arange(1.0, 101.0), level=0.05)
    assert limit.limits == (5.0, 50.0)
    found = limit.is_copy(np.array([4.0, 4.0, 6.0, 5.0]), np.array([40.0, 60.0, 40.0, 50.0]))
    assert found.tolist() == [True, False, False, True]
