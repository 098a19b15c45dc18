"""The predictions table: what it has to hold, and its parts as arrays.

K: classes, S: samples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.metrics.classification import Array, Codes

REQUIRED_COLUMNS = ("sample_id", "repeat", "fold", "part", "target")
PROBABILITY_PREFIX = "p_"
PARTS = {"oof": "out of fold", "test": "held-out test"}
_TOLERANCE = 1e-3  # of the sum of a row's probabilities; half precision stays within it


class PredictionsError(ValueError):
    """The predictions table cannot be scored."""


class Scored(NamedTuple):
    """Predictions of one part, sorted, as arrays."""

    ids: npt.NDArray[np.object_]  # (S,) sample ids
    target: Codes  # (S,)
    probabilities: Array  # (S, K)


def shown_names(names: Sequence[str], most: int = 20) -> str:
    """Return names in quotes, the first ones of many.

    >>> shown_names(["a", "b", "c", "d"], 2)
    "'a', 'b' and 2 more"
    """
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def check_predictions(predictions: pd.DataFrame) -> tuple[str, ...]:
    """Check a predictions table and return its classes, in order.

    Raises:
        PredictionsError: It names the column and the row, what was found and what is allowed.
    """
    classes = _check_columns(predictions)
    _check_values(predictions, classes)
    _check_identity(predictions)
    return classes


def scored_rows(rows: pd.DataFrame, classes: Sequence[str]) -> Scored:
    """Return rows of the table as arrays, in their order."""
    code = {name: i for i, name in enumerate(classes)}
    return Scored(
        rows["sample_id"].to_numpy(dtype=object),
        np.array([code[name] for name in rows["target"]], dtype=np.int64),
        rows[_probability_columns(classes)].to_numpy(dtype=np.float64),
    )


def pooled(table: pd.DataFrame, classes: Sequence[str]) -> Scored:
    """Return all out-of-fold predictions; with several repeats, a sample stands in each."""
    rows = table[table["part"] == "oof"].sort_values(["repeat", "sample_id"], kind="stable")
    return scored_rows(rows, classes)


def ensemble(table: pd.DataFrame, classes: Sequence[str]) -> Scored:
    """Average the probabilities of the models for each held-out sample."""
    rows = table[table["part"] == "test"].sort_values(["repeat", "fold", "sample_id"])
    num_models = len(rows[["repeat", "fold"]].drop_duplicates())
    scored = scored_rows(rows, classes)
    size = len(rows) // num_models
    probabilities = scored.probabilities.reshape(num_models, size, len(classes)).mean(axis=0)
    return Scored(scored.ids[:size], scored.target[:size], probabilities)


def _probability_columns(classes: Sequence[str]) -> list[str]:
    return [f"{PROBABILITY_PREFIX}{name}" for name in classes]


def _check_columns(predictions: pd.DataFrame) -> tuple[str, ...]:
    missing = [name for name in REQUIRED_COLUMNS if name not in predictions.columns]
    if missing:
        raise PredictionsError(
            f"The predictions table lacks the column(s) {', '.join(missing)}. It has to have "
            f"{', '.join(REQUIRED_COLUMNS)} and one {PROBABILITY_PREFIX}<class> per class."
        )
    columns = [str(c) for c in predictions.columns if str(c).startswith(PROBABILITY_PREFIX)]
    if len(columns) < 2:
        raise PredictionsError(
            f"The predictions table has {len(columns)} probability column(s); at least 2 named "
            f"{PROBABILITY_PREFIX}<class> are needed."
        )
    if len(set(columns)) < len(columns):
        repeated = next(name for name in columns if columns.count(name) > 1)
        raise PredictionsError(f"The predictions table has the column {repeated!r} twice.")
    return tuple(name.removeprefix(PROBABILITY_PREFIX) for name in columns)


def _check_values(predictions: pd.DataFrame, classes: Sequence[str]) -> None:
    for name in REQUIRED_COLUMNS:
        refuse_rows(predictions, predictions[name].isna(), f"column {name!r} is empty")
    part = predictions["part"]
    refuse_rows(predictions, ~part.isin(list(PARTS)), "column 'part' is neither 'oof' nor 'test'")
    if not (part == "oof").any():
        raise PredictionsError("The predictions table has no row of part 'oof'.")
    unknown = ~predictions["target"].isin(list(classes))
    allowed = shown_names(classes)
    refuse_rows(predictions, unknown, f"column 'target' is none of the classes {allowed}")
    columns = _probability_columns(classes)
    for column in columns:
        if not pd.api.types.is_numeric_dtype(predictions[column].dtype):
            raise PredictionsError(f"Column {column!r} of the predictions table holds no numbers.")
    # All at once: a look at each of ten thousand columns takes longer than all that follows.
    values = predictions[columns].to_numpy(dtype=np.float64, na_value=np.nan)
    inside = (values >= -_TOLERANCE) & (values <= 1 + _TOLERANCE)  # NaN is not
    if not inside.all():
        first = int((~inside).any(axis=0).argmax())
        found, what = values[:, first], f"column {columns[first]!r}"
        refuse_rows(predictions, pd.Series(np.isnan(found)), f"{what} is not a number (NaN)")
        refuse_rows(predictions, pd.Series(~inside[:, first]), f"{what} is outside [0, 1]")
    refuse_rows(
        predictions,
        pd.Series(np.abs(values.sum(axis=1) - 1) > _TOLERANCE),
        f"the {len(classes)} probabilities do not sum to 1 within {_TOLERANCE:g}",
    )


def _check_identity(predictions: pd.DataFrame) -> None:
    oof = predictions[predictions["part"] == "oof"]
    test = predictions[predictions["part"] == "test"]
    repeated = oof.duplicated(["repeat", "sample_id"])
    refuse_rows(oof, repeated, "the sample stands twice in one repeat of part 'oof'")
    repeated = test.duplicated(["repeat", "fold", "sample_id"])
    refuse_rows(test, repeated, "the sample stands twice for one model in part 'test'")
    both = test["sample_id"].isin(oof["sample_id"])
    refuse_rows(test, both, "the sample stands in part 'test' and in part 'oof', a leak")
    targets = predictions.groupby("sample_id", sort=False)["target"].transform("nunique")
    refuse_rows(predictions, targets > 1, "the sample has more than one target")
    refuse_incomplete(oof, ["repeat"], "repeats predict")
    refuse_incomplete(test, ["repeat", "fold"], "models predict")


def refuse_incomplete(rows: pd.DataFrame, owner: list[str], what: str) -> None:
    """Raise unless all owners (repeats or models) predict the same samples, or steps of them.

    Raises:
        PredictionsError: It names a row that another owner lacks.
    """
    wanted = len(rows[owner].drop_duplicates())
    predicted = [name for name in ("sample_id", "step") if name in rows]
    counts = rows.groupby(predicted, sort=False)["target"].transform("size")
    part = None if rows.empty else rows["part"].iloc[0]
    refuse_rows(
        rows, counts < wanted, f"only some of the {wanted} {what} this sample, part {part!r}"
    )


def refuse_rows(rows: pd.DataFrame, bad: pd.Series, what: str) -> None:
    """Raise for the first bad row.

    Raises:
        PredictionsError: It names the row and what is wrong with it.
    """
    if bad.any():
        position = int(bad.to_numpy().argmax())
        row = f"Row {rows.index[position]} (sample {rows['sample_id'].iloc[position]!r}"
        row += f", step {rows['step'].iloc[position]})" if "step" in rows else ")"
        more = f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""
        raise PredictionsError(f"{row} of the predictions table: {what}{more}.")
