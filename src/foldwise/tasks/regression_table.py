"""The predictions table of a regression: what it has to hold, and its parts as arrays.

One row per sample and step ahead. S: samples, H: steps, Q: quantiles.
"""

import itertools
import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.regression_intervals import Outcomes
from foldwise.tasks.predictions_table import (
    PARTS,
    PROBABILITY_PREFIX,
    PredictionsError,
    refuse_incomplete,
    refuse_rows,
)

REQUIRED_COLUMNS = ("sample_id", "repeat", "fold", "part", "step", "target", "prediction")
QUANTILE_PREFIX = "q_"
_LEVEL = re.compile(rf"^{QUANTILE_PREFIX}(0?\.\d+)$")
_TOLERANCE = 1e-6  # by which quantiles may cross, relative to their size; rounding stays within it

Scales = dict[tuple[int, int], float]  # (repeat, fold) -> scale of MASE


class RegressionRows(NamedTuple):
    """Predictions of one part, sorted, as arrays."""

    ids: npt.NDArray[np.object_]  # (S,) sample ids
    outcomes: Outcomes


class RegressionColumns(NamedTuple):
    """What a table tells of each sample."""

    num_steps: int  # H
    levels: tuple[float, ...]  # of the quantiles, rising; none: points only

    @property
    def quantiles(self) -> list[str]:
        """The names of the quantile columns."""
        return [quantile_column(level) for level in self.levels]


def is_regression(predictions: pd.DataFrame) -> bool:
    """Tell whether a predictions table is of numbers: it has no column `p_<class>`."""
    is_probability = [str(name).startswith(PROBABILITY_PREFIX) for name in predictions.columns]
    return "prediction" in predictions.columns and not any(is_probability)


def quantile_column(level: float) -> str:
    """Return the name of the column of a quantile.

    >>> quantile_column(0.05)
    'q_0.05'
    """
    return f"{QUANTILE_PREFIX}{level:g}"


def check_regression_predictions(predictions: pd.DataFrame) -> RegressionColumns:
    """Check a predictions table and return its steps and quantiles.

    Raises:
        PredictionsError: It names the column and the row, what was found and what is allowed.
    """
    levels = _check_columns(predictions)
    _check_values(predictions, levels)
    _check_identity(predictions)
    return RegressionColumns(int(predictions["step"].max()), levels)


def pooled(
    table: pd.DataFrame, columns: RegressionColumns, scales: Scales | None = None
) -> RegressionRows:
    """Return all out-of-fold predictions; with several repeats, a sample stands in each."""
    rows = table[table["part"] == "oof"]
    return regression_rows(rows.sort_values(["repeat", "sample_id", "step"]), columns, scales)


def ensemble(
    table: pd.DataFrame, columns: RegressionColumns, scales: Scales | None = None
) -> RegressionRows:
    """Average predictions, quantiles and scales of the models for each held-out sample."""
    rows = table[table["part"] == "test"].sort_values(["repeat", "fold", "sample_id", "step"])
    num_models = len(rows[["repeat", "fold"]].drop_duplicates())
    ids, outcomes = regression_rows(rows, columns, scales)
    size = len(ids) // num_models

    def averaged(values: Array) -> Array:
        return np.asarray(values.reshape(num_models, size, *values.shape[1:]).mean(axis=0))

    return RegressionRows(
        ids[:size],
        outcomes._replace(
            target=outcomes.target[:size],
            prediction=averaged(outcomes.prediction),
            quantiles=averaged(outcomes.quantiles),
            scale=None if outcomes.scale is None else averaged(outcomes.scale),
        ),
    )


def regression_rows(
    rows: pd.DataFrame, columns: RegressionColumns, scales: Scales | None = None
) -> RegressionRows:
    """Return rows of the table as arrays, in their order: the steps of a sample in sequence."""
    num_steps = columns.num_steps
    first = rows.iloc[::num_steps]
    scale = None
    if scales is not None:
        models = zip(first["repeat"], first["fold"], strict=True)
        scale = np.array([scales[int(repeat), int(fold)] for repeat, fold in models])
    quantiles = rows[columns.quantiles].to_numpy(dtype=np.float64)
    return RegressionRows(
        first["sample_id"].to_numpy(dtype=object),
        Outcomes(
            rows["target"].to_numpy(dtype=np.float64).reshape(-1, num_steps),
            rows["prediction"].to_numpy(dtype=np.float64).reshape(-1, num_steps),
            quantiles.reshape(len(first), num_steps, len(columns.levels)),
            np.array(columns.levels),
            scale,
        ),
    )


