"""Which labels are likely wrong, by confident learning on out-of-fold probabilities.

A sample is suspected where the network, which never saw it, is more confident of another class
than it usually is of samples of that class. How many there are is estimated for each pair of
classes, and those with the largest margins between the two are named.

Source:
    Northcutt, C. G., Jiang, L., Chuang, I. L. (2021). Confident learning: estimating uncertainty
        in dataset labels. J. Artif. Intell. Res. 70.

N: samples, K: classes.
"""

import warnings
from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes

# The matrix of label and suggestion takes K^2 cells, and longer: with 10,000 classes, three
# minutes and 4 GB. Beyond, samples are named by quality alone, which finds somewhat fewer.
_MAX_CLASSES = 100


class LabelErrors(NamedTuple):
    """Samples whose labels are likely wrong, the likeliest first."""

    rows: Codes  # (E,), positions
    suggested: Codes  # (E,), class codes
    quality: Array  # (E,), 0: surely wrong, 1: surely right


def find_label_errors(labels: Codes, probabilities: Array) -> LabelErrors:
    """Return the samples whose labels are likely wrong; none where there is one class only.

    The quality is the normalised margin, (p_label - max of the others + 1) / 2.

    Args:
        labels: Class codes as they were given, (N,).
        probabilities: Of networks that did not see the sample, finite, (N, K).
    """
    none = LabelErrors(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    if len(np.unique(labels)) < 2:
        return none
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(
        labels, probabilities, method="normalized_margin", adjust_pred_probs=False
    )
    suggested = probabilities.argmax(axis=1).astype(np.int64)
    # A label that is the likeliest class is no error, whatever was estimated for its class.
    rows = np.array(
        [row for row in _suspects(labels, probabilities) if labels[row] != suggested[row]]
    )
    if not len(rows):
        return none
    rows = rows[np.argsort(quality[rows], kind="stable")]
    return LabelErrors(rows, suggested[rows], np.asarray(quality[rows], dtype=np.float64))


def _suspects(labels: Codes, probabilities: Array) -> Codes:
    from cleanlab.experimental.label_issues_batched import find_label_issues_batched
    from cleanlab.filter import find_label_issues

    if probabilities.shape[1] <= _MAX_CLASSES:
        with warnings.catch_warnings():
            # Said of each class that is absent or has one sample: that goes without saying.
            warnings.filterwarnings("ignore", message="May not flag all label issues")
            found = find_label_issues(labels, probabilities, n_jobs=1)
        return np.flatnonzero(found).astype(np.int64)
    found = find_label_issues_batched(
        labels,
        probabilities,
        n_jobs=1,
        verbose=False,
        quality_score_kwargs={"method": "normalized_margin"},
    )
    return np.sort(found).astype(np.int64)
