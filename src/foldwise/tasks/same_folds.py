"""Whether predictions of several models can be compared pair by pair: the same samples and folds.

A difference between networks that were fitted on other parts mixes the models with the luck of
the split, and no test of paired differences holds for it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from foldwise.errors import UserError
from foldwise.tasks.named_predictions import NamedPredictions

_MIN_SHARED = 0.5  # of the samples of the smaller table: with so many it is the same data


class FoldsDifferError(UserError):
    """Predictions of other folds are to be compared."""


def by_data(models: Sequence[NamedPredictions]) -> list[list[NamedPredictions]]:
    """Return the models that predict the same data, in the order in which they are named.

    The folds of an experiment tell which samples they were made from; a table without folds
    belongs to the data that it shares most of its samples and targets with.

    Raises:
        FoldsDifferError: The predictions of one data set were made on different folds.
    """
    groups: list[list[NamedPredictions]] = []
    # Those whose data is known by a hash come first, so that a lone table finds its own.
    for model in sorted(models, key=lambda model: model.data_key is None):
        group = next((group for group in groups if _is_same_data(model, group[0])), None)
        if group is None:
            groups.append([model])
        else:
            group.append(model)
    position = {model.name: i for i, model in enumerate(models)}
    for group in groups:
        group.sort(key=lambda model: position[model.name])
        require_same_folds(group)
    return sorted(groups, key=lambda group: position[group[0].name])


def require_same_folds(models: Sequence[NamedPredictions]) -> None:
    """Raise unless all models hold out the same samples in the same folds.

    Raises:
        FoldsDifferError: It names two models, what differs, their hashes, and what to do.
    """
    for model in models:
        _require_current(model)
    first, *others = models
    reference = _assignment(first.table)
    for other in others:
        found = _assignment(other.table)
        if found.equals(reference):
            continue
        raise FoldsDifferError(
            f"{first.name!r} and {other.name!r} cannot be compared: their folds differ. "
            f"{_difference(reference, found)} The folds of {first.name!r}: {_origin(first)}; of "
            f"{other.name!r}: {_origin(other)}. {_ADVICE}"
        )


_ADVICE = (
    "Only models that were trained on the same folds can be compared pair by pair: run the stage "
    "'train' of both again after one 'split' (same samples, same split parameters and seed), or "
    "leave one of them out of compare.models."
)


def _is_same_data(model: NamedPredictions, other: NamedPredictions) -> bool:
    if model.data_key is not None and other.data_key is not None:
        return model.data_key == other.data_key
    one, another = _targets(model.table), _targets(other.table)
    shared = len(one.index.intersection(another.index))
    if shared < _MIN_SHARED * min(len(one), len(another)):
        return False
    both = pd.concat([one, another], axis=1, join="inner")
    return bool((both.iloc[:, 0] == both.iloc[:, 1]).mean() >= _MIN_SHARED)


def _targets(table: pd.DataFrame) -> pd.Series:
    """Return the (first) target of each sample as text, by its id."""
    first = table.drop_duplicates("sample_id").set_index("sample_id")["target"]
    return first.astype(str)


def _require_current(model: NamedPredictions) -> None:
    """Raise where the experiment's folds are no longer those of the predictions."""
    if model.folds is None:
        return
    known, current = model.run_folds_hash, model.folds.content_hash
    if known is not None and known != current:
        raise FoldsDifferError(
            f"{model.name!r} was trained on folds with the folds.hash {known}, but the experiment "
            f"{model.experiment!r} has been split again since: its folds.hash is {current}. "
            f"{_ADVICE}"
        )
    table = model.folds.table
    expected = _sorted(table[table["fold"] >= 0][["sample_id", "repeat", "fold"]])
    found = _assignment(model.table)
    found = found[found["part"] == "oof"].drop(columns="part").reset_index(drop=True)
    if not found.equals(expected):
        raise FoldsDifferError(
            f"The predictions of {model.name!r} ({model.path}) were made on other folds than "
            f"those that the experiment {model.experiment!r} has now (folds.hash {current}). "
            f"{_difference(expected, found)} {_ADVICE}"
        )


def _assignment(table: pd.DataFrame) -> pd.DataFrame:
    """Return which sample is out of fold where, and which are the test part, sorted."""
    columns = ["sample_id", "repeat", "fold", "part"]
    rows = table[columns].copy()
    # Every network predicts the test part; which network it is does not matter.
    rows.loc[rows["part"] == "test", ["repeat", "fold"]] = -1
    return _sorted(rows.drop_duplicates())


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    plain = rows.assign(sample_id=rows["sample_id"].astype(object))
    plain[["repeat", "fold"]] = plain[["repeat", "fold"]].astype(np.int64)
    return plain.sort_values(["repeat", "sample_id", "fold"], ignore_index=True)


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    """Say how many samples lie elsewhere, and show one."""
    keys = ["sample_id", "repeat"]
    both = one.merge(other, on=keys, how="outer", suffixes=("", "_other"), indicator=True)
    lacking = both[both["_merge"] != "both"]
    moved = both[(both["_merge"] == "both") & (both["fold"] != both["fold_other"])]
    told = []
    if len(moved):
        row = moved.iloc[0]
        told.append(
            f"{moved['sample_id'].nunique()} of {both['sample_id'].nunique()} samples lie in "
            f"other folds, for example {row['sample_id']!r} in fold {int(row['fold'])} and fold "
            f"{int(row['fold_other'])} of repeat {int(row['repeat'])}."
        )
    if len(lacking):
        row = lacking.iloc[0]
        where = "first" if row["_merge"] == "left_only" else "second"
        told.append(
            f"{lacking['sample_id'].nunique()} samples are out of fold, or in the test part, in "
            f"one of them alone, for example {row['sample_id']!r} in the {where}."
        )
    return " ".join(told)


def _origin(model: NamedPredictions) -> str:
    if model.folds is None:
        return f"{model.path}, which has no folds.json beside it"
    return f"folds.hash {model.folds.content_hash} of the experiment {model.experiment!r}"
