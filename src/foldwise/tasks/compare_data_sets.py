"""The same methods on several data sets: ranks and signed ranks.

Source: Demsar, J. (2006). Statistical comparisons of classifiers over multiple data sets. JMLR 7.
D: data sets, M: methods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from foldwise.metrics.paired_tests import average_ranks, holm, wilcoxon_over_data_sets


@dataclass(frozen=True)
class OverDataSets:
    """How methods compare over data sets, each of which counts once."""

    scores: pd.DataFrame  # (D, M), mean scores, indexed by data set
    ranks: pd.Series  # average rank of each method, 1 is the best
    ranks_p: float  # that the ranks differ at all (Friedman, Iman and Davenport); NaN: no test
    pairs: pd.DataFrame  # model, against, mean and median difference, p_value, p_holm, ...
    notes: tuple[str, ...]


def over_data_sets(
    means: Mapping[str, Mapping[str, float]], *, lower_is_better: bool, alpha: float
) -> OverDataSets | None:
    """Compare methods over data sets; None where there is one data set alone.

    Methods that lack a data set, or are undefined on one, are left out and named.

    Args:
        means: Data set -> method -> mean score over its folds.
        lower_is_better: Whether the score is an error.
        alpha: Of the family of tests.
    """
    if len(means) < 2:
        return None
    table = pd.DataFrame({name: dict(scores) for name, scores in means.items()}).T
    complete = table.dropna(axis=1)
    left_out = [str(name) for name in table.columns if name not in complete]
    notes = []
    if left_out:
        notes.append(
            f"Left out of the comparison over data sets, for want of one or more of them: "
            f"{', '.join(left_out)}."
        )
    if complete.shape[1] < 2:
        notes.append(
            "No two models are there on all data sets: there is nothing to compare over them."
        )
        return OverDataSets(
            complete, pd.Series(dtype="float64"), float("nan"), pd.DataFrame(), tuple(notes)
        )
    sign = -1.0 if lower_is_better else 1.0
    found = average_ranks(sign * complete.to_numpy(np.float64))
    pairs = _pairs(complete, alpha)
    least = float(pairs["least_p"].iloc[0])
    if least > alpha:
        notes.append(
            f"With {len(complete)} data sets the smallest p-value of a signed-rank test is "
            f"{least:.3g}: no difference can be shown at {alpha:g}, whatever the scores."
        )
    ranks = pd.Series(found.average, index=complete.columns)
    return OverDataSets(complete, ranks, found.p_value, pairs, tuple(notes))


def _pairs(scores: pd.DataFrame, alpha: float) -> pd.DataFrame:
    records = []
    for against, model in combinations(scores.columns, 2):
        test = wilcoxon_over_data_sets((scores[model] - scores[against]).to_numpy(np.float64))
        records.append({"model": model, "against": against, **test._asdict()})
    table = pd.DataFrame(records)
    table["p_holm"] = holm(table["p_value"].to_numpy(np.float64))
    table["is_significant"] = table["p_holm"] <= alpha
    return table
