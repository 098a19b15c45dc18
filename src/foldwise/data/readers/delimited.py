"""Tables in text files (CSV, TSV, gzipped or not) and in Parquet files, as data frames.

Arrow reads them: unlike the readers of pandas it tells the number of every row that has too few or
too many cells, streams, and does not turn cells such as "NA" or "007" into something else.
"""

import difflib
import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from foldwise.data.bad_input import BadFile, IngestError, listing, printable
from foldwise.data.readers.column_builder import ColumnBuilder, is_single
from foldwise.data.readers.delimited_format import DelimitedFormat, detect_dialect, open_bytes
from foldwise.data.readers.delimited_rows import BLOCK_BYTES, Rows, read_rows
from foldwise.data.readers.parquet import parquet_column_names, read_parquet

logger = logging.getLogger(__name__)

_PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"
_EXPECTED = "Expected is a CSV, TSV or Parquet file; the text files may be gzipped."


@dataclass(frozen=True)
class DelimitedTable:
    """What a file holds: a frame, and the rows that have too few or too many cells.

    The index of the frame is the number of the row among the data rows of the file, from 0; rows
    that were left out leave a gap.
    """

    frame: pd.DataFrame
    bad_rows: tuple[BadFile, ...]
    file: Path
    header_rows: int  # in front of the data; none in a Parquet file
    decimal: str = "."

    def row_name(self, index: int) -> str:
        """Name a data row as a spreadsheet counts it: the header is row 1, the first data row 2.

        That is its line in an editor, too, unless a cell above it spans several lines. The rows of
        a Parquet file, which has no header, count from 1.
        """
        return f"{printable(self.file.name)}, row {self.row_number(index)}"

    def row_number(self, index: int) -> int:
        """Return the number of a data row as in its name."""
        return index + self.header_rows + 1


def read_delimited(
    path: Path,
    form: DelimitedFormat | None = None,
    *,
    columns: Collection[str] | None = None,
    text_columns: Collection[str] = (),
    float32: bool | Collection[str] = False,
) -> DelimitedTable:
    """Read a table.

    Columns of numbers alone come as int64 or float64 (NaN where missing), all others as text (NFC,
    otherwise as spelled; NaN where missing). Missing are blank cells and the format's
    `missing_values`, nothing else. Rows without any content are passed over. So are columns
    without a name, with a warning: row numbers that pandas wrote, or a separator too many.

    Args:
        path: The file; `~` is the home folder.
        form: How it is written; by default all is found out.
        columns: The columns that are wanted; by default all.
        text_columns: The columns that stay text even if they look like numbers, e.g. class names.
        float32: Whether numbers come as float32, which takes half the memory; or the columns
            of which they do.

    Raises:
        IngestError: The file is missing, no table, damaged, in another encoding, has no rows, or
            names a column twice.
    """
    file = _existing_file(path)
    form = form or DelimitedFormat()
    try:
        if _is_parquet(file):
            _check_names(parquet_column_names(file), file)
            frame = read_parquet(file, columns, text_columns, form.missing_values, float32)
            table = DelimitedTable(frame, (), file, 0)
        else:
            table = _read_text(file, form, columns, set(text_columns), float32)
    except (pa.ArrowException, OSError, EOFError, UnicodeError) as error:
        raise _explained(error, file, form) from None
    if len(table.frame) == 0 and not table.bad_rows:
        raise IngestError(f"'{file}' has column names, but no row below them.")
    return table


def read_column_names(path: Path, form: DelimitedFormat | None = None) -> tuple[str, ...]:
    """Return the names of the columns, without reading the rows.

    Raises:
        IngestError: The file is missing, no table, damaged, or names a column twice.
    """
    file = _existing_file(path)
    form = form or DelimitedFormat()
    try:
        is_parquet = _is_parquet(file)
        names = parquet_column_names(file) if is_parquet else detect_dialect(file, form).names
    except (pa.ArrowException, OSError, EOFError, UnicodeError) as error:
        raise _explained(error, file, form) from None
    _check_names(names, file)
    return tuple(name for name in names if name)


