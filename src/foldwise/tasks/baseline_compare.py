"""A network beside simple models: the same rows, the same metric, paired differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.metrics.estimates import Estimate, Resampling
from foldwise.metrics.paired_tests import PairedTest, corrected_resampled_t, holm
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.baseline_config import BaselineConfig
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.metric_choice import LOWER_IS_BETTER, chosen_metric
from foldwise.tasks.paired_scores import (
    CLASS_METRICS,
    NUMBER_METRICS,
    Part,
    fold_scores,
    pair_differences,
    parts_of,
)
from foldwise.tasks.predictions_table import PredictionsError
from foldwise.tasks.regression_table import is_regression

NETWORK = "network"
Basis = Literal["folds", "samples"]  # what the test of a difference takes for repetitions

_NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class BaselineComparison:
    """The scores of a network and of the baselines, and how the network differs from each."""

    metric: str
    alpha: float
    basis: Basis
    # One row per model, the network first: model, value, low, high of the metric out of fold and
    # test_value, test_low, test_high; other metrics; difference of the network to the baseline
    # with its limits, p_value, p_holm, is_significant; note
    table: pd.DataFrame
    pairs: pd.DataFrame  # model, repeat, fold, difference
    left_out: dict[str, str]  # model -> why
    is_enabled: bool

    @property
    def baselines(self) -> pd.DataFrame:
        """The rows of the baselines."""
        return self.table[self.table["model"] != NETWORK]

    @property
    def best(self) -> str | None:
        """The baseline with the best out-of-fold score, the first of equal ones, if any."""
        values = self.baselines.set_index("model")["value"].astype("float64").dropna()
        if values.empty:
            return None
        return str(values.idxmin() if self.lower_is_better else values.idxmax())

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is an error."""
        return self.metric in LOWER_IS_BETTER

    def row(self, model: str) -> dict[str, Any]:
        """Return the row of one model."""
        found = self.table[self.table["model"] == model].to_dict("records")[0]
        return {str(name): value for name, value in found.items()}


def compare_with_baselines(
    predictions: pd.DataFrame,
    baseline_predictions: pd.DataFrame,
    fits: pd.DataFrame,
    folds: Folds,
    config: BaselineConfig,
) -> BaselineComparison:
    """Score a network and the baselines, and test their differences.

    Over several folds a difference is tested by the corrected resampled t-test (Nadeau and
    Bengio); with one fold by a paired bootstrap over its samples. p-values are adjusted together
    (Holm).

    Args:
        predictions: The predictions table of the network.
        baseline_predictions: That of the baselines, with the column `model` in front.
        fits: How each baseline was fitted in each fold.
        folds: Their units are drawn together by the bootstrap.
        config: The metric and the level.

    Raises:
        MetricError: The metric is not one of such predictions.
        PredictionsError: A table is wrong, or a baseline predicts other samples.
    """
    metric = chosen_metric(config.metric, "baseline.metric", of_numbers=is_regression(predictions))
    resampling = Resampling(1 - config.alpha, _NUM_RESAMPLES, derive_seed(config.seed, "compare"))
    tables = {NETWORK: predictions}
    for name, rows in baseline_predictions.groupby("model", sort=False):
        tables[str(name)] = rows.drop(columns="model").reset_index(drop=True)
    parts = {name: parts_of(table, folds.units) for name, table in tables.items()}
    _require_same_rows(parts)
    records = [_scores(name, of_model, resampling, metric) for name, of_model in parts.items()]
    pairs = _pairs({name: fold_scores(table, metric) for name, table in tables.items()})
    num_folds = len(
        predictions.loc[predictions["part"] == "oof", ["repeat", "fold"]].value_counts()
    )
    basis: Basis = "folds" if num_folds > 1 else "samples"
    ratio = held_out_ratio(predictions, fits.groupby(["repeat", "fold"])["num_training"].first())
    tests = [
        corrected_resampled_t(
            pairs.loc[pairs["model"] == name, "difference"].to_numpy(np.float64),
            ratio,
            resampling.confidence,
        )
        if basis == "folds"
        else _over_samples(parts, name, metric, resampling)
        for name in list(tables)[1:]
    ]
    return BaselineComparison(
        metric=metric,
        alpha=config.alpha,
        basis=basis,
        table=_table(records, tests, config.alpha, fits),
        pairs=pairs,
        left_out=_left_out(fits),
        is_enabled=config.enabled,
    )


def _require_same_rows(parts: dict[str, dict[str, Part]]) -> None:
    """Raise unless all baselines predict the samples of the network.

    Raises:
        PredictionsError: It names the baseline.
    """
    network = {part: rows.ids for part, rows in parts[NETWORK].items()}
    for name, of_model in parts.items():
        if {part: rows.ids for part, rows in of_model.items()} != network:
            raise PredictionsError(
                f"The baseline {name!r} predicts other samples than the network: run the stages "
                "'train' and 'baseline' again, on the same folds."
            )


def _scores(
    name: str, parts: dict[str, Part], resampling: Resampling, metric: str
) -> dict[str, Any]:
    """Return the scores of one model as a row."""
    record: dict[str, Any] = {"model": name}
    found = {part: rows.estimates(resampling) for part, rows in parts.items()}
    for part, prefix in (("oof", ""), ("test", "test_")):
        if part in found:
            record |= _limits(found[part][metric], prefix)
    names = NUMBER_METRICS if metric in NUMBER_METRICS else CLASS_METRICS
    record |= {f"oof_{other}": found["oof"][other].value for other in names}
    return record


def _limits(found: Estimate, prefix: str) -> dict[str, float]:
    return {f"{prefix}{name}": getattr(found, name) for name in ("value", "low", "high")}


def _pairs(scores: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the difference of the network to each baseline in each fold."""
    tables = [
        (scores[NETWORK] - of_model).rename("difference").reset_index().assign(model=name)
        for name, of_model in scores.items()
        if name != NETWORK
    ]
    columns = ["model", "repeat", "fold", "difference"]
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def _over_samples(
    parts: dict[str, dict[str, Part]], name: str, metric: str, resampling: Resampling
) -> PairedTest:
    both = [parts[name]["oof"], parts[NETWORK]["oof"]]
    rng = numpy_generator(resampling.seed, "pairs")
    ((_, _, found),) = pair_differences(
        both, metric, resampling.num_resamples, resampling.confidence, rng
    )
    return found


def _table(
    records: Sequence[dict[str, Any]],
    tests: Sequence[PairedTest],
    alpha: float,
    fits: pd.DataFrame,
) -> pd.DataFrame:
    adjusted = holm(np.array([test.p_value for test in tests], dtype=np.float64))
    rows = [{**records[0], "note": ""}]
    for record, test, p_holm in zip(records[1:], tests, adjusted, strict=True):
        rows.append(
            {
                **record,
                "difference": test.difference,
                "difference_low": test.low,
                "difference_high": test.high,
                "p_value": test.p_value,
                "p_holm": float(p_holm),
                "is_significant": bool(p_holm <= alpha),  # NaN is not
                "note": _note(fits, record["model"]),
            }
        )
    return pd.DataFrame(rows)


def _note(fits: pd.DataFrame, model: str) -> str:
    notes = fits.loc[fits["model"] == model, "note"]
    return "; ".join(dict.fromkeys(str(note) for note in notes if isinstance(note, str) and note))


def _left_out(fits: pd.DataFrame) -> dict[str, str]:
    failed = fits[~fits["is_fitted"].astype(bool)].drop_duplicates("model")
    return {str(row["model"]): str(row["note"]) for row in failed.to_dict("records")}
