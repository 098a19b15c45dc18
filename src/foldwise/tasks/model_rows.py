"""Rows of a predictions table with the network that each is of.

S: rows, K: classes, M: networks (one per repeat and fold).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array, Codes
from foldwise.tasks.predictions_table import (
    PROBABILITY_PREFIX,
    PredictionsError,
    Scored,
    scored_rows,
    shown_names,
)

_KEYS = ["repeat", "fold"]


class ModelRows(NamedTuple):
    """Predictions, and the number of the network of each."""

    scored: Scored
    model: Codes  # (S,)


class PartsOfModels(NamedTuple):
    """All parts of a predictions table, and the inner part of each network's fold."""

    models: tuple[tuple[int, int], ...]  # (repeat, fold) of each network
    oof: ModelRows  # sorted as `predictions_table.pooled`
    test: ModelRows | None  # sorted by network, then by sample
    inner: ModelRows | None  # None: there are no such predictions


def parts_of_models(
    predictions: pd.DataFrame, inner: pd.DataFrame, classes: Sequence[str]
) -> PartsOfModels:
    """Return the parts of a checked predictions table and the rows of the inner parts.

    Raises:
        PredictionsError: The inner rows are of other classes, or a network predicts one sample in
            its inner part and out of fold.
    """
    oof, test = (predictions[predictions["part"] == part] for part in ("oof", "test"))
    models = oof[_KEYS].drop_duplicates().sort_values(_KEYS)
    names = tuple((int(r), int(f)) for r, f in models.itertuples(index=False))
    in_order = test.sort_values([*_KEYS, "sample_id"], kind="stable")
    return PartsOfModels(
        names,
        _rows(oof.sort_values(["repeat", "sample_id"], kind="stable"), classes, models),
        None if test.empty else _rows(in_order, classes, models),
        None if inner.empty else _inner_rows(inner, oof, classes, models),
    )


def ensemble_rows(rows: ModelRows, probabilities: Array) -> Scored:
    """Average the probabilities of the networks for each sample, (S, K) -> (S / M, K)."""
    num_models = len(np.unique(rows.model))
    size = len(rows.model) // num_models
    mean = probabilities.reshape(num_models, size, -1).mean(axis=0)
    return Scored(rows.scored.ids[:size], rows.scored.target[:size], mean)


def _rows(table: pd.DataFrame, classes: Sequence[str], models: pd.DataFrame) -> ModelRows:
    of_row = pd.MultiIndex.from_frame(table[_KEYS])
    number = pd.MultiIndex.from_frame(models).get_indexer(of_row)
    return ModelRows(scored_rows(table, classes), number.astype(np.int64))


def _inner_rows(
    inner: pd.DataFrame, oof: pd.DataFrame, classes: Sequence[str], models: pd.DataFrame
) -> ModelRows:
    columns = [c for c in inner.columns if str(c).startswith(PROBABILITY_PREFIX)]
    wanted = [f"{PROBABILITY_PREFIX}{name}" for name in classes]
    if columns != wanted:
        found = shown_names([c.removeprefix(PROBABILITY_PREFIX) for c in columns])
        raise PredictionsError(
            f"The predictions of the inner validation parts are of the classes {found}, but those "
            f"that are evaluated of {shown_names(list(classes))}. Run the stage 'train' again, or "
            "remove inner_predictions.parquet if the predictions are of another program."
        )
    keys = [*_KEYS, "sample_id"]
    both = inner[keys].merge(oof[keys], on=keys)
    if len(both):
        repeat, fold, sample = both.iloc[0]
        raise PredictionsError(
            f"Sample {sample!r} stands in the inner validation part and in the outer fold of "
            f"repeat {repeat}, fold {fold}, a leak. Run the stage 'train' again."
        )
    rows = _rows(inner.sort_values(keys, kind="stable"), classes, models)
    known = rows.model >= 0
    ids, target, probabilities = rows.scored
    scored = Scored(ids[known], target[known], probabilities[known])
    return ModelRows(scored, rows.model[known])
