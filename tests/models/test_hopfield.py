import numpy as np
import pytest

from foldwise.models.hopfield import Hopfield, capacity, store

NUM_UNITS = 200


def draw_patterns(num_patterns, seed=0):
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([-1, 1], dtype=np.int8), size=(num_patterns, NUM_UNITS))


def flipped(pattern, share, rng):
    changed = pattern.copy()
    units = rng.choice(len(pattern), round(share * len(pattern)), replace=False)
    changed[units] *= -1
    return changed


def mean_overlap(num_patterns, share):
    """How far recalled states agree with their patterns, 1 is equal and 0 is chance."""
    patterns, rng = draw_patterns(num_patterns), np.random.default_rng(1)
    network = store(patterns)
    recalled = np.stack([network.recall(flipped(p, share, rng), rng) for p in patterns])
    return float((recalled * patterns).mean())


def test_weights_are_hebbs():
    patterns = np.array([[1, 1, -1], [1, -1, -1]], dtype=np.int8)

    weights = store(patterns).weights

    np.testing.assert_allclose(weights, np.array([[0, 0, -2], [0, 0, 0], [-2, 0, 0]]) / 3)


def test_the_energy_is_its_formula():
    network = store(draw_patterns(5))
    state = draw_patterns(1, seed=3)[0]
    pairs = [(i, j) for i in range(NUM_UNITS) for j in range(i)]

    expected = -sum(network.weights[i, j] * int(state[i]) * int(state[j]) for i, j in pairs)

    assert network.energy(state) == pytest.approx(expected)


def test_no_update_of_a_unit_raises_the_energy():
    rng = np.random.default_rng(0)
    network, state = store(draw_patterns(60)), draw_patterns(1, seed=5)[0]  # overloaded
    energies = [network.energy(state)]
    for unit in np.concatenate([rng.permutation(NUM_UNITS) for _ in range(5)]):
        state = network.update(state, unit)
        energies.append(network.energy(state))

    assert np.diff(energies).max() <= 1e-12
    assert energies[-1] < energies[0]


def test_a_pattern_with_a_fifth_of_its_units_flipped_is_recalled():
    patterns, rng = draw_patterns(8), np.random.default_rng(1)
    network = store(patterns)

    for pattern in patterns:
        noisy = flipped(pattern, 0.2, rng)
        assert (noisy != pattern).sum() == 0.2 * NUM_UNITS
        assert np.array_equal(network.recall(noisy, rng), pattern)


def test_up_to_the_capacity_patterns_are_kept_and_far_beyond_they_are_lost():
    assert capacity(NUM_UNITS) == 27
    # Near the limit a pattern is kept with a few wrong units, in theory 1.6 %.
    assert mean_overlap(round(0.1 * NUM_UNITS), share=0.0) > 0.97
    assert mean_overlap(3 * capacity(NUM_UNITS), share=0.0) < 0.6


def test_the_order_alone_is_drawn():
    network, state = store(draw_patterns(60)), draw_patterns(1, seed=5)[0]

    first, again, other = (network.recall(state, np.random.default_rng(s)) for s in (0, 0, 1))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)  # overloaded: there is more than one way down


def test_what_is_recalled_stays_and_the_given_state_too():
    network, state = store(draw_patterns(20)), draw_patterns(1, seed=5)[0]
    before = state.copy()

    settled = network.recall(state, np.random.default_rng(0))

    assert np.array_equal(state, before)
    for unit in range(NUM_UNITS):
        assert np.array_equal(network.update(settled, unit), settled)


def test_a_unit_of_which_nothing_is_asked_stays():
    network = Hopfield(np.zeros((2, 2)))

    assert network.update(np.array([1, -1], dtype=np.int8), 0).tolist() == [1, -1]
    assert network.update(np.array([1, -1], dtype=np.int8), 1).tolist() == [1, -1]
