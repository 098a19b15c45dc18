"""An order that is random with respect to the samples, and yet the same for ever."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def hash_order(sample_ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the rank of each sample by the SHA-256 of its id, 0 first.

    It depends neither on the other samples nor on the order in which they come.

    >>> hash_order(["a", "b", "c"]).tolist(), hash_order(["c", "a"]).tolist()
    ([2, 1, 0], [0, 1])
    """
    draws = [hashlib.sha256(sample_id.encode()).digest() for sample_id in sample_ids]
    order = sorted(range(len(draws)), key=draws.__getitem__)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks
