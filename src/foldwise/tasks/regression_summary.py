"""The main scores of a regression in words and numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from foldwise.metrics.paired_tests import corrected_resampled_t
from foldwise.metrics.regression import HIGHER_IS_BETTER
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.predictions_table import PredictionsError

_HEADLINES = ("mae", "rmse", "r2", "mase", "smape", "bias", "pinball")


def regression_headlines(evaluation: RegressionEvaluation) -> list[str]:
    """Return the names of the metrics that a summary shows, in order."""
    known = [name for name, entry in evaluation.metrics["oof"].items() if isinstance(entry, dict)]
    names = [name for name in _HEADLINES if name in known]
    return names + [name for name in known if name.startswith("coverage_")]


def show_number(value: float | None, digits: int = 4) -> str:
    """Return a number of any size with so many significant digits, or `undefined`.

    >>> show_number(0.123456), show_number(-1234.5678, 2), show_number(123456789.0)
    ('0.1235', '-1235', '1.235e+08')
    """
    if value is None or not np.isfinite(value):
        return "undefined"
    return f"{value:.0f}" if 1000 <= abs(value) < 1_000_000 else f"{value:.{digits}g}"


def show_interval(entry: Mapping[str, Any], prefix: str = "", digits: int = 4) -> str:
    """Return the limits of a metric, or nothing.

    >>> show_interval({"low": -0.5, "high": 2.25})
    '-0.5 to 2.25'
    """
    low, high = entry.get(f"{prefix}low"), entry.get(f"{prefix}high")
    if low is None or high is None or not np.isfinite([low, high]).all():
        return ""
    return f"{show_number(low, digits)} to {show_number(high, digits)}"


def show_entry(entry: Mapping[str, Any], digits: int = 4) -> str:
    """Return a metric with its interval, or `undefined`.

    >>> show_entry({"value": 1.5, "low": 1.25, "high": 1.75})
    '1.5 (1.25 to 1.75)'
    """
    value, limits = show_number(entry["value"], digits), show_interval(entry, digits=digits)
    return f"{value} ({limits})" if limits else value


def show_spread(mean: float | None, deviation: float | None, digits: int = 4) -> str:
    """Return mean and standard deviation, or a dash.

    >>> show_spread(12.3456, 0.512), show_spread(None, None)
    ('12.35 ± 0.51', '-')
    """
    if mean is None:
        return "-"
    shown = show_number(mean, digits)
    if deviation is None:
        return shown
    is_rounding = deviation < 1e-12 * abs(mean)
    return f"{shown} ± {show_number(0.0 if is_rounding else deviation, 2)}"


def verdict(
    model: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    name: str = "the naive forecast",
    metric: str = "mae",
    test_to_train: float = 0.0,
    confidence: float = 0.95,
) -> str:
    """Say in a sentence whether a model beats a reference, by their paired fold differences.

    The test is Nadeau and Bengio's corrected resampled t-test over (repeat, fold).

    Args:
        model: Columns `repeat`, `fold` and the metric, one row per fold.
        reference: The same of the reference.
        name: What the reference is called.
        metric: Which column; for all but R2 less is better.
        test_to_train: n_test / n_train of a fold.
        confidence: What a difference has to be sure by to count.

    Raises:
        PredictionsError: The two have no fold in common.
    """
    key = ["repeat", "fold"]
    pairs = model[[*key, metric]].merge(reference[[*key, metric]], on=key, suffixes=("", "_other"))
    if pairs.empty:
        raise PredictionsError(f"The model and {name} were scored on no fold in common.")
    ours = pairs[metric].to_numpy(dtype=np.float64)
    theirs = pairs[f"{metric}_other"].to_numpy(dtype=np.float64)
    label = metric_label(metric)
    test = corrected_resampled_t(ours - theirs, test_to_train, confidence)
    if not np.isfinite(test.difference):
        return f"Whether the model beats {name} cannot be said: {label} is undefined."
    means = f"{label} {show_number(ours.mean())} against {show_number(theirs.mean())}"
    gain = test.difference if metric in HIGHER_IS_BETTER else -test.difference
    if test.num_pairs == 1:
        word = "is better than" if gain > 0 else "does not beat"
        return f"On the only fold the model {word} {name}, which is no test: {means}."
    limits = f"{show_number(test.low)} to {show_number(test.high)}"
    found = (
        f"{means}, a difference of {show_number(test.difference)} ({confidence:.0%}: {limits}) "
        f"over {test.num_pairs} folds"
    )
    is_clear = test.low > 0 or test.high < 0
    if gain > 0 and is_clear:
        return f"The model beats {name}: {found}."
    if gain < 0 and is_clear:
        return f"The model does not beat {name}, it is worse: {found}."
    return f"The model does not beat {name} beyond chance: {found}."
