"""What must not stand on both sides of a split.

N: samples.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding, some
from foldwise.data.fold_table import UNUSED
from foldwise.data.split_config import OnLeak
from foldwise.data.units import GROUP, WINDOWS, Tie
from foldwise.errors import UserError

Codes = npt.NDArray[np.int64]

_MOST_SETS = 1000  # listed in a finding


class LeakError(UserError):
    """The same content or group stands on both sides of a split."""


def find_leaks(
    ids: npt.NDArray[np.object_], ties: Iterable[Tie], part: Codes, on_leak: OnLeak
) -> list[Finding]:
    """Check that nothing that is tied stands in two parts.

    Args:
        ids: Sample ids, (N,).
        ties: What must not be cut.
        part: The part of each sample, (N,); the parts are compared with each other, UNUSED with
            none.
        on_leak: `warn` returns a leak as a finding; `error` and `group` raise.

    Raises:
        LeakError: It names the checks and the samples.
    """
    leaks = list(cut_ties(ids, ties, part))
    if leaks and on_leak != "warn":
        hint = " Use split.on_leak=group to keep them on one side."
        if on_leak == "group" or any(leak.check == GROUP for leak in leaks):
            hint = " Use split.scheme=stratified_group (or auto) to keep groups on one side."
        raise LeakError("The split leaks. " + " ".join(leak.message for leak in leaks) + hint)
    return leaks


def cut_ties(ids: npt.NDArray[np.object_], ties: Iterable[Tie], part: Codes) -> Iterable[Finding]:
    """Yield a finding for each kind of tie that reaches over two parts; arguments as above."""
    used = part != UNUSED
    for tie in ties:
        known = np.flatnonzero((tie.codes >= 0) & used)
        codes, parts = tie.codes[known], part[known]
        size = codes.max(initial=-1) + 1
        first = np.zeros(size, dtype=np.int64)
        first[codes] = parts  # any one of the parts that the set stands in
        is_cut = np.zeros(size, dtype=bool)
        is_cut[codes[parts != first[codes]]] = True
        if is_cut.any():
            concerned = np.zeros(len(part), dtype=bool)
            concerned[known] = is_cut[codes]
            sets = tied_sets(ids, tie.codes, concerned)
            number = int(is_cut.sum())
            told = _counted(tie, number, int(concerned.sum()))
            message = f"{told} in more than one part{some(sets)}."
            yield Finding(
                check=tie.check,
                severity="error",
                message=message,
                values={"num_sets": number, "num_samples": int(concerned.sum())},
                sample_ids=sets,
            )


def _counted(tie: Tie, num_sets: int, num_samples: int) -> str:
    if tie.check == WINDOWS:  # a set of them is a chain, often a whole series
        return f"{num_samples} {tie.what} stand"
    is_one = num_sets == 1
    if tie.check == GROUP:
        return "1 group stands" if is_one else f"{num_sets} groups stand"
    return f"1 set of {tie.what} stands" if is_one else f"{num_sets} sets of {tie.what} stand"


def tied_sets(
    ids: npt.NDArray[np.object_], codes: Codes, concerned: npt.NDArray[np.bool_]
) -> tuple[tuple[str, ...], ...]:
    """Return the ids of the samples concerned, set by set, sorted: at most 1000 sets.

    Args:
        ids: Sample ids, (N,).
        codes: The number of the set of each sample, (N,).
        concerned: Which samples to name, (N,).
    """
    chosen = np.flatnonzero(concerned)
    sets: dict[int, list[str]] = {}
    for code, sample in zip(codes[chosen].tolist(), ids[chosen], strict=True):
        sets.setdefault(code, []).append(sample)
    return tuple(sorted(tuple(sorted(members)) for members in sets.values())[:_MOST_SETS])
