"""A column of times: numbers, or moments.

N: rows.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.column_builder import numbers_of, parse_numbers
from foldwise.data.readers.row_check import RowCheck, refuse_missing


def times_of(cells: pd.Series, decimal: str, check: RowCheck) -> pd.Series:
    """Return int64, float64 or datetime64[ns] (in UTC, where a zone is given), (N,).

    Rows without a time are refused, and those with one of another kind than most: what is no
    number among numbers, what is no moment in ISO 8601 among others.

    Args:
        cells: (N,) numbers, moments or text.
        decimal: The decimal sign of numbers in text.
        check: Takes note of the rows that are refused.

    Raises:
        IngestError: A moment lies before 1678 or after 2262.
    """
    refuse_missing(cells, "the time", check)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return _in_utc(cells)
    texts = cells.str.strip().fillna("0")  # a number, if all others are: its row is refused
    exact = parse_numbers(pa.array(texts, pa.string()), decimal)
    if exact is not None:
        return pd.Series(exact, cells.index)
    numbers = pd.Series(numbers_of(cells, decimal), cells.index)
    is_number = numbers.notna().sum() * 2 > cells.notna().sum()
    times = numbers if is_number else _in_utc(cells.str.strip())
    expected = "no number" if is_number else "no moment in ISO 8601 such as 2024-05-31T17:00"
    check.refuse(
        np.asarray(times.isna() & cells.notna()),
        lambda i: f"the time (column '{cells.name}') is '{cells.iloc[i]}', {expected}",
    )
    return times


def _in_utc(cells: pd.Series) -> pd.Series:
    """Return moments without a zone, NaT where there is none."""
    try:
        moments = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
        return moments.dt.tz_localize(None).astype("datetime64[ns]")
    except pd.errors.OutOfBoundsDatetime as error:
        raise IngestError(f"ingest.source.time_column: {error}.") from None
