"""Agreement of targets and predictions beyond what their frequencies give by chance.

Both are functions of the margins of a confusion matrix: n samples, c of them hits, t_k targets
and p_k predictions of class k. Both are 1 for perfect agreement and 0 for an independent
classifier; neither is below -1. Both are symmetric in targets and predictions.

Sources:
    Gorodkin, J. (2004). Comparing two K-category assignments by a K-category correlation
        coefficient. Comput. Biol. Chem. 28 (Matthews correlation of K classes).
    Cohen, J. (1960). A coefficient of agreement for nominal scales. Educ. Psychol. Meas. 20.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def matthews_correlation(margins: Array) -> Array:
    """Return (c n - sum t_k p_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)), shape (...,).

    Undefined (NaN) where all targets, or all predictions, are of one class.

    Args:
        margins: Hits, targets and predictions per class, shape (..., 3, K).
    """
    covariance, of_predictions, of_targets, _ = _moments(margins)
    return _ratio(covariance, np.sqrt(of_predictions * of_targets))


def cohens_kappa(margins: Array) -> Array:
    """Return (p_o - p_e) / (1 - p_e), p_o = c / n and p_e = sum t_k p_k / n^2, shape (...,).

    Undefined (NaN) where all targets and all predictions are of the same class.

    Args:
        margins: Hits, targets and predictions per class, shape (..., 3, K).
    """
    covariance, _, _, disagreement = _moments(margins)
    return _ratio(covariance, disagreement)


def agreement_gradients(margins: Array) -> dict[str, Array]:
    """Return the derivatives of both by each count, shape (3, K), from margins (3, K).

    n is taken as the sum of the targets.
    """
    hits, targets, predictions = margins
    total = targets.sum()
    _, of_predictions, of_targets, disagreement = _moments(margins)
    zero, ones = np.zeros_like(targets), np.ones_like(targets)
    covariance = np.stack([total * ones, hits.sum() - predictions, -targets])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.stack(
            [
                zero,
                total / of_predictions + (total - targets) / of_targets,
                -predictions / of_predictions,
            ]
        )
        norm = np.sqrt(of_predictions * of_targets)
        matthews = covariance / norm - matthews_correlation(margins) * spread
        by_chance = np.stack([zero, 2 * total - predictions, -targets])
        kappa = (covariance - cohens_kappa(margins) * by_chance) / disagreement
    return {"matthews_correlation": matthews, "cohens_kappa": kappa}


def _moments(margins: Array) -> tuple[Array, Array, Array, Array]:
    hits, targets, predictions = np.moveaxis(margins, -2, 0)
    total = targets.sum(-1)
    chance = (targets * predictions).sum(-1)
    return (
        hits.sum(-1) * total - chance,
        total**2 - (predictions**2).sum(-1),
        total**2 - (targets**2).sum(-1),
        total**2 - chance,
    )


def _ratio(numerator: Array, denominator: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


AGREEMENT_METRICS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {"matthews_correlation": matthews_correlation, "cohens_kappa": cohens_kappa}
)
