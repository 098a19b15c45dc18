"""Which rows were drawn independently of one another."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.metrics.classification import Codes
from foldwise.tasks.predictions_table import PredictionsError


def independent_units(ids: npt.NDArray[np.object_], groups: pd.Series | None) -> Codes | None:
    """Number what was drawn independently, by sample id; None if that is each row."""
    names = [f"sample\x1f{sample}" for sample in ids]
    if groups is not None:
        absent = ~pd.Index(ids).isin(groups.index)
        if absent.any():
            raise PredictionsError(f"Sample {ids[absent][0]!r} has no row in the samples table.")
        known = groups.reindex(pd.Index(ids)).to_numpy(dtype=object)
        names = [
            name if pd.isna(group) else f"group\x1f{group}"
            for name, group in zip(names, known, strict=True)
        ]
    distinct, units = np.unique(np.array(names), return_inverse=True)
    return units.astype(np.int64) if len(distinct) < len(names) else None
