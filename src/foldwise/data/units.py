"""Ties: what a split must not separate.

Samples are tied by a group of the user's, by equal or nearly equal content, or because they are
overlapping windows of one series. A *unit* is all samples that ties join, directly or by a chain.

N: samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.split_config import SplitError
from foldwise.data.time_steps import Spans, overlapping_windows

Codes = npt.NDArray[np.int64]

GROUP, EXACT = "group_overlap", "exact_duplicates"
NEAR, WINDOWS = "near_duplicates", "overlapping_windows"


@dataclass(frozen=True)
class Tie:
    """One reason for which samples belong together."""

    check: str  # GROUP, EXACT, NEAR or WINDOWS: the name of the finding where it is cut
    what: str  # for people
    codes: Codes  # (N,), equal numbers are tied; -1 is tied to nothing


def find_ties(
    rows: pd.DataFrame, duplicates: pd.DataFrame | None, spans: Spans | None
) -> dict[str, Tie]:
    """Return the ties of the samples by the name of their check.

    Args:
        rows: Columns `sample_id`, `sha256`, and as far as there are any `group`, `series`.
        duplicates: Columns `sample_id`, `near` (set numbers): what the audit found; None takes
            equal `sha256`, which are the exact ones in any case, for the only duplicates.
        spans: When the samples take place, if they are windows of series.

    Raises:
        SplitError: `duplicates` names samples that there are not.
    """
    ties = [Tie(EXACT, "samples of equal content", _factorize(rows["sha256"]))]
    if "group" in rows:
        ties.append(Tie(GROUP, "one group's samples", _factorize(rows["group"])))
    if duplicates is not None and len(duplicates):
        found = _of_rows(duplicates, rows["sample_id"])
        ties.append(Tie(NEAR, "near duplicates", _factorize(found)))
    if spans is not None:
        codes = overlapping_windows(rows, spans)
        ties.append(Tie(WINDOWS, "overlapping windows of one series", codes))
    return {tie.check: tie for tie in ties}


def connect(ties: Sequence[Codes], size: int) -> Codes:
    """Number the units, (N,): rows of equal code in any of `ties`, directly or by a chain.

    Args:
        ties: Codes of shape (N,) each; -1 ties nothing.
        size: N.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    heads, tails = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for codes in ties:
        known = np.flatnonzero(codes >= 0)
        if len(known):
            distinct, first, place = np.unique(
                codes[known], return_index=True, return_inverse=True
            )
            if len(distinct) < len(known):
                heads.append(known)
                tails.append(known[first][place])
    head, tail = np.concatenate(heads), np.concatenate(tails)
    if not len(head):
        return np.arange(size, dtype=np.int64)
    graph = coo_array((np.ones(len(head), dtype=np.int8), (head, tail)), shape=(size, size))
    _, units = connected_components(graph, directed=False)
    return units.astype(np.int64)


def _factorize(values: pd.Series) -> Codes:
    return pd.factorize(values)[0].astype(np.int64)


def _of_rows(duplicates: pd.DataFrame, ids: pd.Series) -> pd.Series:
    """Return the set of near duplicates of each row, in the order of the rows, or none."""
    unknown = ~duplicates["sample_id"].isin(ids)
    if unknown.any():
        raise SplitError(
            f"The audit's table of duplicates names {int(unknown.sum())} samples that there are "
            f"not, for example {duplicates.loc[unknown, 'sample_id'].iloc[0]!r}. Run the stage "
            "'audit' again."
        )
    return duplicates.set_index("sample_id")["near"].reindex(pd.Index(ids))
