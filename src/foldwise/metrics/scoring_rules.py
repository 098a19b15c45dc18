"""Proper scoring rules: what each predicted distribution costs, given the class that came.

A rule is proper if nobody does better in the mean than by telling the true probabilities (Gneiting
and Raftery, J. Amer. Stat. Assoc. 102, 2007). N: samples, K: classes.
"""

import numpy as np

from foldwise.metrics.classification import Array, Codes

SCORING_RULES = ("log_loss", "brier_score")
_LEAST = float(np.finfo(np.float64).eps)  # as scikit-learn: no loss is above 36.04


def log_losses(target: Codes, probabilities: Array) -> Array:
    """Return -ln p of the class that came, in nats, (N,); p is at least 2.2e-16."""
    return surprise(probabilities[np.arange(len(target)), target])


def surprise(probabilities: Array) -> Array:
    """Return -ln p, of any shape; p is at least 2.2e-16 and at most 1 less that."""
    return -np.log(np.clip(probabilities, _LEAST, 1 - _LEAST))


def brier_losses(target: Codes, probabilities: Array) -> Array:
    """Return sum_k (p_k - y_k)^2, (N,), in [0, 2]; of two classes (p - y)^2 of one, in [0, 1].

    y_k is 1 for the class that came, else 0. (Brier, Monthly Weather Review 78, 1950, halved for
    two classes as is usual and as scikit-learn does.)
    """
    own = probabilities[np.arange(len(target)), target]
    squares = np.einsum("nk,nk->n", probabilities, probabilities)
    return np.asarray((squares - 2 * own + 1) * brier_scale(probabilities.shape[1]))


def brier_scale(num_classes: int) -> float:
    """Return the factor on the sum over classes: 1/2 for two of them, else 1."""
    return 0.5 if num_classes == 2 else 1.0


def losses(target: Codes, probabilities: Array) -> dict[str, Array]:
    """Return the losses by `SCORING_RULES`, each (N,)."""
    return {
        "log_loss": log_losses(target, probabilities),
        "brier_score": brier_losses(target, probabilities),
    }


def mistaken_losses(target: Codes, probabilities: Array) -> dict[str, Array]:
    """Return, for each class, the mean loss of the other samples had they been of it, (K,).

    That is what a sample of the class costs when it looks like one of another class. Without
    samples of other classes it is the dearest of the mean losses over all samples and labels.
    """
    num_classes = probabilities.shape[1]
    count = np.bincount(target, minlength=num_classes)
    others = len(target) - count
    squares = np.einsum("nk,nk->n", probabilities, probabilities) + 1
    own = probabilities[np.arange(len(target)), target]
    log_sums = np.zeros(num_classes)
    step = max(1, 2**22 // num_classes)
    for start in range(0, len(target), step):
        log_sums += surprise(probabilities[start : start + step]).sum(axis=0)
    label_sums = {
        "log_loss": (log_sums, np.bincount(target, surprise(own), num_classes)),
        "brier_score": (
            (squares.sum() - 2 * probabilities.sum(axis=0)) * brier_scale(num_classes),
            np.bincount(target, squares - 2 * own, num_classes) * brier_scale(num_classes),
        ),
    }
    found = {}
    for name, (of_all, of_own) in label_sums.items():
        dearest = float(of_all.max()) / len(target)
        means = np.divide(
            of_all - of_own, others, out=np.full(num_classes, dearest), where=others > 0
        )
        found[name] = np.maximum(means, 0.0)
    return found
