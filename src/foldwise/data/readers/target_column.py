"""What is to be predicted, from one column of a table: classes or numbers.

N: rows.
"""

import logging
import re
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.column_builder import numbers_of
from foldwise.data.readers.row_check import RowCheck, refuse_missing

logger = logging.getLogger(__name__)

Task = Literal["auto", "classification", "regression"]

_MAX_INTEGER_CLASSES = 20
_MIN_NUMBER_SHARE = 0.9


def add_target(
    rows: pd.DataFrame, cells: pd.Series, task: Task, decimal: str, check: RowCheck
) -> None:
    """Add the column `label` or `target`; refuse rows without one, or without a number.

    Args:
        rows: One row per cell.
        cells: The column, as text.
        task: What is to be predicted; `auto` chooses as `choose_task` says.
        decimal: The decimal sign.
        check: Takes note of the rows that are refused.
    """
    if task == "auto":
        task = choose_task(cells, decimal)
    what = "the label" if task == "classification" else "the target"
    refuse_missing(cells, what, check)
    if task == "classification":
        rows["label"] = cells.array
        return
    numbers = numbers_of(cells, decimal)
    check.refuse(
        ~np.isfinite(numbers) & cells.notna().to_numpy(),
        lambda i: f"the target (column '{cells.name}') is '{cells.iloc[i]}', no finite number",
    )
    rows["target"] = numbers


def choose_task(cells: pd.Series, decimal: str) -> Literal["classification", "regression"]:
    """Choose what to predict, and log it.

    Text, truth values included, is classes. So are whole numbers of which there are at most 20
    different ones, each twice on average. Everything else is a regression.

    Raises:
        IngestError: Nine cells in ten are numbers, but not all: a mistake, or a way to say that
            the value is missing.
    """
    present = cells.dropna()
    numbers = numbers_of(present, decimal)
    is_text = np.isnan(numbers)
    if is_text.any() and is_text.mean() <= 1 - _MIN_NUMBER_SHARE:
        others = sorted(set(present[is_text]))
        raise IngestError(
            f"ingest.source.task: of {len(present)} cells of the target column '{cells.name}' all "
            f"but {is_text.sum()} are numbers; these are {listing(others, 5)}. If they say that "
            "the value is missing, name them in ingest.source.missing_values; otherwise say "
            "task=classification or task=regression."
        )
    num_distinct = len(np.unique(numbers))
    is_few = num_distinct <= min(_MAX_INTEGER_CLASSES, len(numbers) / 2)
    is_classes = is_text.any() or (is_few and bool((np.mod(numbers, 1) == 0).all()))
    task: Literal["classification", "regression"]
    task = "classification" if is_classes else "regression"
    found = "text" if is_text.any() else f"numbers, {num_distinct} different ones"
    logger.info(
        "Target column '%s' holds %s: task=%s (ingest.source.task says otherwise).",
        cells.name,
        found,
        task,
    )
    return task


def sorted_classes(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the class names in order, integers by their value.

    >>> sorted_classes(["10", "9", "9"]), sorted_classes(["b", "10", "9"])
    (('9', '10'), ('10', '9', 'b'))
    """
    names = sorted(set(labels))
    if all(re.fullmatch(r"[+-]?\d+", name) for name in names):
        names.sort(key=int)
    return tuple(names)
