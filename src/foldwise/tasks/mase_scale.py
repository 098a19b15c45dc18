"""The scale of MASE: how wrong the naive forecast was on what each model was trained on."""

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds, fold_parts
from foldwise.data.samples import target_columns
from foldwise.metrics.regression import naive_scale


def mase_scales(table: pd.DataFrame, folds: Folds) -> dict[tuple[int, int], float] | None:
    """Return the in-sample MAE of the naive forecast by (repeat, fold); None without a time.

    The naive forecast of a target one step ahead is the target of the sample before it, in the
    same series and within the training part; so is that of all later steps, as MASE is scaled by
    the one-step error (Hyndman and Koehler 2006).

    Args:
        table: The samples' table.
        folds: They tell what is in the training parts.
    """
    targets = target_columns(table)
    if not targets or "time" not in table:
        return None
    columns = {"target": table[targets[0]].to_numpy(dtype=np.float64)}
    columns |= {"series": table["series"].to_numpy()} if "series" in table else {}
    moment = "time_end" if "time_end" in table else "time"
    rows = pd.DataFrame(columns | {"moment": table[moment].to_numpy()})
    rows.index = pd.Index(table["sample_id"].to_numpy(dtype=object))
    return {
        (part.repeat, part.fold): _scale(rows.loc[[*part.train, *part.validation]])
        for part in fold_parts(folds, table)
    }


def _scale(rows: pd.DataFrame) -> float:
    """Return the MAE of the naive forecast over all series; NaN where none has two samples."""
    of_series = rows.groupby("series", sort=True) if "series" in rows else [(None, rows)]
    total, count = 0.0, 0
    for _, members in of_series:
        targets = members.sort_values("moment", kind="stable")["target"].to_numpy()
        if len(targets) > 1:
            count += len(targets) - 1
            total += naive_scale(targets) * (len(targets) - 1)
    return total / count if count else float("nan")
