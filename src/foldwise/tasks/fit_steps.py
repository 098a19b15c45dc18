"""How many steps of the optimiser a fit makes; free of torch."""

import numpy as np
import pandas as pd

from foldwise.modules.config import FitConfig


def steps_per_epoch(plan: pd.DataFrame, fit: FitConfig) -> int:
    """Return the steps of one epoch of all folds together; of an unknown batch size, the rows."""
    sizes = plan.groupby(["repeat", "fold"]).size().to_numpy()
    if fit.batch_size == "auto":
        return int(sizes.sum())
    return int(np.ceil(np.ceil(sizes / fit.batch_size) / fit.accumulate).sum())
