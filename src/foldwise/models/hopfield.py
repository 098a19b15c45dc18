"""Hopfield's network: a memory that is asked by a part of what it holds.

N: units, P: patterns. A unit is -1 or 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

States = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

# Random patterns per unit that can be kept: with more, all are lost at once. "Storing Infinite
# Numbers of Patterns in a Spin-Glass Model of Neural Networks" (Amit, Gutfreund and Sompolinsky,
# 1985); that is the limit for large N, which small networks only come near.
CAPACITY = 0.138


def capacity(num_units: int) -> int:
    """Return how many random patterns a network can keep.

    >>> capacity(100), capacity(1000)
    (13, 138)
    """
    return int(CAPACITY * num_units)


@dataclass(frozen=True)
class Hopfield:
    """Units that pull one another towards stored patterns.

    "Neural networks and physical systems with emergent collective computational abilities"
    (Hopfield, 1982), with units of -1 and 1 and thresholds of 0.
    """

    weights: Floats  # (N, N), symmetric, 0 between a unit and itself

    def energy(self, state: States) -> float:
        """Return -1/2 s W s of a state (N,); no update of a unit raises it."""
        return float(-0.5 * state @ self.weights @ state)

    def update(self, state: States, unit: int) -> States:
        """Return the state (N,) after one unit has taken the sign of what the others ask of it.

        Where they ask nothing, it stays as it is.
        """
        pull = self.weights[unit] @ state
        changed = state.copy()
        changed[unit] = np.sign(pull) if pull != 0 else state[unit]
        return changed

    def recall(
        self, state: States, generator: np.random.Generator, *, max_sweeps: int = 100
    ) -> States:
        """Update one unit after another, until none changes any more; return that state (N,).

        Args:
            state: Where to start, (N,).
            generator: Draws the order of the units, for each sweep over all of them anew.
            max_sweeps: It settles long before, since the energy cannot fall for ever.
        """
        for _ in range(max_sweeps):
            before = state
            for unit in generator.permutation(len(state)):
                state = self.update(state, unit)
            if np.array_equal(state, before):
                break
        return state


def store(patterns: States) -> Hopfield:
    """Return the network that holds patterns (P, N): units that agree in them attract each other.

    Hebb's rule, w_ij = 1/N sum_p s_pi s_pj. Up to `capacity(N)` patterns can be recalled if they
    are as different as random ones.
    """
    signs = patterns.astype(np.float64)
    weights = signs.T @ signs / patterns.shape[1]
    np.fill_diagonal(weights, 0)
    return Hopfield(weights)
