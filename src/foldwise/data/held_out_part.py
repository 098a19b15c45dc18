"""The held-out test part: by the source's own split, by named groups, by time, or by fraction.

N: samples.
"""

import difflib

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.findings import Finding, some
from foldwise.data.fold_table import HELD_OUT, TRAIN_ONLY, UNUSED
from foldwise.data.leaks import tied_sets
from foldwise.data.predefined import marked_as_test
from foldwise.data.split_config import (
    FIXED_SCHEMES,
    TIME_SCHEMES,
    Scheme,
    SplitConfig,
    SplitError,
    TestPart,
)
from foldwise.data.split_rows import SplitRows
from foldwise.data.synthetic_rows import require_real
from foldwise.data.time_folds import last_stretch
from foldwise.data.unit_parts import part_of_fraction
from foldwise.data.units import Tie, connect
from foldwise.seeds import derive_seed

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SHOWN = 8  # groups listed in an error


def hold_out(
    rows: SplitRows, ties: list[Tie], config: SplitConfig, scheme: Scheme
) -> tuple[Codes, TestPart, list[Finding]]:
    """Return HELD_OUT, TRAIN_ONLY or UNUSED for each sample, (N,), and how it was chosen.

    A test part that is given (all but a fraction) stays as it is: what is tied to it (where
    `on_leak` is `group`), or shares a time step with it, is set aside as UNUSED.

    Args:
        rows: The samples.
        ties: What may not be cut.
        config: The parameters.
        scheme: The scheme, which is not `auto`.

    Raises:
        SplitError: The samples do not have what the test part is to be chosen by.
    """
    how = _resolve(rows, config, scheme)
    units = connect([tie.codes for tie in ties], len(rows))
    held_out = _chosen(rows, units, config, how)
    require_real(rows.ids, rows.synthetic, held_out, "the test part")
    fold = np.where(held_out, HELD_OUT, TRAIN_ONLY).astype(np.int64)
    findings: list[Finding] = []
    if how not in ("none", "fraction"):
        if config.on_leak == "group":
            findings += _set_aside_tied(rows, fold, ties, units, how)
        findings += _set_aside_in_time(rows, fold, config, how, scheme)
    return fold, how, findings


def _resolve(rows: SplitRows, config: SplitConfig, scheme: Scheme) -> TestPart:
    """Return how the test part is chosen."""
    marked = scheme == "predefined" and bool(marked_as_test(rows.table, config).any())
    if marked:
        if config.test != "auto" or config.test_groups:
            raise SplitError(
                f"split.column {config.column!r} marks samples as 'test', so split.test="
                f"{config.test} and split.test_groups have no say. Use split.test=auto."
            )
        return "column"
    if config.test_groups:
        return "group"
    wanted = config.test
    if wanted == "auto":
        wanted = "time" if scheme in TIME_SCHEMES else "fraction"
        if _official(rows.table).any() and not _is_test_the_fold(rows.table, scheme):
            return "official"
        if scheme in FIXED_SCHEMES - TIME_SCHEMES:
            return "none"
    if wanted in ("fraction", "time") and config.test_fraction == 0:
        return "none"
    return wanted


def _is_test_the_fold(table: pd.DataFrame, scheme: Scheme) -> bool:
    """Tell whether the scheme makes the official test part its fold, for want of another."""
    return scheme == "official" and not table["official_split"].isin(["val"]).any()


def _official(table: pd.DataFrame) -> Mask:
    if "official_split" not in table:
        return np.zeros(len(table), dtype=bool)
    return table["official_split"].isin(["test"]).to_numpy(dtype=bool)


def _chosen(rows: SplitRows, units: Codes, config: SplitConfig, how: TestPart) -> Mask:
    """Mark the test part, (N,)."""
    held_out = np.zeros(len(rows), dtype=bool)
    if how == "official":
        held_out = _official(rows.table)
        if not held_out.any():
            raise SplitError(
                "split.test is 'official', but the source marks no sample as test. "
                "Use split.test=fraction."
            )
    elif how == "group":
        held_out = _of_groups(rows.table, config)
    elif how == "time":
        held_out = last_stretch(rows.require_times("split.test=time").first, config.test_fraction)
    elif how == "column":
        held_out = marked_as_test(rows.table, config)
    elif how == "fraction":
        seed = derive_seed(config.seed, "test")
        real = np.flatnonzero(~rows.synthetic)
        part = part_of_fraction(rows.strata[real], units[real], config.test_fraction, seed)
        held_out[real[part]] = True
    if held_out.all():
        tied = (
            f" Of the {len(rows)} samples all are tied to one another: of equal content, of one "
            "group, or overlapping."
        )
        is_one = len(np.unique(units)) == 1 < len(rows)
        raise SplitError(
            f"split.test={how} leaves no sample outside the test part.{tied if is_one else ''}"
        )
    return held_out


def _of_groups(table: pd.DataFrame, config: SplitConfig) -> Mask:
    """Mark the samples of `test_groups`; each of those has to exist."""
    group = table["group"] if "group" in table else pd.Series(None, index=table.index)
    there = sorted(str(name) for name in group.dropna().unique())
    for name in config.test_groups:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
            listed = ", ".join(there[:_SHOWN]) or "none"
            raise SplitError(
                f"split.test_groups names {name!r}, which is no group of the samples.{hint} "
                f"There are: {listed}{more}."
            )
    return group.isin(config.test_groups).to_numpy(dtype=bool)


def _set_aside_tied(
    rows: SplitRows, fold: Codes, ties: list[Tie], units: Codes, how: TestPart
) -> list[Finding]:
    """Set UNUSED what is tied to the test part; say how many there were, and by what."""
    tied = np.isin(units, units[fold == HELD_OUT]) & (fold != HELD_OUT)
    if not tied.any():
        return []
    cut = [tie for tie in ties if np.isin(tie.codes[tied], tie.codes[fold == HELD_OUT]).any()]
    sets = tied_sets(rows.ids, units, tied | (np.isin(units, units[tied]) & (fold == HELD_OUT)))
    fold[tied] = UNUSED
    causes = " and ".join(tie.what for tie in cut)
    finding = Finding(
        check="tied_to_test",
        severity="warn",
        message=f"{int(tied.sum())} samples are in no part, because they are tied ({causes}) to "
        f"the test part, which is given ({how}){some(sets)}.",
        advice="Scores that others reached with these samples in training may be too good.",
        values={"num_samples": int(tied.sum())},
        sample_ids=sets,
    )
    return [finding]


def _set_aside_in_time(
    rows: SplitRows, fold: Codes, config: SplitConfig, how: TestPart, scheme: Scheme
) -> list[Finding]:
    """Set UNUSED what shares a time step with the test part, or lies in the gap before it."""
    if rows.spans is None or (how != "time" and scheme not in TIME_SCHEMES):
        return []
    held_out = rows.spans.of(np.flatnonzero(fold == HELD_OUT))
    touching = rows.spans.touch(held_out.widened(config.gap, config.embargo)) & (
        fold == TRAIN_ONLY
    )
    fold[touching] = UNUSED
    if not touching.any():
        return []
    finding = Finding(
        check="purged_before_test",
        severity="info",
        message=f"{int(touching.sum())} samples are in no part, because they share a time step "
        f"with the test part{' or lie in the gap around it' if config.gap else ''}.",
        values={"num_samples": int(touching.sum())},
    )
    return [finding]
