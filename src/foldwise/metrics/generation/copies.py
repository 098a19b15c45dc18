"""Which generated samples are copies of training samples.

Source:
    Meehan, C., Chaudhuri, K., Dasgupta, S. (2020). A non-parametric test to detect data-copying
        in generative models. AISTATS (held-out real samples tell how near is usual).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array


@dataclass(frozen=True)
class CopyLimit:
    """How near to a training sample is too near, in each of several spaces."""

    limits: tuple[float, ...]  # one for each space
    level: float  # share of held-out real samples that are at least as near, in a space

    def is_copy(self, *distances: Array) -> npt.NDArray[np.bool_]:
        """Tell of each sample whether it is too near in all spaces, (M,).

        Args:
            distances: To the nearest training sample, (M,), one array for each space.
        """
        near = [found <= limit for found, limit in zip(distances, self.limits, strict=True)]
        return np.asarray(np.logical_and.reduce(near), dtype=np.bool_)


def copy_limit(*held_out: Array, level: float = 0.01) -> CopyLimit:
    """Find the distances that only a few held-out real samples fall below.

    Real samples that the training never saw are no copies, so how near they come to training
    samples is how near chance comes. A sample that is nearer in every space than that is a copy.

    Args:
        held_out: Distances of held-out real samples to their nearest training sample, (N,), one
            array for each space.
        level: Share of them that is at least as near, in each space alone.
    """
    quantiles = [float(np.quantile(of_space, level, method="lower")) for of_space in held_out]
    return CopyLimit(tuple(quantiles), level)
