"""The audit of a split: what must not stand on both sides of it."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.config import Config
from foldwise.errors import UserError

Severity = Literal["error", "warn", "info"]

_SHOWN = 5  # offenders named in a message


class Finding(Config):
    """One thing that the audit found."""

    check: str
    severity: Severity
    message: str
    sample_ids: tuple[tuple[str, ...], ...] = ()  # the samples concerned, set by set


class LeakError(UserError):
    """The same content or group stands on both sides of a split."""


def find_leaks(
    rows: pd.DataFrame, part: npt.NDArray[np.int64], on_leak: Literal["error", "group", "warn"]
) -> list[Finding]:
    """Check that neither equal contents nor a group stand in two parts.

    Args:
        rows: Columns `sample_id`, `group`, `sha256`.
        part: The part of each row, shape (N,); the parts are compared with each other.
        on_leak: `warn` returns a leak as a finding; `error` and `group` raise.

    Raises:
        LeakError: It names the checks and the rows.
    """
    found = [
        _across_parts(rows, part, "sha256", "exact_duplicates", "samples of equal content"),
        _across_parts(rows, part, "group", "group_overlap", "one group's samples"),
    ]
    leaks = [finding for finding in found if finding is not None]
    if leaks and on_leak != "warn":
        hint = "" if on_leak == "group" else " Use split.on_leak=group to keep them on one side."
        raise LeakError("The split leaks. " + " ".join(f.message for f in leaks) + hint)
    return leaks


def find_label_conflicts(rows: pd.DataFrame) -> list[Finding]:
    """Find samples of equal content that carry different labels."""
    labels = rows.groupby("sha256")["label"].transform("nunique")
    sets = _sets(rows[labels > 1], "sha256")
    if not sets:
        return []
    message = f"{len(sets)} sets of samples have equal content but different labels{_some(sets)}."
    return [Finding(check="label_conflict", severity="warn", message=message, sample_ids=sets)]


def tie_together(rows: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.int64]:
    """Number the units: rows that share a value in any of `columns`, directly or by a chain.

    A missing value ties nothing. Returns shape (N,), numbered from 0 in order of appearance.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(rows)
    heads, tails = [], []
    for column in columns:
        codes = pd.factorize(rows[column])[0]
        known = np.flatnonzero(codes >= 0)
        if len(known):
            first = np.unique(codes[known], return_index=True)[1]
            heads.append(known)
            tails.append(known[first][codes[known]])
    if not heads:
        return np.arange(size, dtype=np.int64)
    head, tail = np.concatenate(heads), np.concatenate(tails)
    graph = coo_array((np.ones(len(head), dtype=np.int8), (head, tail)), shape=(size, size))
    _, units = connected_components(graph, directed=False)
    return units.astype(np.int64)


def _across_parts(
    rows: pd.DataFrame, part: npt.NDArray[np.int64], column: str, check: str, what: str
) -> Finding | None:
    parts = pd.Series(part, index=rows.index).groupby(rows[column]).transform("nunique")
    sets = _sets(rows[(parts > 1).reindex(rows.index, fill_value=False)], column)
    if not sets:
        return None
    message = f"{len(sets)} times {what} stand in more than one part{_some(sets)}."
    return Finding(check=check, severity="error", message=message, sample_ids=sets)


def _sets(rows: pd.DataFrame, column: str) -> tuple[tuple[str, ...], ...]:
    sets = rows.groupby(column)["sample_id"].apply(lambda ids: tuple(sorted(ids)))
    return tuple(sorted(sets))


def _some(sets: tuple[tuple[str, ...], ...]) -> str:
    shown = "; ".join(" = ".join(ids[:_SHOWN]) for ids in sets[:_SHOWN])
    more = f"; and {len(sets) - _SHOWN} more" if len(sets) > _SHOWN else ""
    return f" ({shown}{more})"
