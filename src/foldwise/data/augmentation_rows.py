"""Which samples the picture of an augmentation policy shows."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import target_columns

NUM_ROWS = 8


def training_rows(table: pd.DataFrame, plan: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the rows of the samples' table that the first fold's network is fitted on, sorted.

    Only these are shown; so no policy is ever tuned by looking at validation or test samples.

    Args:
        table: The samples' table; `sample_id` is read.
        plan: The balance plan: the training samples of each fold.
    """
    first = plan[(plan["repeat"] == plan["repeat"].min()) & (plan["fold"] == plan["fold"].min())]
    return np.flatnonzero(table["sample_id"].isin(first["sample_id"]))


def preview_rows(table: pd.DataFrame, plan: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return few of the training rows, of as many classes, or targets, as possible.

    Args:
        table: The samples' table; `sample_id` and `label`, or the first target, are read.
        plan: The balance plan: the training samples of each fold.
    """
    rows = training_rows(table, plan)
    if "label" not in table:
        targets = table[target_columns(table)[0]].to_numpy()[rows]
        by_target = rows[np.argsort(targets, kind="stable")]
        places = np.linspace(0, max(len(rows) - 1, 0), min(len(rows), NUM_ROWS))
        return np.asarray(by_target[places.round().astype(np.int64)])
    shown = pd.DataFrame({"row": rows, "label": table["label"].to_numpy()[rows]})
    shown["turn"] = shown.groupby("label").cumcount()  # the first of each class, then the second
    shown = shown.sort_values(["turn", "label"]).head(NUM_ROWS)
    return shown["row"].to_numpy(dtype=np.int64)


def row_names(table: pd.DataFrame, rows: npt.NDArray[np.int64]) -> list[str]:
    """Return the class or the first target of each row, as it can be written beside it."""
    if "label" in table:
        return [str(label) for label in table["label"].to_numpy(dtype=object)[rows]]
    targets = table[target_columns(table)[0]].to_numpy(dtype=np.float64)[rows]
    return [f"{target:.4g}" for target in targets]
