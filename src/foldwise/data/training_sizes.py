"""How large the training part of each fold is, inner part included, by repeat and fold."""

import pandas as pd

from foldwise.data.fold_parts import fold_parts
from foldwise.data.fold_summary import part_name
from foldwise.data.fold_table import Folds


def training_sizes(folds: Folds, table: pd.DataFrame) -> pd.Series:
    """Return how many samples each fold trains on.

    Raises:
        SplitError: The folds were made from other samples.
    """
    return pd.Series(
        {
            (parts.repeat, parts.fold): len(parts.train) + len(parts.validation)
            for parts in fold_parts(folds, table)
        }
    )


def noted_training_sizes(folds: Folds) -> pd.Series | None:
    """Return what `folds.json` notes, for those who lack the samples; None where it does not.

    In folds in time it is more than `training_sizes` by what the gap before the inner part takes.
    """
    noted = folds.info.get("training")
    if noted is None:
        return None
    num_repeats = int(folds.table["repeat"].max()) + 1
    return pd.Series({(r, k): noted[part_name(r, k, num_repeats)]["size"] for r, k in folds.jobs})
