"""A table with one sample per row: CSV, TSV or Parquet.

N: samples, F: features.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.column_builder import numbers_of
from foldwise.data.readers.delimited import (
    DelimitedTable,
    read_column_names,
    read_delimited,
    require_columns,
)
from foldwise.data.readers.delimited_format import DelimitedFormat, NameList
from foldwise.data.readers.mistyped_cells import refuse_mistyped
from foldwise.data.readers.row_check import RowCheck
from foldwise.data.readers.row_columns import RowColumns, describe_rows
from foldwise.data.readers.scratch_array import new_array
from foldwise.data.readers.target_column import Task, add_target, sorted_classes
from foldwise.data.samples import Feature
from foldwise.data.sources.source import Reading, SourceConfig

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_MISTYPED = (
    "Mend them. Or say what they are: with ingest.source.numeric_columns={names} such rows are "
    "refused (or skipped, with ingest.on_bad_file=skip), with "
    "ingest.source.categorical_columns={names} all cells are categories, with "
    "ingest.source.missing_values those named there are missing."
)
_MAX_CATEGORY_SHARE = 0.5  # of the rows: above it a column is an id or prose


class TableSource(SourceConfig, DelimitedFormat, RowColumns):
    """Numeric and categorical columns, one of which is to be predicted.

    A column is numeric where all its cells are numbers, else categorical; where nine in ten are
    numbers, but not all, `categorical_columns` or `numeric_columns` must say which. Every column
    is a feature that is not the target, not dropped and describes the row in no other way; one
    that does, e.g. a meta column, is a feature too if `categorical_columns` or `numeric_columns`
    names it. Missing values stay missing; rows without a target are refused.

    Rows are counted as in a spreadsheet (the header is row 1). Sample ids count the rows of data
    from 0: row_000017 is row 19.
    """

    kind: Literal["table"] = "table"
    path: Path  # `~` is the home folder
    target_column: str | None = None  # by default the last column
    task: Task = "auto"  # auto: text and few whole numbers are classes, else a regression
    categorical_columns: NameList = ()  # although they look like numbers, e.g. a postal code
    numeric_columns: NameList = ()  # rows with anything else there are refused
    drop_columns: NameList = ()
    zero_is_missing: NameList = ()  # numeric columns where a zero stands for a missing value

    def inputs(self) -> Sequence[Path]:
        """Return the path."""
        return (self.path.expanduser(),)

    def read(self, scratch: Path) -> Reading:
        """Read all rows, in their order.

        Raises:
            IngestError: The file cannot be read, or a column is not as the parameters say.
        """
        names = read_column_names(self.path, self)
        target = self._target(names)
        features = self._features(names, target)
        text = {target, *self.text_columns(), *self.categorical_columns}
        table = read_delimited(
            self.path,
            self,
            columns={target, *features, *self.text_columns(), *self.meta_columns},
            text_columns=text,
            float32=set(features) - set(self.meta_columns),
        )
        declared = {*self.categorical_columns, *self.numeric_columns}
        refuse_mistyped(table, [name for name in features if name not in declared], _MISTYPED)
        check = RowCheck(table)
        rows = describe_rows(table, self, check)
        add_target(rows, table.frame[target], self.task, table.decimal, check)
        columns = {name: self._column(table, name, check) for name in features}
        kept = check.kept()
        x = new_array(scratch, (len(kept), len(features)), np.float32)
        described = [_fill(x[:, i], columns.pop(name), kept) for i, name in enumerate(features)]
        rows = rows.iloc[kept].reset_index(drop=True)
        return Reading(
            x=x,
            table=rows,
            classes=sorted_classes(rows["label"].unique()) if "label" in rows else (),
            bad_files=check.bad_rows(),
            modality="table",
            features=tuple(described),
        )

    def _target(self, names: Sequence[str]) -> str:
        if self.target_column is None:
            logger.info("ingest.source.target_column: took the last column, '%s'.", names[-1])
            return names[-1]
        require_columns(names, [self.target_column], "target_column", self.path)
        return self.target_column

    def _features(self, names: Sequence[str], target: str) -> list[str]:
        """Return the names of the features, in their order."""
        declared = {
            "categorical_columns": self.categorical_columns,
            "numeric_columns": self.numeric_columns,
            "drop_columns": self.drop_columns,
            "zero_is_missing": self.zero_is_missing,
        }
        for parameter, columns in {**declared, **self.described()}.items():
            require_columns(names, columns, parameter, self.path)
            if target in columns and parameter not in ("meta_columns", "group_column"):
                raise IngestError(
                    f"ingest.source.{parameter}: '{target}' is the target; name another column, "
                    "or another target_column."
                )
        asked = {*self.categorical_columns, *self.numeric_columns}
        others = {name for columns in self.described().values() for name in columns} - asked
        left_out = {target, *self.drop_columns, *others}
        features = [name for name in names if name not in left_out]
        if not features:
            raise IngestError(
                f"'{self.path}' has no column left to predict '{target}' from; its columns are "
                f"{listing(list(names))}. Is ingest.source.separator right?"
            )
        return features

    def _column(self, table: DelimitedTable, name: str, check: RowCheck) -> pd.Series:
        """Return a feature, numeric (float32 or what can become so) or text."""
        cells = table.frame[name]
        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            raise IngestError(
                f"'{self.path}', column '{name}' holds moments, which are no features. Name it in "
                "drop_columns, meta_columns or time_column."
            )
        if name in self.numeric_columns and not pd.api.types.is_numeric_dtype(cells.dtype):
            numbers = numbers_of(cells, table.decimal)
            check.refuse(
                np.isnan(numbers) & cells.notna().to_numpy(),
                lambda i: f"column '{name}' is '{cells.iloc[i]}', no number",
            )
            cells = pd.Series(numbers, cells.index, name=name)
        if not pd.api.types.is_numeric_dtype(cells.dtype):
            if name in self.zero_is_missing:
                raise IngestError(
                    f"ingest.source.zero_is_missing: column '{name}' is not numeric."
                )
            return cells
        with np.errstate(over="ignore"):
            single = cells.astype(np.float32)
        check.refuse(
            np.isinf(single.to_numpy()),
            f"column '{name}' is infinite, or too large for 32 bits",
        )
        return single.mask(single == 0) if name in self.zero_is_missing else single


def _fill(column: Floats, cells: pd.Series, kept: npt.NDArray[np.int64]) -> Feature:
    """Write the rows kept, (N,), into a column of x, and say what they mean."""
    name = str(cells.name)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        column[:] = cells.to_numpy()[kept] + 0.0  # no negative zeros: equal rows, equal hashes
        return Feature(name=name)
    codes, categories = _categories(cells.iloc[kept])
    column[:] = np.where(codes < 0, np.nan, codes)
    if len(categories) > max(_MAX_CATEGORY_SHARE * len(kept), 20):
        logger.warning(
            "Column '%s' has %d different values in %d rows: an id or prose? "
            "ingest.source.drop_columns leaves it out.",
            name,
            len(categories),
            len(kept),
        )
    return Feature(name=name, kind="categorical", categories=categories)


def _categories(cells: pd.Series) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the place of each value among the sorted ones, -1 where it is missing, and these."""
    codes, values = pd.factorize(cells)
    names: npt.NDArray[Any] = np.asarray(values, dtype=object)
    order = np.argsort(names)
    rank = np.append(np.argsort(order), -1)  # the last for a code of -1
    return rank[codes], tuple(names[order])
