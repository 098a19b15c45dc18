"""Time series in a table: CSV, TSV or Parquet, long or wide.

N: series, T: time steps of the longest, F: channels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.delimited import (
    DelimitedTable,
    read_column_names,
    read_delimited,
    require_columns,
)
from foldwise.data.readers.delimited_format import DelimitedFormat, NameList
from foldwise.data.readers.moments import times_of
from foldwise.data.readers.number_columns import require_numbers
from foldwise.data.readers.padded_series import is_unequal, pad_series
from foldwise.data.readers.row_check import RowCheck, refuse_infinite, refuse_missing
from foldwise.data.readers.row_columns import RowColumns, describe_rows
from foldwise.data.readers.series_long import channel_values, condense
from foldwise.data.readers.series_order import SeriesOrder, order_rows
from foldwise.data.readers.series_wide import wide_lengths, write_steps
from foldwise.data.readers.target_column import Task, add_target, sorted_classes
from foldwise.data.samples import Feature
from foldwise.data.sources.source import Reading, SourceConfig


class SeriesTableSource(SourceConfig, DelimitedFormat, RowColumns):
    """A table with one row per step of each series (long), or with one row per series (wide).

    Long, where `series_column` tells the series apart: rows are sorted by `time_column`, or else
    stand in order; the same time twice in a series is an error. What describes a series (label,
    group, split, meta columns) must be the same in all its rows, or blank in some.

    Wide, without `series_column`: the columns of `channels`, or all that are nothing else, are the
    steps, in their order. Missing values at the end of a row make a shorter series.

    Bad rows are counted as in a spreadsheet (the header is row 1).
    """

    kind: Literal["series_table"] = "series_table"
    path: Path  # `~` is the home folder
    label_column: str  # of class names or, for a regression, numbers
    task: Task = "auto"  # auto: text and few whole numbers are classes, else a regression
    series_column: str | None = None  # long: the id of the series that a row belongs to
    channels: NameList = ()  # long: of a step; wide: the steps; none: all other columns

    def inputs(self) -> Sequence[Path]:
        """Return the path."""
        return (self.path.expanduser(),)

    def read(self, scratch: Path) -> Reading:
        """Read all series: long ones sorted by id, wide ones in the order of their rows.

        Raises:
            IngestError: The file cannot be read, a column is missing or holds text where numbers
                should be, or a time occurs twice in a series.
        """
        channels = self._channels(read_column_names(self.path, self))
        table = read_delimited(
            self.path,
            self,
            columns={*channels, *self._other_columns()},
            text_columns=self._text_columns(),
            float32=channels,
        )
        require_numbers(table, channels)
        if self.series_column is None:
            return self._read_wide(table, channels, scratch)
        return self._read_long(table, channels, self.series_column, scratch)

    def _read_wide(self, table: DelimitedTable, steps: Sequence[str], scratch: Path) -> Reading:
        check = RowCheck(table)
        rows = describe_rows(table, self, check)
        add_target(rows, table.frame[self.label_column], self.task, table.decimal, check)
        lengths = wide_lengths(table, steps)
        check.refuse(lengths == 0, "it has no values")
        refuse_infinite(table, steps, check)
        kept = check.kept()
        rows, lengths = rows.iloc[kept].reset_index(drop=True), lengths[kept]
        return _reading(
            write_steps(table, steps, kept, lengths, scratch), rows, lengths, ["value"], check
        )

    def _read_long(
        self, table: DelimitedTable, channels: Sequence[str], series: str, scratch: Path
    ) -> Reading:
        row_check = RowCheck(table)
        refuse_missing(table.frame[series], "the series", row_check)
        refuse_infinite(table, channels, row_check)
        times = None
        if self.time_column is not None:
            times = times_of(table.frame[self.time_column], table.decimal, row_check)
        order = order_rows(table, row_check.kept(), table.frame[series], times, "")
        of_series = self.model_copy(update={"id_column": series, "time_column": None})
        told = [self.label_column, *of_series.described_columns()]
        constant = [name for name in dict.fromkeys(told) if name != series]
        condensed, check = condense(table, order, series, constant, row_check)
        rows = describe_rows(condensed, of_series, check)
        labels = condensed.frame[self.label_column]
        add_target(rows, labels, self.task, table.decimal, check)
        if times is not None:
            rows = rows.assign(**_span(order, times))
        kept = check.kept()
        rows, lengths = rows.iloc[kept].reset_index(drop=True), np.diff(order.bounds)[kept]
        values = channel_values(table, order, kept.tolist(), channels)
        x = pad_series(values, lengths, len(channels), scratch)
        return _reading(x, rows, lengths, channels, check)

    def described_columns(self) -> list[str]:
        """Return the columns that describe a series."""
        return [name for names in self.described().values() for name in names]

    def _other_columns(self) -> list[str]:
        series = [] if self.series_column is None else [self.series_column]
        return [self.label_column, *series, *self.described_columns()]

    def _text_columns(self) -> list[str]:
        """Return the columns of which the spelling counts; long times are parsed here."""
        text = [name for name in self.text_columns() if name != self.time_column]
        if self.series_column is None:
            return [self.label_column, *self.text_columns()]
        return [self.label_column, self.series_column, *text]

    def _channels(self, names: Sequence[str]) -> list[str]:
        series = () if self.series_column is None else (self.series_column,)
        asked = {
            "label_column": (self.label_column,),
            "series_column": series,
            "channels": self.channels,
            **self.described(),
        }
        for parameter, columns in asked.items():
            require_columns(names, columns, parameter, self.path)
        if self.series_column is not None and self.id_column is not None:
            raise IngestError(
                "ingest.source.id_column: in a long table `series_column` is the id."
            )
        others = set(self._other_columns())
        twice = sorted(others & set(self.channels))
        if twice:
            raise IngestError(
                f"ingest.source.channels: {listing(twice)} is something else already, as another "
                "parameter says."
            )
        channels = list(self.channels) or [name for name in names if name not in others]
        if not channels:
            raise IngestError(
                f"'{self.path}' has no column left for values; its columns are "
                f"{listing(list(names))}."
            )
        return channels


def _span(order: SeriesOrder, times: pd.Series) -> dict[str, npt.NDArray[np.generic]]:
    """Return the first and the last moment of each series."""
    values = times.to_numpy()
    return {
        "time": values[order.rows[order.bounds[:-1]]],
        "time_end": values[order.rows[order.bounds[1:] - 1]],
    }


def _reading(
    x: npt.NDArray[np.float32],
    rows: pd.DataFrame,
    lengths: npt.NDArray[np.int64],
    channels: Sequence[str],
    check: RowCheck,
) -> Reading:
    if is_unequal(lengths):
        rows["length"] = lengths
    return Reading(
        x=x,
        table=rows,
        classes=sorted_classes(rows["label"].unique()) if "label" in rows else (),
        bad_files=check.bad_rows(),
        modality="series",
        features=tuple(Feature(name=name) for name in channels),
    )
