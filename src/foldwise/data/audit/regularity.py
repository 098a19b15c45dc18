"""What is odd about the steps from one moment of a series to the next."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.check import Check, Subject, examples, has_column, one_by_one
from foldwise.data.audit.time_order import spans
from foldwise.data.findings import Finding

_MAX_SETS = 1000  # listed
_PANEL_SHARE = 0.5  # so many equal moments without a series are no series but a panel
_IRREGULAR_SHARE = 0.3  # of the steps; weekends make 0.2 of the steps of working days longer
_MIN_STEPS = 5


def find_repeated_times(subject: Subject) -> list[Finding]:
    """Find samples of one series that span the same moments."""
    rows = spans(subject.table)
    again = rows.duplicated(["series", "start", "end"], keep=False).to_numpy(dtype=bool)
    if not again.any() or _is_panel(rows):
        return []
    by_moment = rows[again].groupby(["series", "start", "end"])["sample_id"]
    sets = tuple(tuple(sorted(ids)) for _, ids in by_moment)
    return [
        Finding(
            check="repeated_times",
            severity="warn",
            message=f"{len(sets)} moments occur more than once within a series, in "
            f"{int(again.sum())} samples{examples(sets)}.",
            advice="If several things were observed at once, name the series they belong to; if "
            "rows were joined twice, drop the repeats.",
            values={"count": len(sets), "num_samples": int(again.sum())},
            sample_ids=sets[:_MAX_SETS],
        )
    ]


def _is_panel(rows: pd.DataFrame) -> bool:
    """Tell whether many things were observed at each moment, without a series that says which."""
    has_series = rows["series"].nunique() > 1 or rows["series"].iloc[0] != ""
    share = rows.duplicated(["start", "end"], keep=False).mean()
    return not has_series and bool(share > _PANEL_SHARE)


def find_irregular_times(subject: Subject) -> list[Finding]:
    """Find large gaps, and steps that are of no usual length."""
    rows = spans(subject.table)
    if _is_panel(rows):
        return []
    steps = _steps(rows)
    after = rows["sample_id"].to_numpy(dtype=object)[1:][np.isfinite(steps)]
    steps = steps[np.isfinite(steps)]
    steps, after = steps[steps > 0], after[steps > 0]
    if len(steps) < _MIN_STEPS:
        return []
    usual = float(np.median(steps))
    gaps = steps > subject.config.gap_factor * usual
    uneven = float((np.abs(steps - usual) > usual / 2).mean())
    if not gaps.any() and uneven <= _IRREGULAR_SHARE:
        return []
    largest = steps.max() / usual
    return [
        Finding(
            check="irregular_times",
            severity="info",
            message=f"{int(gaps.sum())} gaps are longer than {subject.config.gap_factor:g} usual "
            f"steps (the longest is {largest:.1f}), and {uneven:.0%} of the steps differ from the "
            "usual one by more than half.",
            advice="A network takes all steps to be equal: resample, or give it the time since "
            "the last one.",
            values={"gaps": int(gaps.sum()), "longest": float(largest), "uneven_share": uneven},
            sample_ids=one_by_one(after[gaps]),
        )
    ]


def _steps(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the time from each sample to the next of its series, NaN between two series."""
    start = rows["start"]
    if pd.api.types.is_datetime64_any_dtype(start):
        start = start.astype("datetime64[ns]").astype("int64")
    steps = np.diff(start.to_numpy(np.float64))
    steps[(rows["series"] != rows["series"].shift()).to_numpy(dtype=bool)[1:]] = np.nan
    return np.asarray(steps, dtype=np.float64)


CHECKS = (
    Check(
        "repeated_times",
        "moments that occur more than once in a series",
        find_repeated_times,
        has_column("time"),
    ),
    Check(
        "irregular_times",
        "large gaps and uneven steps between the moments of a series",
        find_irregular_times,
        has_column("time"),
    ),
)
