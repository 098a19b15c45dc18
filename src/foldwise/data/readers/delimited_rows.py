"""The rows of a text file that holds a table, in blocks, each with its number."""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from foldwise.data.bad_input import BadFile, printable
from foldwise.data.readers.column_builder import ColumnBuilder
from foldwise.data.readers.delimited_format import DelimitedFormat, Dialect, open_bytes

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 24  # a row must fit into one


@dataclass
class Rows:
    """What was read: the columns, which rows have content, and those of a wrong length."""

    dialect: Dialect
    columns: dict[str, ColumnBuilder]
    has_content: list[npt.NDArray[np.bool_]] = field(default_factory=list)  # block by block
    bad: list[pa_csv.InvalidRow] = field(default_factory=list)
    last_cell: str = ""

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows, all cells text."""
        blank = pc.equal(pc.utf8_trim_whitespace(batch.column(0)), "")
        for column in batch.columns[1:]:
            if not pc.any(blank).as_py():
                break
            blank = pc.and_(blank, pc.equal(pc.utf8_trim_whitespace(column), ""))
        self.last_cell = batch.column(-1)[-1].as_py() if len(batch) else self.last_cell
        content = pc.invert(blank)
        self.has_content.append(content.to_numpy(zero_copy_only=False))
        kept = batch if pc.all(content).as_py() else batch.filter(content)
        for name, builder in self.columns.items():
            builder.add(kept.column(self.dialect.names.index(name)))

    def numbers(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the rows with content, among all rows of data, from 0."""
        content = np.concatenate([np.empty(0, bool), *self.has_content])
        bad = [row.number - 1 - self.dialect.header_rows for row in self.bad]
        numbers: npt.NDArray[np.int64]
        numbers = np.delete(np.arange(len(content) + len(bad)), bad)[content]
        return numbers

    def warn_of_open_quote(self, file: Path) -> None:
        """Say so where the last cell reaches over the end of its line."""
        if self.last_cell.endswith(("\n", "\r")):
            logger.warning(
                "'%s': the last cell ends with a line break. Perhaps a quotation mark in it is "
                "never closed; ingest.source.quoting=off takes quotation marks as letters.",
                file,
            )

    def bad_files(self, file: Path) -> tuple[BadFile, ...]:
        """Return the rows of a wrong length."""
        return tuple(
            BadFile(f"{printable(file.name)}, row {row.number}", _reason(row)) for row in self.bad
        )


def read_rows(
    file: Path, form: DelimitedFormat, dialect: Dialect, columns: dict[str, ColumnBuilder]
) -> Rows:
    """Read all rows of a file into the columns that are wanted.

    Raises:
        pyarrow.ArrowException, OSError, EOFError, UnicodeError: The file is damaged, or not in
            this encoding.
    """
    rows = Rows(dialect, columns)

    def take_note(row: pa_csv.InvalidRow) -> str:
        rows.bad.append(row)
        return "skip"

    columns_by_place = [f"{i}" for i in range(len(dialect.names))]
    with open_bytes(file, form) as stream:
        reader = pa_csv.open_csv(
            stream,
            pa_csv.ReadOptions(
                use_threads=False,  # or the rows would not be numbered
                block_size=BLOCK_BYTES,
                column_names=columns_by_place,
                skip_rows=dialect.header_rows,
                encoding=form.encoding,
            ),
            pa_csv.ParseOptions(
                delimiter=dialect.separator,
                quote_char=dialect.quote or False,
                newlines_in_values=dialect.quote is not None,
                ignore_empty_lines=False,  # they count as rows; without content they are dropped
                invalid_row_handler=take_note,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(columns_by_place, pa.string()),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            rows.add(batch)
    return rows


def _reason(row: pa_csv.InvalidRow) -> str:
    cells = "cell" if row.actual_columns == 1 else "cells"
    found = f"{row.actual_columns} {cells}, but the header has {row.expected_columns}"
    if row.text and re.search(r'"[^"]*[\r\n]', row.text):
        return f"{found}; a quotation mark opens and is not closed (ingest.source.quoting=off?)"
    return found
