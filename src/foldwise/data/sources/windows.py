"""Windows cut from long series, to forecast what follows or to classify what they show.

L: length of a window, W: windows, F: channels.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from foldwise.data.bad_input import BadFile, IngestError, listing
from foldwise.data.readers.delimited_format import DelimitedFormat, NameList
from foldwise.data.readers.long_series import LongSeries, StepColumns, read_long_series
from foldwise.data.readers.target_column import sorted_classes
from foldwise.data.readers.window_cuts import window_starts, write_windows
from foldwise.data.readers.window_goals import LabelRule, forecasts, labels
from foldwise.data.samples import Feature
from foldwise.data.sources.limit import stratified_sample
from foldwise.data.sources.source import Reading, SourceConfig

Steps = Annotated[int, Field(ge=1)]

_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".csv.gz", ".tsv.gz")


class WindowsSource(SourceConfig, DelimitedFormat):
    """Windows of `length` steps, each `stride` steps after the one before.

    The files are CSV, TSV or Parquet with one row per step. A file is one series, named after it,
    unless `series_column` tells several apart; `time_column` gives the order, or else the rows.

    With `target_column` a window is to predict the next `horizon` values of that column; with
    `label_column` its class, which is that of its last step, or its most frequent one (of equally
    frequent ones the first in order). Missing values within a window stay missing (NaN), but a
    missing target or label makes a bad row. Windows know the time they span, the steps that they
    predict included, so that a split can keep overlapping ones together.

    Sample ids are `<series>@<first step>`, steps counted from 0. Bad rows are counted as in a
    spreadsheet (the header is row 1); rows that are left out leave no gap in the series.
    """

    kind: Literal["windows"] = "windows"
    path: Path  # a file, or a folder of files with the same columns; `~` is the home folder
    length: Steps  # of a window, in steps
    stride: Steps = 1  # from one window to the next, in steps
    target_column: str | None = None  # to forecast
    horizon: Steps = 1  # how many steps ahead are forecast
    label_column: str | None = None  # in place of target_column: to classify
    label_rule: LabelRule = "last"
    channels: NameList = ()  # what a window holds; none: all numeric columns but time and label
    series_column: str | None = None
    group_column: str | None = None  # e.g. a person: windows of one stay on one side of a split
    time_column: str | None = None  # numbers, or moments in ISO 8601; none: steps are counted

    @model_validator(mode="after")
    def _check_goal(self) -> Self:
        if (self.target_column is None) == (self.label_column is None):
            raise ValueError("expected is either 'target_column' or 'label_column'")
        if self.label_column is not None and self.horizon != 1:
            raise ValueError("'horizon' is for a 'target_column'; a class is not forecast")
        return self

    def inputs(self) -> Sequence[Path]:
        """Return the path."""
        return (self.path.expanduser(),)

    def read(self, scratch: Path) -> Reading:
        """Cut the windows, those of one series after the other in the order of time.

        Raises:
            IngestError: A file or column is missing or wrong, or a time occurs twice in a series.
        """
        series, channels, bad_rows = self._read_series()
        tables, starts, bad_windows = [], [], []
        for one in series:
            goals, kept, bad = self._goals(one)
            bad_windows += bad
            starts.append(kept)
            tables.append(self._describe(one, goals, kept))
        table = _joined(tables)
        if self.limit is not None and self.limit < len(table):
            table, starts = _limited(table, starts, self.limit)
        cuts = [(one.channels, kept) for one, kept in zip(series, starts, strict=True)]
        x, table["sha256"] = write_windows(cuts, self.length, len(channels), scratch)
        return Reading(
            x=x,
            table=table,
            classes=sorted_classes(table["label"].unique()) if "label" in table else (),
            bad_files=(*bad_rows, *bad_windows),
            modality="series",
            features=tuple(Feature(name=name) for name in channels),
        )

    @property
    def _span(self) -> int:
        """Return how many steps a window and what it predicts take."""
        return self.length + (0 if self.target_column is None else self.horizon)

    def _read_series(self) -> tuple[list[LongSeries], tuple[str, ...], list[BadFile]]:
        """Return the series of all files, the names of their channels, and the bad rows."""
        columns = StepColumns(
            self.target_column,
            self.label_column,
            self.series_column,
            self.group_column,
            self.time_column,
            self.channels,
        )
        series: list[LongSeries] = []
        bad_rows: list[BadFile] = []
        for file in _files(self.path.expanduser()):
            found, channels, bad = read_long_series(file, self, columns)
            columns = replace(columns, channels=channels)
            series += found
            bad_rows += bad
        _check_series(series, self.path)
        return series, columns.channels, bad_rows

    def _goals(
        self, series: LongSeries
    ) -> tuple[pd.DataFrame, npt.NDArray[np.int64], list[BadFile]]:
        starts = window_starts(len(series), self._span, self.stride)
        bad = []
        if len(starts) == 0:
            reason = f"it has {len(series)} steps, but a window spans {self._span}"
            bad = [BadFile(f"{series.file.name}, series '{series.name}'", reason)]
        if self.target_column is not None:
            table, kept, missing = forecasts(series, starts, self.length, self.horizon)
        else:
            table, kept, missing = labels(series, starts, self.length, self.label_rule)
        return table, kept, bad + missing

    def _describe(
        self, series: LongSeries, goals: pd.DataFrame, starts: npt.NDArray[np.int64]
    ) -> pd.DataFrame:
        """Return the rows of one series' windows."""
        name = pa.scalar(series.name)
        ids = pc.binary_join_element_wise(name, pa.array(starts).cast(pa.string()), "@")
        if self.group_column is not None:
            goals["group"] = pd.Series([series.group] * len(starts), dtype="str")
        return goals.assign(
            sample_id=pd.Series(ids.to_pandas(), dtype="str"),
            series=pd.Series([series.name], dtype="str").repeat(len(starts)).array,
            time=series.time[starts],
            time_end=series.time[starts + self._span - 1],
        )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.name.lower().endswith(_SUFFIXES))
    if not files:
        raise IngestError(
            f"ingest.source.path: the folder '{path}' holds no files ending in "
            f"{', '.join(_SUFFIXES)}."
        )
    return files


def _check_series(series: Sequence[LongSeries], path: Path) -> None:
    names = [one.name for one in series]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise IngestError(
            f"ingest.source.path: more than one file in '{path}' holds a series {listing(twice)}. "
            "The steps of a series must stand in one file."
        )
    kinds = sorted({one.time.dtype.name for one in series})
    if len(kinds) > 1 and any(kind.startswith("datetime") for kind in kinds):
        raise IngestError(
            f"ingest.source.time_column: the files in '{path}' hold times of different kinds: "
            f"{listing(kinds)}."
        )


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame({"sample_id": []})
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]


def _limited(
    table: pd.DataFrame, starts: Sequence[npt.NDArray[np.int64]], limit: int
) -> tuple[pd.DataFrame, list[npt.NDArray[np.int64]]]:
    """Take a sample, stratified by class, or else by series."""
    strata = table["label" if "label" in table else "series"]
    rows = stratified_sample(table["sample_id"].tolist(), strata.tolist(), limit)
    bounds = np.cumsum([len(some) for some in starts])
    of_each = np.split(rows, np.searchsorted(rows, bounds[:-1]))
    first = bounds - [len(some) for some in starts]
    kept = [some[places - at] for some, places, at in zip(starts, of_each, first, strict=True)]
    return table.iloc[rows].reset_index(drop=True), kept
