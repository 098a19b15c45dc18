"""Weights of classes from how many samples each has.

K: classes, N: samples. A class without samples has the weight 0, and no sample to use it on.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Rule = Literal["inverse", "effective"]


def inverse_frequency(labels: npt.NDArray[np.object_]) -> Weights:
    """Weigh each sample by n / (K n_c), so that classes weigh alike and the weights sum to n.

    n: samples, K: classes that occur, n_c: samples of the sample's own class (King and Zeng,
    "Logistic regression in rare events data", 2001; scikit-learn calls it "balanced").

    >>> inverse_frequency(np.array(["a", "a", "a", "b"], dtype=object)).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    return sample_weights(labels, "inverse", beta=0)


def sample_weights(labels: npt.NDArray[np.object_], rule: Rule, beta: float) -> Weights:
    """Return each sample's weight by its class, (N,); they sum to N."""
    _, codes, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(class_weights(counts, rule, beta)[codes], dtype=np.float64)


def class_weights(counts: Counts, rule: Rule, beta: float) -> Weights:
    """Return the weight of each class, (K,), such that the weights of all samples sum to n.

    Args:
        counts: Samples of each class, (K,).
        rule: `inverse` frequency, or inverse `effective` number (Cui et al., "Class-balanced loss
            based on effective number of samples", CVPR 2019). Cui et al. let the weights of the
            classes sum to K; the ratios are the same.
        beta: Of the effective number: 0 is no weighing, towards 1 it is the inverse frequency.

    >>> class_weights(np.array([58, 22, 20]), "inverse", beta=0).round(3).tolist()
    [0.575, 1.515, 1.667]
    """
    present = counts > 0
    own = counts[present]
    weights = np.zeros(len(counts))
    if rule == "inverse":
        weights[present] = own.sum() / (len(own) * own)
    else:
        relative = (1 - beta) / (1 - beta ** own.astype(np.float64))
        weights[present] = relative * (own.sum() / (own * relative).sum())
    return weights
