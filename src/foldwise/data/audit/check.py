"""What a check is, and what it looks at."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.config import AuditConfig, CheckName
from foldwise.data.audit.duplicates import Duplicates, find_duplicates
from foldwise.data.findings import Finding
from foldwise.data.row_slices import row_slices
from foldwise.data.samples import Samples
from foldwise.data.time_steps import time_spans, window_blocks, windows
from foldwise.data.units import connect, find_ties

if TYPE_CHECKING:
    from foldwise.data.audit.shortcuts import Shortcuts

_CHUNK_BYTES = 2**24  # of the samples, looked at in one go
_MAX_IDS = 1000  # of a finding that concerns single samples


@dataclass(frozen=True)
class Subject:
    """What is audited."""

    samples: Samples
    skipped_files: pd.DataFrame  # columns `path`, `reason`
    config: AuditConfig

    @property
    def table(self) -> pd.DataFrame:
        """One row per sample."""
        return self.samples.table

    @functools.cached_property
    def duplicates(self) -> Duplicates:
        """Which samples are the same or nearly the same."""
        return find_duplicates(self.samples, self.config.duplicates)

    @functools.cached_property
    def units(self) -> npt.NDArray[np.int64]:
        """Number of what belongs together; shape (N,).

        That is one group, (nearly) equal contents, and of the windows of a series those of one
        block: a chain of windows that overlap would often be the whole series.
        """
        ties = find_ties(self.table, self.duplicates.table, spans=None)
        codes = [tie.codes for tie in ties.values()]
        if windows(self.table).any():
            codes.append(window_blocks(self.table, time_spans(self.table)))
        return connect(codes, len(self.table))

    @functools.cached_property
    def shortcuts(self) -> Shortcuts:
        """How well each property that a model should not need predicts the target."""
        from foldwise.data.audit.shortcuts import find_shortcuts  # looks at samples in chunks

        is_tied = self.units.max(initial=-1) + 1 < len(self.units)
        units = self.units if is_tied else None
        return find_shortcuts(self.samples, self.config.shortcuts, units, self.config.seed)

    @functools.cached_property
    def y(self) -> npt.NDArray[np.int64]:
        """Class indices, shape (N,); zeros in a regression."""
        if self.samples.task == "classification":
            return self.samples.y
        return np.zeros(len(self.samples), np.int64)


def always(_subject: Subject) -> bool:
    """Apply to whatever there is."""
    return True


@dataclass(frozen=True)
class Check:
    """One thing that an audit looks for."""

    name: CheckName
    what: str  # what is looked for, in one line
    find: Callable[[Subject], list[Finding]]
    applies: Callable[[Subject], bool] = always


def is_classification(subject: Subject) -> bool:
    """Tell whether classes are to be predicted."""
    return subject.samples.task == "classification"


def is_regression(subject: Subject) -> bool:
    """Tell whether numbers are to be predicted."""
    return subject.samples.task == "regression"


def has_column(name: str) -> Callable[[Subject], bool]:
    """Return whether the table has a column with values in it, as a condition."""
    return lambda subject: name in subject.table and bool(subject.table[name].notna().any())


def is_modality(*names: str) -> Callable[[Subject], bool]:
    """Return whether the samples are of one of these kinds, as a condition."""
    return lambda subject: subject.samples.modality in names


def chunks(x: npt.NDArray[np.generic], size: int | None = None) -> Iterator[slice]:
    """Yield slices of `size` samples like those in `x`, by default all of them: 16 MB each."""
    row_bytes = x.itemsize * int(np.prod(x.shape[1:]))
    return row_slices(len(x) if size is None else size, row_bytes, _CHUNK_BYTES)


def one_by_one(ids: Iterable[object]) -> tuple[tuple[str, ...], ...]:
    """Return single samples as sets of one, the first thousand of them."""
    listed = [str(sample_id) for sample_id in ids]
    return tuple((sample_id,) for sample_id in listed[:_MAX_IDS])


def examples(sets: Sequence[Sequence[str]], limit: int = 3) -> str:
    """Name a few sets of samples.

    >>> examples([("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")])
    ' (such as a, b; c, d; e, f)'
    """
    return f" (such as {'; '.join(', '.join(ids[:limit]) for ids in sets[:limit])})"


def robust_z(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the distance from the median in robust standard deviations; NaN stays NaN.

    The scale is the larger of the median absolute deviation and the quartile range, each made
    consistent with the normal distribution (Rousseeuw and Croux 1993), so that a skewed
    distribution is not taken for one with outliers. Without any spread all distances are 0.

    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(1).tolist()
    [-1.3, -0.7, 0.0, 0.7, 65.4]
    """
    low, median, high = np.nanquantile(values, [0.25, 0.5, 0.75])
    deviation = np.nanmedian(np.abs(values - median))
    scale = max(1.4826 * deviation, (high - low) / 1.349)
    return (values - median) / scale if scale > 0 else np.where(np.isnan(values), np.nan, 0.0)