def require_columns(
    found: Collection[str], names: Sequence[str], parameter: str, path: Path
) -> None:
    """Check that columns are there.

    Args:
        found: The columns of the table (a frame's `columns` will do).
        names: Those that a parameter asks for.
        parameter: Its name, e.g. `label_column`.
        path: The file.

    Raises:
        IngestError: One is not there; the message lists those that are, and the nearest.
    """
    known = {str(name): None for name in found}  # in order
    for name in names:
        if name not in known:
            lower = {other.lower(): other for other in known}
            near = difflib.get_close_matches(name.lower(), lower, n=1)
            hint = f" Did you mean '{printable(lower[near[0]])}'?" if near else ""
            raise IngestError(
                f"ingest.source.{parameter}: '{path}' has no column '{printable(name)}'.{hint} "
                f"Its columns are {listing(list(known), 50)}."
            )


def _existing_file(path: Path) -> Path:
    file = path.expanduser()
    if not file.exists():
        raise IngestError(f"ingest.source.path: '{file}' does not exist. {_EXPECTED}")
    if not file.is_file():
        raise IngestError(f"ingest.source.path: '{file}' is not a file. {_EXPECTED}")
    if _magic(file) == _ZIP_MAGIC:
        raise IngestError(
            f"ingest.source.path: '{file}' is a ZIP or Excel file. {_EXPECTED} Save it as CSV."
        )
    return file


def _magic(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(4)


def _is_parquet(file: Path) -> bool:
    return _magic(file) == _PARQUET_MAGIC


def _check_names(names: Sequence[str], file: Path) -> None:
    twice = sorted(name for name, count in Counter(names).items() if name and count > 1)
    if twice:
        raise IngestError(
            f"'{file}' has more than one column called {listing(twice)}. Each needs its own name."
        )


def _read_text(
    file: Path,
    form: DelimitedFormat,
    columns: Collection[str] | None,
    text: set[str],
    float32: bool | Collection[str],
) -> DelimitedTable:
    dialect = detect_dialect(file, form)
    _check_names(dialect.names, file)
    if "" in dialect.names:
        logger.warning("'%s': left out %d columns without a name.", file, dialect.names.count(""))

    def read(text: set[str]) -> Rows:
        builders = {
            name: ColumnBuilder(
                is_text=name in text,
                missing=form.missing_values,
                decimal=dialect.decimal,
                float32=is_single(name, float32),
            )
            for name in dialect.names
            if name and (columns is None or name in columns)
        }
        return read_rows(file, form, dialect, builders)

    rows = read(text)
    late_text = {name for name, column in rows.columns.items() if column.is_late_text}
    if late_text:  # words after megabytes of numbers: only the file still knows their spelling
        rows = read(text | late_text)
    rows.warn_of_open_quote(file)
    frame = pd.DataFrame({name: column.series() for name, column in rows.columns.items()})
    frame.index = pd.Index(rows.numbers())
    bad_rows = rows.bad_files(file)
    return DelimitedTable(frame, bad_rows, file, dialect.header_rows, dialect.decimal)


def _explained(error: Exception, file: Path, form: DelimitedFormat) -> IngestError:
    message = printable(str(error))
    if isinstance(error, UnicodeError) or "UTF8" in message:
        where = _first_undecodable(file, form)
        if where is not None:
            return IngestError(
                f"'{file}', line {where[0]}: the byte 0x{where[1]:02x} is not {form.encoding}. "
                "Say with ingest.source.encoding what it is, e.g. cp1252 or latin-1 (Western "
                "Europe), utf-16 (Excel's 'Unicode text')."
            )
    if "straddl" in message:
        return IngestError(
            f"'{file}': a row is longer than {BLOCK_BYTES} bytes. Perhaps a quotation mark opens "
            "and is not closed: ingest.source.quoting=off takes quotes as letters."
        )
    return IngestError(f"'{file}' cannot be read: {message}.")


def _first_undecodable(file: Path, form: DelimitedFormat) -> tuple[int, int] | None:
    """Return (line, from 1; byte) of the first byte that does not fit the encoding."""
    with open_bytes(file, form) as stream:
        for number, line in enumerate(stream, 1):
            text = line.decode(form.encoding, errors="surrogateescape")
            wrong = re.search("[\udc80-\udcff]", text)
            if wrong:
                return number, ord(wrong[0]) - 0xDC00
    return None
