"""How many samples each class lacks that is to be filled up with made ones.

N: samples of a training part.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import printable
from foldwise.data.balance.config import BalanceError, Gan, Remedy
from foldwise.data.folds import FoldParts

Labels = npt.NDArray[np.object_]  # (N,)

_MOST_NAMES = 10  # classes named in a message


def lacking(labels: Labels, ratio: float) -> dict[str, int]:
    """Return how many samples each class lacks of `ratio` of the largest, those that lack any.

    A class without a sample is not among them: nobody knows what it looks like.

    >>> lacking(np.array(["a"] * 10 + ["b"] * 4 + ["c"] * 8, dtype=object), 0.8)
    {'b': 4}
    """
    counts = Counter(labels.astype(str).tolist())
    goal = round(ratio * max(counts.values(), default=0))
    return {name: goal - counts[name] for name in sorted(counts) if counts[name] < goal}


def require_enough_real(all_parts: Sequence[FoldParts], labels: pd.Series, remedy: Gan) -> None:
    """Refuse classes of which a training part has too few samples to learn from.

    Args:
        all_parts: The parts of the folds.
        labels: The class of each sample, by its id.
        remedy: Which classes are filled up, and how many samples of them it takes.

    Raises:
        BalanceError: It names the classes, the fold, and what may be used instead.
    """
    for parts in all_parts:
        found = labels.reindex(list(parts.train)).to_numpy(dtype=object)
        counts = Counter(found.astype(str).tolist())
        few = [name for name in lacking(found, remedy.ratio) if counts[name] < remedy.min_real]
        if few:
            named = [f"'{printable(name)}' has {counts[name]}" for name in few[:_MOST_NAMES]]
            more = [f"and {len(few) - _MOST_NAMES} more classes have too few"]
            told = ", ".join(named + more * (len(few) > _MOST_NAMES))
            raise BalanceError(
                "balance.method is 'gan', but a generator learns nothing but to copy from one or "
                f"two samples: in the training part of repeat {parts.repeat}, fold {parts.fold}, "
                f"{told}, and balance.min_real={remedy.min_real} are needed. Use instead "
                "oversample, class_weights or logit_adjustment (they need no more), get more "
                "samples of the class, merge it with another, or split.rare_classes=drop."
            )


def with_places(plan: pd.DataFrame, labels: pd.Series, remedy: Remedy) -> pd.DataFrame:
    """Return the plan with one row more for each sample that is to be made: how long an epoch is.

    Args:
        plan: The balance plan.
        labels: The class of each sample, by its id.
        remedy: The remedy that it is of; of those that make no samples the plan is returned.
    """
    if not isinstance(remedy, Gan):
        return plan
    extended = [plan]
    for _, rows in plan.groupby(["repeat", "fold"]):
        found = labels.reindex(list(rows["sample_id"])).to_numpy(dtype=object)
        number = sum(lacking(found, remedy.ratio).values())
        extended.append(rows.iloc[np.zeros(number, dtype=np.int64)])
    return pd.concat(extended, ignore_index=True)
