"""The spread of a metric over folds, or over models that scored the same samples."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.fold_intervals import fold_deviation, fold_interval, fold_mean
from foldwise.tasks.json_number import json_number
from foldwise.tasks.metric_label import metric_label


def fold_spread(
    models: pd.DataFrame,
    name: str,
    confidence: float,
    interval: Callable[[Array, float], tuple[float, float] | None] = fold_interval,
) -> dict[str, float | None]:
    """Return mean, deviation and limits of a metric over the folds.

    Args:
        models: Columns `repeat, fold` and the metric.
        name: The metric.
        confidence: Of the limits.
        interval: From values (repeats, folds) and confidence to the limits of their mean.
    """
    values = models.pivot(index="repeat", columns="fold", values=name).to_numpy(dtype=np.float64)
    limits = interval(values, confidence)
    return {
        "fold_mean": json_number(fold_mean(values)),
        "fold_std": json_number(fold_deviation(values)),
        "fold_low": None if limits is None else limits[0],
        "fold_high": None if limits is None else limits[1],
    }


def single_models(models: pd.DataFrame, name: str) -> dict[str, float | None]:
    """Return mean and deviation of a metric over models that scored the same samples."""
    values = models[name].to_numpy(dtype=np.float64)[None]
    return {
        "single_model_mean": json_number(fold_mean(values)),
        "single_model_std": json_number(fold_deviation(values)),
    }


def undefined_mean_notes(models: pd.DataFrame) -> list[str]:
    """Say of which metrics the mean over folds leaves some out; one row for each fold."""
    undefined = models.isna().sum()
    # Where a metric is undefined in all folds its mean is null, which needs no words.
    partly = undefined[(undefined > 0) & (undefined < len(models))]
    if partly.empty:
        return []
    names = ", ".join(metric_label(str(name)) for name in partly.index)
    return [
        f"The fold means of {names} leave out up to {int(partly.max())} of {len(models)} "
        "folds, in which they are undefined."
    ]
