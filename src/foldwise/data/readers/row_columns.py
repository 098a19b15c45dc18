"""What columns tell of a row besides its content: who it is, where it belongs, when it was.

N: rows.
"""

from collections.abc import Sequence

import pandas as pd

from foldwise.config import Config
from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.delimited import DelimitedTable, require_columns
from foldwise.data.readers.delimited_format import NameList
from foldwise.data.readers.moments import times_of
from foldwise.data.readers.row_check import RowCheck, refuse_missing

_META = "meta_"
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


class RowColumns(Config):
    """The columns that describe a row; lists may be one text with semicolons between."""

    id_column: str | None = None  # unique; by default row_000000 for the first row of data
    group_column: str | None = None  # rows of one group stay on one side of a split
    split_column: str | None = None  # train, val or test: the official split
    time_column: str | None = None  # numbers, or moments in ISO 8601 (UTC where no zone is given)
    meta_columns: NameList = ()  # travel along to the reports

    def described(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each parameter."""
        names = ("id_column", "group_column", "split_column", "time_column")
        single = {name: getattr(self, name) for name in names}
        columns = {name: (column,) for name, column in single.items() if column is not None}
        return {**columns, "meta_columns": self.meta_columns}

    def text_columns(self) -> tuple[str, ...]:
        """Return those of which the spelling counts."""
        return tuple(
            name
            for parameter, names in self.described().items()
            if parameter != "meta_columns"
            for name in names
        )


def describe_rows(table: DelimitedTable, columns: RowColumns, check: RowCheck) -> pd.DataFrame:
    """Return `sample_id` and, where asked for, `group`, `official_split`, `time` and `meta_*`.

    Rows without an id, a split or a time, or with one that is none, are refused; a row without a
    group stands by itself.

    Raises:
        IngestError: A column is missing, an id occurs twice, a time is out of range, or two meta
            columns would have the same name.
    """
    frame = table.frame
    for parameter, names in columns.described().items():
        require_columns(frame.columns, names, parameter, table.file)
    described = pd.DataFrame({"sample_id": _ids(table, columns.id_column, check).array})
    if columns.group_column is not None:
        described["group"] = frame[columns.group_column].array
    if columns.split_column is not None:
        described["official_split"] = _splits(frame[columns.split_column], check).array
    if columns.time_column is not None:
        described["time"] = times_of(frame[columns.time_column], table.decimal, check).array
    for meta, name in _meta_names(columns.meta_columns).items():
        described[meta] = frame[name].array
    return described


def _meta_names(names: Sequence[str]) -> dict[str, str]:
    """Return the column of each name with the prefix; one that has it already keeps its name."""
    columns: dict[str, str] = {}
    for name in names:
        meta = name if name.startswith(_META) else f"{_META}{name}"
        other = columns.setdefault(meta, name)
        if other != name:
            raise IngestError(
                f"ingest.source.meta_columns: {listing([other])} and {listing([name])} would both "
                f"become {listing([meta])}. Rename one, or name the one that is wanted."
            )
    return columns


def _ids(table: DelimitedTable, column: str | None, check: RowCheck) -> pd.Series:
    if column is None:
        return "row_" + table.frame.index.to_series().astype("str").str.zfill(6)
    cells = table.frame[column]
    refuse_missing(cells, "the id", check)
    twice = cells[cells.notna() & cells.duplicated(keep=False)]
    if len(twice):
        rows = [table.row_name(number) for number in twice.index[twice == twice.iloc[0]]]
        raise IngestError(
            f"ingest.source.id_column: '{twice.iloc[0]}' occurs {len(rows)} times in column "
            f"'{column}' of '{table.file}' ({listing(rows, 3)}); {twice.nunique()} ids occur more "
            "than once. Each row needs its own. Is it a group_column?"
        )
    return cells.fillna("")


def _splits(cells: pd.Series, check: RowCheck) -> pd.Series:
    refuse_missing(cells, "the split", check)
    splits = cells.str.strip().str.lower().map(_SPLITS)
    check.refuse(
        (splits.isna() & cells.notna()).to_numpy(),
        lambda i: (
            f"the split (column '{cells.name}') is '{cells.iloc[i]}'; allowed are "
            "train, val and test"
        ),
    )
    return splits
