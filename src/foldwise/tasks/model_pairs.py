"""The tests of all pairs of models of one data set."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from foldwise.metrics.estimates import Resampling
from foldwise.metrics.paired_tests import (
    DecisionTest,
    PairedTest,
    corrected_resampled_t,
    mcnemar,
)
from foldwise.seeds import numpy_generator
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.paired_scores import NUMBER_METRICS, ClassPart, Part, pair_differences

Basis = Literal["folds", "samples"]  # what the test of a difference takes for repetitions


def fold_differences(of_folds: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the difference of each pair in each fold: a later model less an earlier one."""
    names = list(of_folds)
    columns = ["model", "against", "repeat", "fold", "difference"]
    tables = [
        (of_folds[model] - of_folds[against])
        .rename("difference")
        .reset_index()
        .assign(model=model, against=against)
        for i, against in enumerate(names)
        for model in names[i + 1 :]
    ]
    return (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)
    )


def pair_tests(
    parts: dict[str, dict[str, Part]],
    pair_folds: pd.DataFrame,
    basis: Basis,
    ratio: float,
    metric: str,
    confidence: float,
    resampling: Resampling,
) -> pd.DataFrame:
    """Return one row per pair; p-values are not adjusted yet.

    Args:
        parts: Model -> part -> rows.
        pair_folds: What `fold_differences` returns.
        basis: What counts as repetitions.
        ratio: n_test / n_train of a fold.
        metric: That is compared.
        confidence: Of the limits of differences.
        resampling: Number of resamples and seed.
    """
    names = list(parts)
    if len(names) == 1:
        return pd.DataFrame(columns=["model", "against", "p_value", "p_holm", "is_significant"])
    pooled = {
        part: {
            (names[first], names[second]): test
            for first, second, test in pair_differences(
                [parts[name][part] for name in names],
                metric,
                resampling.num_resamples,
                confidence,
                numpy_generator(resampling.seed, "pairs", part),
            )
        }
        for part in parts[names[0]]
    }
    by_pair = dict(tuple(pair_folds.groupby(["against", "model"], sort=False)))
    records = []
    for against, model in pooled["oof"]:
        if basis == "folds":
            values = by_pair[against, model]["difference"].to_numpy(np.float64)
            judged = _within(corrected_resampled_t(values, ratio, confidence), metric)
        else:
            judged = pooled["oof"][against, model]
        of_parts = {part: tests[against, model] for part, tests in pooled.items()}
        decisions = _decisions(parts[model]["oof"], parts[against]["oof"])
        records.append(_pair(model, against, judged, of_parts, decisions))
    return pd.DataFrame(records)


def _within(test: PairedTest, metric: str) -> PairedTest:
    """Keep the limits of a difference of scores within what a difference can be."""
    if metric in NUMBER_METRICS:
        return test
    return test._replace(low=max(test.low, -1.0), high=min(test.high, 1.0))


def _pair(
    model: str,
    against: str,
    judged: PairedTest,
    of_parts: dict[str, PairedTest],
    decisions: DecisionTest | None,
) -> dict[str, Any]:
    """Return one row: the test that counts, the pooled differences, and McNemar's test."""
    record: dict[str, Any] = {"model": model, "against": against, **judged._asdict()}
    record |= {"p_holm": np.nan, "is_significant": False}
    for part, name in (("oof", "pooled"), ("test", "test")):
        if part in of_parts:
            found = of_parts[part]._asdict()
            wanted = ("difference", "low", "high", "p_value")
            record |= {f"{name}_{key}": found[key] for key in wanted}
    if decisions is not None:
        record |= {
            "only_model_right": decisions.num_only_first,
            "only_against_right": decisions.num_only_second,
            "mcnemar_p": decisions.p_value,
            "mcnemar_p_holm": np.nan,
            "mcnemar_method": decisions.method,
        }
    return record


def _decisions(model: Part, against: Part) -> DecisionTest | None:
    """Test the decisions of a pair; None for numbers. Repeats are averaged within a sample."""
    if not isinstance(model, ClassPart) or not isinstance(against, ClassPart):
        return None
    ids = np.unique(model.rows.ids)
    units = independent_units(ids, model.units)
    return mcnemar(model.is_right, against.is_right, units)
