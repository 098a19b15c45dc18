"""Long series in tables, one row per step: what windows are cut from.

n: steps of a series.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import BadFile, IngestError, listing
from foldwise.data.readers.delimited import (
    DelimitedTable,
    read_column_names,
    read_delimited,
    require_columns,
)
from foldwise.data.readers.delimited_format import DelimitedFormat
from foldwise.data.readers.mistyped_cells import refuse_mistyped
from foldwise.data.readers.moments import times_of
from foldwise.data.readers.number_columns import require_numbers
from foldwise.data.readers.row_check import RowCheck, refuse_infinite, refuse_missing
from foldwise.data.readers.series_order import order_rows

logger = logging.getLogger(__name__)

_MISTYPED = (
    "Mend them; or name the cells that mean a missing value in ingest.source.missing_values, or "
    "the columns that a window is to hold in ingest.source.channels."
)

AnyArray = npt.NDArray[Any]


@dataclass(frozen=True)
class StepColumns:
    """Which columns are what."""

    target: str | None
    label: str | None
    series: str | None
    group: str | None
    time: str | None
    channels: tuple[str, ...]  # none: all numeric columns that are nothing else

    def described(self) -> dict[str, list[str]]:
        """Return the columns of each parameter."""
        single = {
            "target_column": self.target,
            "label_column": self.label,
            "series_column": self.series,
            "group_column": self.group,
            "time_column": self.time,
        }
        columns = {key: [name] for key, name in single.items() if name is not None}
        return {**columns, "channels": list(self.channels)}


@dataclass(frozen=True)
class LongSeries:
    """One series in the order of time."""

    name: str
    file: Path
    group: str | None
    channels: tuple[AnyArray, ...]  # one for each channel, (n,), NaN where missing
    time: AnyArray  # (n,), the number of the step where there is no time column
    target: npt.NDArray[np.float64] | None  # (n,)
    codes: npt.NDArray[np.int64] | None  # (n,) places in `classes`, -1 where missing
    classes: tuple[str, ...]
    row_name: Callable[[int], str]  # what a step is called in an error

    def __len__(self) -> int:
        return len(self.time)


def read_long_series(
    file: Path, form: DelimitedFormat, columns: StepColumns
) -> tuple[list[LongSeries], tuple[str, ...], tuple[BadFile, ...]]:
    """Read the series of a file, the names of their channels, and the rows that were refused.

    Raises:
        IngestError: A column is missing, holds text where numbers should be, a time occurs twice
            within a series, or a series is in two groups.
    """
    table, channels = _read(file, form, columns)
    check = RowCheck(table)
    frame = table.frame
    times = None
    if columns.time is not None:
        times = times_of(frame[columns.time], table.decimal, check)
    refuse_infinite(table, channels, check)
    ids = None if columns.series is None else frame[columns.series]
    if ids is not None:
        refuse_missing(ids, "the series", check)
    order = order_rows(table, check.kept(), ids, times, file.stem)
    series = list(_series(table, columns, channels, times, order.names, order.of))
    return series, channels, check.bad_rows()


def _read(
    file: Path, form: DelimitedFormat, columns: StepColumns
) -> tuple[DelimitedTable, tuple[str, ...]]:
    """Read the columns that are needed; return them and the names of the channels."""
    names = read_column_names(file, form)
    for parameter, asked in columns.described().items():
        require_columns(names, asked, parameter, file)
    roles = (columns.label, columns.series, columns.group)
    text = {name for name in roles if name is not None}
    others = text if columns.time is None else {*text, columns.time}
    wanted = {*columns.channels, *others, columns.target} if columns.channels else set(names)
    table = read_delimited(
        file,
        form,
        columns={name for name in wanted if name is not None},
        text_columns=text,
        float32=set(names) - others - {columns.target},
    )
    numeric = {name for name in table.frame if pd.api.types.is_numeric_dtype(table.frame[name])}
    goal = () if columns.target is None else (columns.target,)
    require_numbers(table, [*columns.channels, *goal])
    if columns.channels:
        return table, columns.channels
    channels = tuple(name for name in names if name in numeric - others)
    left_out = [name for name in names if name not in numeric | others]
    refuse_mistyped(table, left_out, _MISTYPED)
    logger.info("Channels: %s.", listing(list(channels)))
    if left_out:
        logger.info("Left out as text: %s.", listing(left_out))
    if not channels:
        raise IngestError(f"'{file}' has no column of numbers besides {listing(sorted(others))}.")
    return table, channels


def _series(
    table: DelimitedTable,
    columns: StepColumns,
    channels: Sequence[str],
    times: pd.Series | None,
    names: Sequence[str],
    rows_of: Callable[[int], npt.NDArray[np.int64]],
) -> Iterator[LongSeries]:
    frame = table.frame
    values = {name: frame[name].to_numpy() for name in channels}
    target = None if columns.target is None else frame[columns.target].to_numpy(np.float64)
    codes, classes = None, pd.Index([])
    if columns.label is not None:
        codes, classes = pd.factorize(frame[columns.label], sort=True)

    def namer(rows: npt.NDArray[np.int64]) -> Callable[[int], str]:
        return lambda step: table.row_name(int(frame.index[rows[step]]))

    for number, name in enumerate(names):
        rows = rows_of(number)
        here: Any = slice(rows[0], rows[-1] + 1) if _is_run(rows) else rows  # a view, if it can be
        yield LongSeries(
            name=name,
            file=table.file,
            group=None if columns.group is None else _group(frame[columns.group].iloc[rows], name),
            channels=tuple(values[channel][here] for channel in channels),
            time=np.arange(len(rows)) if times is None else times.to_numpy()[here],
            target=None if target is None else target[here],
            codes=None if codes is None else codes[here],
            classes=tuple(map(str, classes)),
            row_name=namer(rows),
        )


def _group(cells: pd.Series, series: str) -> str | None:
    """Return what all rows of a series that are not blank say."""
    groups = cells.dropna().unique()
    if len(groups) > 1:
        raise IngestError(
            f"ingest.source.group_column: series '{series}' has {len(groups)} values in column "
            f"'{cells.name}' ({listing(sorted(groups), 3)}). A series must be in one group; "
            "ingest.source.series_column tells several series of a file apart."
        )
    return str(groups[0]) if len(groups) else None


def _is_run(rows: npt.NDArray[np.int64]) -> bool:
    return len(rows) > 0 and bool(
        rows[-1] - rows[0] + 1 == len(rows) and (np.diff(rows) == 1).all()
    )
