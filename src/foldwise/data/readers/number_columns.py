"""Columns that must hold numbers alone."""

from collections.abc import Sequence

import pandas as pd

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.delimited import DelimitedTable
from foldwise.data.readers.mistyped_cells import count_numbers


def require_numbers(table: DelimitedTable, names: Sequence[str]) -> None:
    """Check that columns hold numbers.

    Raises:
        IngestError: One holds something else; the message names the first such row.
    """
    for name in names:
        cells = table.frame[name]
        if pd.api.types.is_numeric_dtype(cells.dtype):
            continue
        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            found = f"column '{name}' holds moments"
        else:
            _, found = count_numbers(table, name)
        raise IngestError(
            f"'{table.file}': {found}. Expected are numbers alone. If a cell says that the value "
            "is missing, name it in ingest.source.missing_values; a comma for a decimal point "
            "needs ingest.source.decimal=comma where commas separate the columns."
        )