def _check_columns(predictions: pd.DataFrame) -> tuple[float, ...]:
    missing = [name for name in REQUIRED_COLUMNS if name not in predictions.columns]
    if missing:
        raise PredictionsError(
            f"The predictions table lacks the column(s) {', '.join(missing)}. Of a regression it "
            f"has to have {', '.join(REQUIRED_COLUMNS)}, and {QUANTILE_PREFIX}<level> for each "
            "quantile, if there are any."
        )
    names = [str(name) for name in predictions.columns]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise PredictionsError(f"The predictions table has the column {repeated!r} twice.")
    levels = []
    for name in names:
        if name.startswith(QUANTILE_PREFIX):
            found = _LEVEL.match(name)
            if not found or quantile_column(float(found[1])) != name or float(found[1]) == 0:
                raise PredictionsError(
                    f"Column {name!r} of the predictions table names no quantile: expected is "
                    f"{QUANTILE_PREFIX}<level> with a level between 0 and 1, such as 'q_0.05'."
                )
            levels.append(float(found[1]))
    return tuple(sorted(levels))


def _check_values(predictions: pd.DataFrame, levels: tuple[float, ...]) -> None:
    for name in ("sample_id", "repeat", "fold", "part", "step"):
        refuse_rows(predictions, predictions[name].isna(), f"column {name!r} is empty")
    part = predictions["part"]
    refuse_rows(predictions, ~part.isin(list(PARTS)), "column 'part' is neither 'oof' nor 'test'")
    if not (part == "oof").any():
        raise PredictionsError("The predictions table has no row of part 'oof'.")
    quantiles = [quantile_column(level) for level in levels]
    for name in ("step", "target", "prediction", *quantiles):
        values = predictions[name]
        is_number = pd.api.types.is_numeric_dtype(values)
        if not is_number or pd.api.types.is_bool_dtype(values):
            raise PredictionsError(f"Column {name!r} of the predictions table holds no numbers.")
        finite = np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan))
        bad = pd.Series(~finite, index=predictions.index)
        refuse_rows(predictions, bad, f"column {name!r} is not a finite number")
    steps = predictions["step"]
    refuse_rows(
        predictions, (steps < 1) | (steps % 1 != 0), "column 'step' is none of 1, 2, 3, ..."
    )
    for lower, upper in itertools.pairwise(quantiles):
        low, high = predictions[lower], predictions[upper]
        slack = _TOLERANCE * (low.abs() + high.abs())
        crossed = low - high > slack
        refuse_rows(predictions, crossed, f"quantiles cross, column {lower!r} is above {upper!r}")


def _check_identity(predictions: pd.DataFrame) -> None:
    oof = predictions[predictions["part"] == "oof"]
    test = predictions[predictions["part"] == "test"]
    repeated = oof.duplicated(["repeat", "sample_id", "step"])
    refuse_rows(oof, repeated, "the sample and step stand twice in one repeat of part 'oof'")
    repeated = test.duplicated(["repeat", "fold", "sample_id", "step"])
    refuse_rows(test, repeated, "the sample and step stand twice for one model in part 'test'")
    both = test["sample_id"].isin(oof["sample_id"])
    refuse_rows(test, both, "the sample stands in part 'test' and in part 'oof', a leak")
    of_step = predictions.groupby(["sample_id", "step"], sort=False)["target"]
    targets = of_step.transform("nunique")
    refuse_rows(predictions, targets > 1, "the sample has more than one target of this step")
    owner = ["part", "repeat", "fold", "sample_id"]
    num_steps = int(predictions["step"].max())
    found = predictions.groupby(owner, sort=False)["step"].transform("size")
    wanted = f"the sample lacks some of the steps 1 to {num_steps} of this model"
    refuse_rows(predictions, found < num_steps, wanted)
    refuse_incomplete(oof, ["repeat"], "repeats predict")
    refuse_incomplete(test, ["repeat", "fold"], "models predict")
