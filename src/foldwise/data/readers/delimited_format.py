"""How a text file holds a table: its separator, decimal sign, quotes and header.

`csv.Sniffer` guesses from letter frequencies and mistakes prose for separators; here the header
decides, and the rows must agree with it.
"""

import csv
import gzip
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from foldwise.config import Config
from foldwise.data.bad_input import IngestError
from foldwise.data.readers.gzip_magic import is_gzipped

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
_DECIMALS = {"point": ".", "comma": ","}
_TAB_SUFFIXES = (".tsv", ".tab")
_SAMPLE_BYTES = 1 << 18
_MAX_SAMPLE_BYTES = 1 << 24  # where the first rows are longer; no row may be longer than that
_SAMPLE_ROWS = 200
_DECIMAL_NUMBER = re.compile(r"\s*[+-]?\d*([.,])\d+(?:[eE][+-]?\d+)?\s*")


def _names(value: Any) -> Any:  # noqa: ANN401  (raw input, before its type is checked)
    if isinstance(value, str):
        return tuple(name.strip() for name in re.split("[,;]", value) if name.strip())
    if isinstance(value, int | float):
        return (str(value),)
    return tuple(str(name) for name in value) if isinstance(value, list | tuple) else value


def _one_character(value: str) -> str:
    value = _SEPARATORS.get(value, value)
    if value != "auto" and len(value) != 1:
        allowed = ", ".join(f"'{name}'" for name in ("auto", *_SEPARATORS))
        raise ValueError(f"must be one character or one of {allowed}, but got {value!r}")
    return value


# A list, or one text with commas or semicolons between: the command line carries neither lists nor
# commas (`--params "ingest.source.drop_columns=id;name"`; a sign that YAML knows goes into quotes
# of its own: `ingest.source.missing_values='?'`).
NameList = Annotated[tuple[str, ...], BeforeValidator(_names)]
Separator = Annotated[str, AfterValidator(_one_character)]


class DelimitedFormat(Config):
    """How to read a delimited file; what is `auto` is found out from its first 200 rows."""

    separator: Separator = "auto"  # one character, or comma, semicolon, tab, pipe, space
    decimal: Literal["auto", "point", "comma"] = "auto"
    quoting: Literal["auto", "on", "off"] = "auto"  # of cells in "..."; auto: off in a .tsv
    encoding: str = "utf-8"  # any name that Python knows
    missing_values: NameList = ()  # cells that are missing, e.g. "?", besides blank ones
    max_unpacked_bytes: int = Field(16 * 2**30, ge=1)  # of a gzipped file


@dataclass(frozen=True)
class Dialect:
    """A format without anything left to find out."""

    names: tuple[str, ...]  # of the columns, NFC, without blanks around; "" where there is none
    header_rows: int  # rows up to the header, itself included
    separator: str
    decimal: str
    quote: str | None


class _BoundedGzip(gzip.GzipFile):
    """A gzipped file that does not unpack to more than it may: a few kilobytes can hold much."""

    max_bytes: int

    def read(self, size: int | None = -1) -> bytes:
        """Read up to `size` bytes."""
        data = super().read(size)
        if self.tell() > self.max_bytes:
            raise OSError(
                f"it unpacks to more than ingest.source.max_unpacked_bytes={self.max_bytes} bytes"
            )
        return data


def open_bytes(file: Path, form: DelimitedFormat) -> BinaryIO:
    """Open a file for reading, unpacked where it is gzipped (by content, not by name)."""
    if not is_gzipped(file):
        return file.open("rb")
    unpacked = _BoundedGzip(file)
    unpacked.max_bytes = form.max_unpacked_bytes
    return unpacked  # type: ignore[return-value]  # a GzipFile reads as a BinaryIO does


