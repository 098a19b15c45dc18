"""Restricted Boltzmann machines: a layer of visible units, one of hidden ones, nothing within.

B: batch, N: samples, V: visible units, H: hidden units. Units are 0 or 1; grey values between
count as probabilities. The general machine (Hinton and Sejnowski, 1986) also joins units of one
layer, and takes too long to sample from.

scikit-learn's `BernoulliRBM` learns by persistent chains (Tieleman, 2008) and not by contrastive
divergence; what the two have in common is compared in the tests.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Floats = npt.NDArray[np.float64]

_FIRST_DEVIATION = 0.01  # of the first weights, as Hinton's "Practical Guide" (2010) advises


@dataclass(frozen=True)
class Boltzmann:
    """A restricted Boltzmann machine, of energy -v W h - v a - h b."""

    weights: Floats  # W, (V, H)
    visible_bias: Floats  # a, (V,)
    hidden_bias: Floats  # b, (H,)

    def hidden_given(self, visible: Floats) -> Floats:
        """Return the probability of each hidden unit, (B, V) -> (B, H)."""
        return np.asarray(expit(visible @ self.weights + self.hidden_bias))

    def visible_given(self, hidden: Floats) -> Floats:
        """Return the probability of each visible unit, (B, H) -> (B, V)."""
        return np.asarray(expit(hidden @ self.weights.T + self.visible_bias))

    def free_energy(self, visible: Floats) -> Floats:
        """Return -log of the unnormalised probability of each state, (B, V) -> (B,)."""
        fields = visible @ self.weights + self.hidden_bias
        return np.asarray(-visible @ self.visible_bias - np.logaddexp(0, fields).sum(1))

    def reconstruction_error(self, visible: Floats) -> float:
        """Return the mean square of what is lost on the way up and down again, of (N, V)."""
        lost = visible - self.visible_given(self.hidden_given(visible))
        return float(np.square(lost).mean())


def contrastive_gradient(
    machine: Boltzmann, visible: Floats, generator: np.random.Generator, *, num_steps: int
) -> Boltzmann:
    """Return the direction in which each parameter makes a batch (B, V) likelier, CD-k.

    "Training Products of Experts by Minimizing Contrastive Divergence" (Hinton, 2002): the mean
    of the batch's statistics less that of the states to which k steps of Gibbs sampling lead from
    it. The more steps, the nearer to the gradient of the mean log-likelihood.

    Args:
        machine: Where the gradient is taken.
        visible: (B, V), from 0 to 1.
        generator: Draws the states.
        num_steps: k, at least 1.
    """
    hidden = machine.hidden_given(visible)
    sampled, of_sampled = visible, hidden
    for _ in range(num_steps):
        sampled = _draw(machine.visible_given(_draw(of_sampled, generator)), generator)
        of_sampled = machine.hidden_given(sampled)
    return Boltzmann(
        (visible.T @ hidden - sampled.T @ of_sampled) / len(visible),
        (visible - sampled).mean(0),
        (hidden - of_sampled).mean(0),
    )


def fit_boltzmann(
    x: Floats,
    generator: np.random.Generator,
    *,
    num_hidden: int = 64,
    num_steps: int = 1,
    num_epochs: int = 10,
    batch_size: int = 20,
    rate: float = 0.1,
) -> Boltzmann:
    """Fit by contrastive divergence.

    Args:
        x: (N, V), from 0 to 1.
        generator: Draws first weights, the order of samples and states.
        num_hidden: H.
        num_steps: k of CD-k.
        num_epochs: 0 gives the machine as it starts.
        batch_size: Samples of a step.
        rate: Of the steps.
    """
    num_visible = x.shape[1]
    machine = Boltzmann(
        generator.normal(0, _FIRST_DEVIATION, (num_visible, num_hidden)),
        np.zeros(num_visible),
        np.zeros(num_hidden),
    )
    for _ in range(num_epochs):
        order = generator.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = x[order[start : start + batch_size]]
            step = contrastive_gradient(machine, batch, generator, num_steps=num_steps)
            machine = _moved(machine, step, rate)
    return machine


def _moved(machine: Boltzmann, step: Boltzmann, rate: float) -> Boltzmann:
    return Boltzmann(
        machine.weights + rate * step.weights,
        machine.visible_bias + rate * step.visible_bias,
        machine.hidden_bias + rate * step.hidden_bias,
    )


def _draw(probabilities: Floats, generator: np.random.Generator) -> Floats:
    return (generator.random(probabilities.shape) < probabilities).astype(np.float64)
