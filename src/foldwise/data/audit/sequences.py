"""Which series and texts say nothing: constant, full of gaps, too short, or cut off.

N: samples, T: time steps or tokens, F: channels.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import Check, Subject, chunks, is_modality, one_by_one
from foldwise.data.findings import Finding

_LONG_RUN = 0.2  # of a series' steps
_SHORTEST_RUN = 3  # steps; shorter gaps are easily bridged
_SHORT = 1  # steps or tokens
_CUT_COUNT = 5  # samples at least of the greatest length,
_CUT_FACTOR = 10  # so many times more than of each of the lengths just below it,
_CUT_REACH = 0.8  # which reach down to this share of it

Flags = npt.NDArray[np.bool_]
Lengths = npt.NDArray[np.int64]


def _series(subject: Subject) -> Iterator[tuple[npt.NDArray[np.float32], Flags]]:
    """Yield chunks of samples, (n, T, F), and which steps are within their lengths, (n, T)."""
    x, length = subject.samples.x, subject.samples.lengths
    steps = np.arange(x.shape[1])
    for part in chunks(x):
        yield x[part], steps < length[part, None]


def find_constant_series(subject: Subject) -> list[Finding]:
    """Find series that never change in any channel, or have no value at all."""
    constant = np.concatenate([_is_constant(x, inside) for x, inside in _series(subject)])
    constant &= subject.samples.lengths > _SHORT
    if not constant.any():
        return []
    return [
        Finding(
            check="constant_series",
            severity="warn",
            message=f"{int(constant.sum())} of {len(constant)} series never change.",
            advice="Remove them, or find out what stopped the recording.",
            values={"count": int(constant.sum())},
            sample_ids=one_by_one(subject.table["sample_id"][constant]),
        )
    ]


def _is_constant(x: npt.NDArray[np.float32], inside: Flags) -> Flags:
    known = inside[..., None] & ~np.isnan(x)
    highest = np.where(known, x, -np.inf).max(axis=1)
    lowest = np.where(known, x, np.inf).min(axis=1)
    return np.asarray((highest <= lowest).all(axis=1), dtype=bool)


def find_missing_runs(subject: Subject) -> list[Finding]:
    """Find series with a long gap in a channel."""
    longest = np.concatenate([_longest_run(x, inside) for x, inside in _series(subject)])
    total = np.maximum(subject.samples.lengths, 1)
    gap = (longest >= _SHORTEST_RUN) & (longest > _LONG_RUN * total)
    if not gap.any():
        return []
    return [
        Finding(
            check="missing_runs",
            severity="warn",
            message=f"{int(gap.sum())} of {len(gap)} series miss more than {_LONG_RUN:.0%} of "
            f"their steps in one run; the longest run has {int(longest.max())} steps.",
            advice="What fills so long a gap is invented: leave these series out, or tell the "
            "network where the gap is.",
            values={"count": int(gap.sum()), "longest": int(longest.max())},
            sample_ids=one_by_one(subject.table["sample_id"][gap]),
        )
    ]


def _longest_run(x: npt.NDArray[np.float32], inside: Flags) -> Lengths:
    """Return the longest run of missing steps in any channel, shape (n,)."""
    missing = np.isnan(x) & inside[..., None]
    longest = np.zeros(len(x), np.int64)
    if not missing.any():
        return longest
    run = np.zeros((len(x), x.shape[2]), np.int64)
    for step in range(x.shape[1]):
        run = np.where(missing[:, step], run + 1, 0)
        longest = np.maximum(longest, run.max(axis=1))
    return longest


def find_short_samples(subject: Subject) -> list[Finding]:
    """Find empty samples, and ones of a single step or token where the others have more."""
    length = subject.samples.lengths
    short = length <= _SHORT
    if not short.any() or np.median(length) <= _SHORT:
        return []
    unit = _unit(subject)
    empty = int((length == 0).sum())
    return [
        Finding(
            check="short_samples",
            severity="warn" if empty else "info",
            message=f"{empty} of {len(length)} samples are empty, and {int(short.sum()) - empty} "
            f"have a single {unit}; the median has {np.median(length):.0f}.",
            advice="Remove what is empty, and see whether the rest can be labelled by so little.",
            values={"empty": empty, "single": int(short.sum()) - empty},
            sample_ids=one_by_one(subject.table["sample_id"][short]),
        )
    ]


def find_truncated_samples(subject: Subject) -> list[Finding]:
    """Find samples that all end at the same greatest length, far more than just below it."""
    length = subject.samples.lengths
    longest = int(length.max())
    at_end = length == longest
    below = (length >= _CUT_REACH * longest) & ~at_end
    usual = below.sum() / max(1, longest - np.ceil(_CUT_REACH * longest))
    if at_end.all() or at_end.sum() < max(_CUT_COUNT, _CUT_FACTOR * max(usual, 1)):
        return []
    share = float(at_end.mean())
    return [
        Finding(
            check="truncated_samples",
            severity="info",
            message=f"{int(at_end.sum())} of {len(length)} samples ({share:.0%}) have exactly "
            f"{longest} {_unit(subject)}s, which is the most that any has: they look cut off.",
            advice="See whether the end of a sample matters; if so, raise the limit at its origin "
            "or in the source.",
            values={"count": int(at_end.sum()), "share": share, "length": longest},
            sample_ids=one_by_one(subject.table["sample_id"][at_end]),
        )
    ]


def _unit(subject: Subject) -> str:
    return "token" if subject.samples.modality == "tokens" else "step"


_is_series = is_modality("series")
_is_sequence = is_modality("series", "tokens")

CHECKS = (
    Check("constant_series", "series that never change", find_constant_series, _is_series),
    Check("missing_runs", "series with long gaps", find_missing_runs, _is_series),
    Check(
        "short_samples",
        "empty series and texts, and ones of a single step or token",
        find_short_samples,
        _is_sequence,
    ),
    Check(
        "truncated_samples",
        "series and texts that look cut off at the same length",
        find_truncated_samples,
        _is_sequence,
    ),
)
