"""The imbalance remedies, planned per fold from its training part only.

A plan is a table with one row per sample that a fold's network is fitted on: `repeat`, `fold`,
`sample_id`, `sampling_weight` (its chance to be drawn, relative to the others) and `loss_weight`
(the factor of its loss). A remedy that drops or repeats samples drops or repeats rows.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.config import Config
from foldwise.data.folds import FoldParts, Folds, fold_parts
from foldwise.data.samples import target_columns
from foldwise.errors import UserError

Weights = npt.NDArray[np.float64]


class BalanceError(UserError):
    """The remedy does not fit the samples."""


class BalanceConfig(Config):
    """Which remedy is used."""

    method: Literal["none", "class_weights", "weighted_sampler"] = "none"


def plan_balance(table: pd.DataFrame, folds: Folds, config: BalanceConfig) -> pd.DataFrame:
    """Return the plan of all folds.

    Args:
        table: The samples' table; `sample_id` and `label` are read.
        folds: The folds; only their inner training parts enter the plan.
        config: The remedy; of a regression, which has no classes, `none`.

    Raises:
        BalanceError: The task is a regression, and the remedy is one for classes.
    """
    targets = target_columns(table)
    if targets and config.method != "none":
        raise BalanceError(
            f"balance.method is {config.method!r}, but the samples have numbers to predict "
            f"({', '.join(targets)}) and no classes. Allowed: 'none'."
        )
    labels = table.set_index("sample_id")[targets[0] if targets else "label"]
    return pd.concat(
        [_plan_fold(parts, labels, config) for parts in fold_parts(folds, table)],
        ignore_index=True,
    )


def inverse_frequency(labels: npt.NDArray[np.object_]) -> Weights:
    """Weigh each sample by n / (K n_c), so that classes weigh alike and the weights sum to n.

    n: samples, K: classes that occur, n_c: samples of the sample's own class (King and Zeng,
    "Logistic regression in rare events data", 2001; scikit-learn calls it "balanced").

    >>> inverse_frequency(np.array(["a", "a", "a", "b"], dtype=object)).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    _, codes, counts = np.unique(labels.astype(str), return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts[codes]), dtype=np.float64)


def _ones(labels: npt.NDArray[np.object_]) -> Weights:
    return np.ones(len(labels))


# (sampling weights, loss weights) of each method, as functions of the training part's labels
_METHODS: dict[str, tuple[Callable[..., Weights], Callable[..., Weights]]] = {
    "none": (_ones, _ones),
    "class_weights": (_ones, inverse_frequency),
    "weighted_sampler": (inverse_frequency, _ones),
}


def _plan_fold(parts: FoldParts, labels: pd.Series, config: BalanceConfig) -> pd.DataFrame:
    sampling, loss = _METHODS[config.method]
    fitted = labels.reindex(list(parts.train)).to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "repeat": parts.repeat,
            "fold": parts.fold,
            "sample_id": parts.train,
            "sampling_weight": sampling(fitted),
            "loss_weight": loss(fitted),
        }
    )
