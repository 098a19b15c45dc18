"""Synthetic minority samples between neighbours of one class, for vectors of numbers.

N: vectors, D: numbers in each.
"""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.balance.config import Smote
from foldwise.seeds import derive_seed

Vectors = npt.NDArray[np.floating[Any]]  # (N, D)
Codes = npt.NDArray[np.int64]


def resample_vectors(
    vectors: Vectors, labels: Codes, config: Smote, seed: int
) -> tuple[Vectors, Codes]:
    """Return the vectors and labels given, and behind them those made for rarer classes.

    SMOTE of imbalanced-learn (Chawla et al., JAIR 2002). A class of n members has n - 1
    neighbours at most; a single member has none and is repeated.

    Args:
        vectors: (N, D), without missing values.
        labels: (N,), class indices.
        config: Neighbours, and the share of the largest class that others are brought to.
        seed: Of the draws.
    """
    sizes = np.bincount(labels)
    goal = round(config.ratio * sizes.max())
    classes_by_k: dict[int, list[int]] = defaultdict(list)
    for number in np.flatnonzero((sizes > 0) & (sizes < goal)):
        classes_by_k[min(config.k_neighbours, sizes[number] - 1)].append(int(number))
    made = [
        _make(vectors, labels, dict.fromkeys(classes, goal), k, derive_seed(seed, k, "smote"))
        for k, classes in sorted(classes_by_k.items())
    ]
    return (
        np.concatenate([vectors, *(each for each, _ in made)]),
        np.concatenate([labels, *(each for _, each in made)]),
    )


def _make(
    vectors: Vectors, labels: Codes, goals: dict[int, int], k: int, seed: int
) -> tuple[Vectors, Codes]:
    """Return the new vectors of classes with equally many neighbours, and their labels."""
    # Here, since it takes seconds to import.
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    state = np.random.RandomState(np.random.MT19937(seed))
    sampler = (
        SMOTE(sampling_strategy=goals, k_neighbors=k, random_state=state)
        if k
        else RandomOverSampler(sampling_strategy=goals, random_state=state)
    )
    all_vectors, all_labels = sampler.fit_resample(vectors, labels)
    return all_vectors[len(vectors) :], all_labels[len(labels) :]
