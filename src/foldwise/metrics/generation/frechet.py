"""The Frechet distance between two sets of vectors, each taken for a Gaussian.

Sources:
    Dowson, D. C., Landau, B. V. (1982). The Frechet distance between multivariate normal
        distributions. J. Multivariate Anal. 12.
    Heusel, M. et al. (2017). GANs trained by a two time-scale update rule converge to a local
        Nash equilibrium. NeurIPS (in the space of Inception's features: FID).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.metrics.classification import Array

Vectors = npt.NDArray[np.floating[Any]]


def frechet_distance(real: Vectors, generated: Vectors) -> float:
    """Return the squared Frechet distance between the Gaussians that fit two sets best.

    Its expectation over finite sets lies above that of the distributions, by about 1 / N + 1 / M
    times a constant: compare only what was computed from as many samples.

    Args:
        real: (N, D).
        generated: (M, D).

    Returns:
        At least 0; NaN for fewer than two samples.
    """
    if min(len(real), len(generated)) < 2:
        return float("nan")
    return gaussian_frechet_distance(*_moments(real), *_moments(generated))


def gaussian_frechet_distance(
    mean: Array, covariance: Array, other_mean: Array, other_covariance: Array
) -> float:
    """Return |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of two Gaussians.

    The trace of the root is that of (C^(1/2) C' C^(1/2))^(1/2), whose matrix is symmetric: it
    exists where C or C' is singular, and it is never complex.

    Args:
        mean: (D,).
        covariance: (D, D).
        other_mean: (D,).
        other_covariance: (D, D).
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root)
    shared = np.sqrt(np.clip(products, 0, None)).sum()
    apart = np.square(mean - other_mean).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2 * shared
    return max(0.0, float(apart + spread))  # rounding may leave it just below 0


def _moments(vectors: Vectors) -> tuple[Array, Array]:
    """Return mean (D,) and unbiased covariance (D, D)."""
    wide = np.asarray(vectors, dtype=np.float64)
    return wide.mean(axis=0), np.atleast_2d(np.cov(wide, rowvar=False))
