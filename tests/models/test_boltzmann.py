import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM

from foldwise.models.boltzmann import Boltzmann, contrastive_gradient, fit_boltzmann


def some_machine(num_visible, num_hidden):
    rng = np.random.default_rng(0)
    return Boltzmann(
        rng.normal(size=(num_visible, num_hidden)),
        rng.normal(size=num_visible),
        rng.normal(size=num_hidden),
    )


def all_states(num_units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=num_units)))


def joint_probabilities(machine):
    """By the energy of each pair of states, (2^V, 2^H)."""
    visible, hidden = all_states(len(machine.visible_bias)), all_states(len(machine.hidden_bias))
    energy = -visible @ machine.weights @ hidden.T
    energy -= (visible @ machine.visible_bias)[:, None] + hidden @ machine.hidden_bias
    return np.exp(-energy) / np.exp(-energy).sum()


@pytest.fixture(scope="module")
def digits():
    return load_digits().data / 16


def test_conditional_probabilities_and_free_energy_are_those_of_the_energy():
    machine = some_machine(4, 3)
    visible, hidden, joint = all_states(4), all_states(3), joint_probabilities(machine)

    of_visible, of_hidden = joint.sum(1), joint.sum(0)

    expected = joint @ hidden / of_visible[:, None]
    np.testing.assert_allclose(machine.hidden_given(visible), expected)
    expected = joint.T @ visible / of_hidden[:, None]
    np.testing.assert_allclose(machine.visible_given(hidden), expected)
    unnormalised = np.exp(-machine.free_energy(visible))
    np.testing.assert_allclose(unnormalised / unnormalised.sum(), of_visible)


def test_hidden_probabilities_are_scikit_learns(digits):
    theirs = BernoulliRBM(n_components=16, n_iter=2, random_state=0).fit(digits)
    ours = Boltzmann(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)

    np.testing.assert_allclose(ours.hidden_given(digits), theirs.transform(digits))


def test_with_many_steps_it_is_the_gradient_of_the_log_likelihood():
    machine, rng = some_machine(4, 3), np.random.default_rng(1)
    visible, hidden, joint = all_states(4), all_states(3), joint_probabilities(machine)
    data = visible[rng.integers(0, 16, 8)].repeat(10_000, axis=0)

    found = contrastive_gradient(machine, data, rng, num_steps=40)

    of_data = data.T @ machine.hidden_given(data) / len(data)
    of_model = visible.T @ joint @ hidden
    np.testing.assert_allclose(found.weights, of_data - of_model, atol=0.02)
    expected = data.mean(0) - joint.sum(1) @ visible
    np.testing.assert_allclose(found.visible_bias, expected, atol=0.02)
    expected = machine.hidden_given(data).mean(0) - joint.sum(0) @ hidden
    np.testing.assert_allclose(found.hidden_bias, expected, atol=0.02)


@pytest.mark.parametrize("num_steps", [1, 3])
def test_contrastive_divergence_lowers_the_reconstruction_error_on_digits(digits, num_steps):
    training, unseen = digits[:1000], digits[1000:]

    def fit(num_epochs):
        generator = np.random.default_rng(0)
        return fit_boltzmann(
            training, generator, num_epochs=num_epochs, num_steps=num_steps, num_hidden=32
        )

    errors = [fit(num_epochs).reconstruction_error(unseen) for num_epochs in (0, 10, 30)]

    mean_image = np.square(unseen - training.mean(0)).mean()
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.7 * mean_image


def test_the_generator_alone_decides(digits):
    first, again, other = (
        fit_boltzmann(digits[:50], np.random.default_rng(seed), num_epochs=1).weights
        for seed in (0, 0, 1)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
