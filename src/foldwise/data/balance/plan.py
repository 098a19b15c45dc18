"""The imbalance remedies, planned per fold from its training part only.

A plan is a table with one row per sample that a fold's network is fitted on: `repeat`, `fold`,
`sample_id`, `sampling_weight` (its chance to be drawn, relative to the others) and `loss_weight`
(the factor of its loss). A remedy that drops or repeats samples drops or repeats rows. Remedies
that change the loss itself, the batches, the fitted network or the decision leave the rows as
they are: `modules.losses`, `modules.balanced_mixup`, `tasks.embedding_smote`, `tasks.decision`.
What `gan` makes is no row of a plan: `tasks.synthetic_samples` adds it to the training part.

N: samples of a training part.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.balance.config import (
    BalanceConfig,
    BalanceError,
    ClassWeights,
    Focal,
    Gan,
    Oversample,
    Remedy,
    Undersample,
    WeightedSampler,
)
from foldwise.data.balance.fill import require_enough_real
from foldwise.data.balance.weights import Weights, inverse_frequency, sample_weights
from foldwise.data.findings import Finding, log_findings
from foldwise.data.folds import FoldParts, Folds, fold_parts
from foldwise.data.samples import target_columns
from foldwise.seeds import numpy_generator

logger = logging.getLogger(__name__)

Labels = npt.NDArray[np.object_]  # (N,)
Rows = npt.NDArray[np.int64]  # positions in the training part, sorted; repeated or left out
Draws = Callable[[int], np.random.Generator]  # of a class


class Planned(NamedTuple):
    """The rows that a fold is fitted on, and their weights."""

    rows: Rows
    sampling: Weights
    loss: Weights


def plan_balance(
    table: pd.DataFrame,
    folds: Folds,
    config: BalanceConfig,
    all_parts: Sequence[FoldParts] | None = None,
) -> pd.DataFrame:
    """Return the plan of all folds.

    A class that a training part lacks gets no rows from any remedy; it is told in the log.

    Args:
        table: The samples' table; `sample_id` and `label` are read.
        folds: The folds; only their inner training parts enter the plan.
        config: The remedy; of a regression, which has no classes, `none`.
        all_parts: The parts of the folds, where their training parts have been cut.

    Raises:
        BalanceError: The task is a regression, and the remedy is one for classes; or a class has
            too few samples for it in a training part.
    """
    targets = target_columns(table)
    if targets and config.name != "none":
        raise BalanceError(
            f"balance.method is {config.name!r}, but the samples have numbers to predict "
            f"({', '.join(targets)}) and no classes. Allowed: 'none'."
        )
    labels = table.set_index("sample_id")[targets[0] if targets else "label"]
    all_parts = list(fold_parts(folds, table)) if all_parts is None else all_parts
    if not targets:
        log_findings(logger, _absent_classes(all_parts, labels))
    if isinstance(config.remedy, Gan):
        require_enough_real(all_parts, labels, config.remedy)
    return pd.concat(
        [_plan_fold(parts, labels, config.remedy) for parts in all_parts], ignore_index=True
    )


def _plan_fold(parts: FoldParts, labels: pd.Series, remedy: Remedy) -> pd.DataFrame:
    def draws(code: int) -> np.random.Generator:
        return numpy_generator(
            getattr(remedy, "seed", 0), parts.repeat, parts.fold, code, remedy.method
        )

    fitted = labels.reindex(list(parts.train)).to_numpy(dtype=object)
    planned = _plan_rows(fitted, remedy, draws)
    return pd.DataFrame(
        {
            "repeat": parts.repeat,
            "fold": parts.fold,
            "sample_id": parts.train[planned.rows],
            "sampling_weight": planned.sampling,
            "loss_weight": planned.loss,
        }
    )


def _plan_rows(labels: Labels, remedy: Remedy, draws: Draws) -> Planned:
    rows, ones = np.arange(len(labels)), np.ones(len(labels))
    match remedy:
        case ClassWeights() | Focal() if remedy.weights != "none":
            return Planned(rows, ones, sample_weights(labels, remedy.weights, remedy.beta))
        case WeightedSampler():
            return Planned(rows, inverse_frequency(labels) ** remedy.power, ones)
        case Oversample():
            rows = repeat_rare(labels, remedy.ratio, draws)
        case Undersample():
            rows = drop_common(labels, remedy.ratio, draws)
        case _:
            pass
    return Planned(rows, np.ones(len(rows)), np.ones(len(rows)))


def repeat_rare(labels: Labels, ratio: float, draws: Draws) -> Rows:
    """Repeat the samples of each class until it has `ratio` of the largest.

    All samples of a class are repeated alike; a remainder is drawn.
    """
    members = list(_members(labels))
    goal = round(ratio * max(len(own) for own in members))
    times = np.ones(len(labels), dtype=np.int64)
    for code, own in enumerate(members):
        whole, rest = divmod(max(goal, len(own)), len(own))
        times[own] = whole
        times[draws(code).permutation(own)[:rest]] += 1
    return np.repeat(np.arange(len(labels)), times)


def drop_common(labels: Labels, ratio: float, draws: Draws) -> Rows:
    """Draw as many samples of each class as `ratio` of the smallest, without replacement."""
    members = list(_members(labels))
    goal = round(ratio * min(len(own) for own in members))
    kept = [draws(code).permutation(own)[:goal] for code, own in enumerate(members)]
    return np.sort(np.concatenate(kept))


def _members(labels: Labels) -> Iterator[Rows]:
    """Yield the positions of each class that occurs, by its name."""
    _, codes = np.unique(labels.astype(str), return_inverse=True)
    for code in range(codes.max() + 1):
        yield np.flatnonzero(codes == code)


def _absent_classes(all_parts: Sequence[FoldParts], labels: pd.Series) -> Iterator[Finding]:
    """Find the classes that a training part lacks: its network can never name them."""
    classes = set(labels.astype(str))
    for parts in all_parts:
        absent = sorted(classes - set(labels.reindex(list(parts.train)).astype(str)))
        if absent:
            names = ", ".join(repr(name) for name in absent)
            yield Finding(
                check="absent_class",
                severity="warn",
                message=f"The training part of repeat {parts.repeat}, fold {parts.fold} has no "
                f"sample of {names}: no remedy makes any, and its network will not name them.",
                advice="Get more samples of them, merge them, or use split.rare_classes=drop.",
                values={"repeat": parts.repeat, "fold": parts.fold, "num_classes": len(absent)},
            )
