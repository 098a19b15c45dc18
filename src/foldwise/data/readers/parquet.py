"""Tables in Parquet files, as data frames like those read from text files."""

import unicodedata
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.column_builder import composed, is_single


def parquet_column_names(file: Path) -> tuple[str, ...]:
    """Return the names of the columns."""
    return tuple(unicodedata.normalize("NFC", name) for name in pq.read_schema(file).names)


def read_parquet(
    file: Path,
    columns: Collection[str] | None,
    text_columns: Collection[str],
    missing: Collection[str],
    float32: bool | Collection[str],
) -> pd.DataFrame:
    """Read a table; see `delimited.read_delimited` for the arguments.

    Numbers, texts and moments keep their kind; in a text column whole numbers are spelled without
    a decimal point. Truth values are text.

    Raises:
        IngestError: A column holds lists, structures or bytes.
    """
    names = [name for name in parquet_column_names(file) if columns is None or name in columns]
    stored = dict(zip(parquet_column_names(file), pq.read_schema(file).names, strict=True))
    series = {}
    for name in names:  # one by one, so that only one is in memory twice
        column = pq.read_table(file, columns=[stored[name]]).column(0)
        single = is_single(name, float32)
        series[name] = _series(column, name, name in text_columns, file, single)
        if missing:
            series[name] = _without(series[name], missing)
    return pd.DataFrame(series)


def _series(
    column: pa.ChunkedArray, name: str, is_text: bool, file: Path, float32: bool
) -> pd.Series:
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise IngestError(
            f"'{file}', column {listing([name])} holds {kind}. Allowed are numbers, texts, truth "
            "values and moments; drop the column, or name the columns that are to be read."
        )
    if pa.types.is_temporal(kind) and not is_text:
        return pd.Series(column.to_pandas())
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _spelled(column) if is_text else _numbers(column, float32)
    chunks = pc.cast(column, pa.string()).chunks
    texts = pa.chunked_array([composed(chunk) for chunk in chunks], pa.string())
    is_blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
    return pd.Series(pc.if_else(is_blank, None, texts).to_pandas())


def _numbers(column: pa.ChunkedArray, float32: bool) -> pd.Series:
    is_whole = pa.types.is_integer(column.type) and not column.null_count
    wanted = pa.float32() if float32 else pa.int64() if is_whole else pa.float64()
    return pd.Series(pc.cast(column, wanted, safe=False).to_numpy())


def _spelled(column: pa.ChunkedArray) -> pd.Series:
    """Return numbers as text: 7, also where pandas made it 7.0 because others are missing."""
    numbers = column.to_numpy()
    present = numbers[~pd.isna(numbers)]
    if len(present) and not pa.types.is_integer(column.type) and (np.mod(present, 1) == 0).all():
        column = pc.cast(column, pa.int64(), safe=False)
    null_if_nan = pc.if_else(pa.array(pd.isna(numbers)), None, pc.cast(column, pa.string()))
    return pd.Series(null_if_nan.to_pandas())


def _without(column: pd.Series, missing: Collection[str]) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        codes = pd.to_numeric(pd.Series(list(missing)), errors="coerce").dropna()
        return column.mask(column.isin(codes)) if column.isin(codes).any() else column
    return column.mask(column.isin(missing))
