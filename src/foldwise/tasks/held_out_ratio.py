"""How many samples a fold holds out for each one that it trains on."""

import pandas as pd


def held_out_ratio(predictions: pd.DataFrame, training: pd.Series | None) -> float:
    """Return n_test / n_train, the mean over the folds.

    Args:
        predictions: The rows of their part "oof" tell what each fold holds out.
        training: The size of each training part, inner part included, by repeat and fold. Without
            it that is all others of a repeat, which is wrong only of folds in time, whose
            training parts are smaller.
    """
    oof = predictions[predictions["part"] == "oof"]
    held_out = oof.groupby(["repeat", "fold"])["sample_id"].nunique()
    if training is not None:
        return float((held_out / training.reindex(held_out.index)).mean())
    others = held_out.groupby(level="repeat").transform("sum") - held_out
    return float((held_out / others.where(others > 0)).mean()) if (others > 0).any() else 0.0