def detect_dialect(file: Path, form: DelimitedFormat) -> Dialect:
    """Find out what the format leaves open.

    Raises:
        IngestError: The file is empty, or its encoding unknown.
        UnicodeError: The header is not in the encoding given.
    """
    lines = _first_lines(file, form)
    names = [name.lower() for name in (file.name, file.stem)]
    is_tab = any(name.endswith(_TAB_SUFFIXES) for name in names)
    is_quoted = not is_tab if form.quoting == "auto" else form.quoting == "on"
    quote = '"' if is_quoted else None
    separator = form.separator
    if separator == "auto":
        has_tab = any("\t" in line for line in lines[:1])
        separator = "\t" if is_tab and has_tab else _likely_separator(lines, quote)
    rows = _records(lines, separator, quote)
    header_rows, header = next((row for row in rows if any(map(str.strip, row[1]))), (0, []))
    if not header:
        raise _no_header(file, lines)
    if any("\ufffd" in name for name in header):
        raise UnicodeError("the header")
    decimal = _DECIMALS.get(form.decimal) or _likely_decimal((row for _, row in rows), separator)
    names = [unicodedata.normalize("NFC", name.strip()) for name in header]
    return Dialect(tuple(names), header_rows, separator, decimal, quote)


def _no_header(file: Path, lines: Sequence[str]) -> IngestError:
    if not any(map(str.strip, lines)):
        return IngestError(f"'{file}' is empty. Expected is a header line with column names.")
    return IngestError(
        f"'{file}': a name of a column is longer than {csv.field_size_limit()} characters. Is "
        "ingest.source.separator right? If a quotation mark opens and is not closed, "
        "ingest.source.quoting=off takes quotes as letters."
    )


def _first_lines(file: Path, form: DelimitedFormat) -> list[str]:
    """Return the first lines as they are, the header and a row at least.

    A last one that is cut off is left out, unless it is as long as no row may be.
    """
    with open_bytes(file, form) as stream:
        sample, size = stream.read(_SAMPLE_BYTES), _SAMPLE_BYTES
        lines = _lines(sample, form)
        while len(sample) == size < _MAX_SAMPLE_BYTES and len(lines) < 3:
            sample, size = sample + stream.read(size), 2 * size
            lines = _lines(sample, form)
        is_cut = bool(stream.read(1))
    return lines[:-1] if is_cut and len(lines) > 1 else lines


def _lines(sample: bytes, form: DelimitedFormat) -> list[str]:
    try:
        text = sample.decode(_without_mark(form.encoding), errors="replace")
    except LookupError:
        raise IngestError(
            f"ingest.source.encoding: '{form.encoding}' is not known. Allowed are the names that "
            "Python knows, e.g. utf-8, utf-16, cp1252, latin-1."
        ) from None
    return list(io.StringIO(text.removeprefix("\ufeff"), newline=""))


def _without_mark(encoding: str) -> str:
    return "utf-8" if encoding.lower().replace("_", "-") == "utf-8-sig" else encoding


def _records(
    lines: Sequence[str], separator: str, quote: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of its last line, cells) of each row."""
    if quote is None:
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(lines, delimiter=separator, quotechar=quote)
    try:
        for row in islice(reader, _SAMPLE_ROWS):
            yield reader.line_num, row
    except csv.Error:  # a cell of more than 128 KiB: what came before it must do
        return


def _likely_separator(lines: Sequence[str], quote: str | None) -> str:
    """Return the separator whose header has most agreement with the rows, then most columns."""

    def agreement(separator: str) -> tuple[float, int]:
        widths = [len(row) for _, row in _records(lines, separator, quote) if row]
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths[1:]) / max(len(widths) - 1, 1), widths[0]

    return max(",;\t|", key=agreement)


def _likely_decimal(rows: Iterator[list[str]], separator: str) -> str:
    """Return a comma where numbers are written so and none has a point.

    Between commas "1,234" is as likely a thousand: it stays text, unless the user says what it is.
    """
    if separator == ",":
        return "."
    matches = (_DECIMAL_NUMBER.fullmatch(cell) for row in rows for cell in row)
    return "," if {match[1] for match in matches if match} == {","} else "."
