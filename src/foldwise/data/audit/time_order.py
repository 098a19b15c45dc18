"""Which windows share moments, and which official splits run against time.

A window of a `series` spans `time` to `time_end`, both included. Windows of different series share
no content, and neither do samples of no series: they may have any moments in common.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.check import Check, Subject, examples, has_column, one_by_one
from foldwise.data.findings import Finding
from foldwise.data.time_steps import windows

_MAX_PAIRS = 1000  # listed


def spans(table: pd.DataFrame) -> pd.DataFrame:
    """Return what the checks look at, ordered within each series.

    Columns: sample_id, series (one name where there is none), start, end, group, part; rows
    without a moment are left out.
    """
    start = table["time"]
    end = table.get("time_end", start)
    rows = pd.DataFrame(
        {
            "sample_id": table["sample_id"],
            "series": table["series"].fillna("") if "series" in table else "",
            "start": start,
            "end": end.fillna(start),
            "group": table["group"],
            "part": table["official_split"],
        }
    )
    rows = rows[rows["start"].notna()]
    return rows.sort_values(["series", "start", "end", "sample_id"], ignore_index=True)


def find_overlapping_windows(subject: Subject) -> list[Finding]:
    """Find windows that share moments and are not kept together by a group."""
    rows = spans(subject.table[windows(subject.table)])
    hit = _overlaps_earlier(rows) & ~_same_as_previous(rows, "group")
    if not hit.any():
        return []
    pairs = _pairs(rows, hit)
    return [
        Finding(
            check="overlapping_windows",
            severity="warn",
            message=f"{int(hit.sum())} of {len(rows)} windows share moments with an earlier one "
            f"of their series{examples(pairs)}.",
            advice="Random folds would put the same moments on both sides. Split by time, which "
            "leaves such windows out (split.scheme=time_expanding or time_rolling).",
            values={"count": int(hit.sum()), "share": float(hit.mean())},
            sample_ids=pairs,
        )
    ]


def _overlaps_earlier(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which windows start before an earlier one of their series has ended."""
    latest = rows.groupby("series")["end"].cummax().groupby(rows["series"]).shift()
    return np.asarray((rows["start"] <= latest).fillna(False), dtype=bool)


def _same_as_previous(rows: pd.DataFrame, column: str) -> npt.NDArray[np.bool_]:
    return np.asarray((rows[column] == rows[column].shift()).fillna(False), dtype=bool)


def _pairs(rows: pd.DataFrame, hit: npt.NDArray[np.bool_]) -> tuple[tuple[str, ...], ...]:
    ids = rows["sample_id"].tolist()
    return tuple((ids[i - 1], ids[i]) for i in np.flatnonzero(hit)[:_MAX_PAIRS])


def find_windows_across_split(subject: Subject) -> list[Finding]:
    """Find windows that share moments with a window on another side of the official split."""
    rows = spans(subject.table[windows(subject.table)])
    rows = rows[rows["part"].notna()].reset_index(drop=True)
    shared = _overlaps_other_part(rows)
    if not shared.any():
        return []
    count = int(shared.sum())
    return [
        Finding(
            check="windows_across_official_split",
            severity="error",
            message=f"{count} windows share moments with a window of another part of the official "
            "split.",
            advice="Leave the windows at the border out, or split by time anew with "
            "split.scheme=time_expanding.",
            values={"count": count},
            sample_ids=one_by_one(rows["sample_id"][shared]),
        )
    ]


def _overlaps_other_part(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Tell which windows start before an earlier one of their series and another part has ended.

    For each part apart, the latest end so far is carried along the series.
    """
    shared = np.zeros(len(rows), dtype=bool)
    for part in rows["part"].unique():
        own = (rows["part"] == part).to_numpy(dtype=bool)
        others = rows["end"].where(~own)
        carried = others.groupby(rows["series"]).cummax().groupby(rows["series"]).ffill()
        shared |= own & np.asarray((rows["start"] <= carried).fillna(False), dtype=bool)
    return shared


def find_split_against_time(subject: Subject) -> list[Finding]:
    """Find training samples that are later than the first test sample (of their series)."""
    rows = spans(subject.table)
    of_series = " of their series" if (rows["series"] != "").any() else ""
    tested = rows[rows["part"] == "test"].groupby("series")["start"].min()
    first_test = rows["series"].map(tested)
    late = ((rows["part"] == "train") & (rows["start"] > first_test)).to_numpy(dtype=bool)
    if not late.any():
        return []
    share = float(late.sum() / (rows["part"] == "train").sum())
    return [
        Finding(
            check="official_split_against_time",
            severity="warn",
            message=f"{int(late.sum())} training samples of the official split ({share:.0%}) are "
            f"later than the first test sample{of_series}.",
            advice="The score will tell how well the past is known from the future. Let the test "
            "part be the latest: split.test=time.",
            values={"count": int(late.sum()), "share": share},
            sample_ids=one_by_one(rows["sample_id"][late]),
        )
    ]


_HAS_TIME = has_column("time")


def _has_windows(subject: Subject) -> bool:
    return _HAS_TIME(subject) and bool(windows(subject.table).any())


def _has_split_and_windows(subject: Subject) -> bool:
    return _has_windows(subject) and has_column("official_split")(subject)


def _has_split_and_time(subject: Subject) -> bool:
    return _HAS_TIME(subject) and has_column("official_split")(subject)


CHECKS = (
    Check(
        "overlapping_windows",
        "windows that share moments, which random folds would separate",
        find_overlapping_windows,
        _has_windows,
    ),
    Check(
        "windows_across_official_split",
        "windows of two parts of the official split that share moments",
        find_windows_across_split,
        _has_split_and_windows,
    ),
    Check(
        "official_split_against_time",
        "training samples that are later than test samples",
        find_split_against_time,
        _has_split_and_time,
    ),
)
