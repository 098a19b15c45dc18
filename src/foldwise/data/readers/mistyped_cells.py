"""Columns that would hold numbers alone, were it not for a few cells.

One mistyped cell must neither turn measurements into categories nor drop them.
"""

from collections.abc import Sequence

import pandas as pd

from foldwise.data.bad_input import IngestError, printable
from foldwise.data.readers.column_builder import numbers_of
from foldwise.data.readers.delimited import DelimitedTable

_MIN_NUMBER_SHARE = 0.9
_MAX_SHOWN = 3


def refuse_mistyped(table: DelimitedTable, names: Sequence[str], advice: str) -> None:
    """Refuse columns of which nine cells in ten are numbers, but not all; missing ones aside.

    Args:
        table: The table.
        names: The columns that nothing is said of; those of numbers alone pass.
        advice: What would work; `{names}` in it stands for the columns that are refused.

    Raises:
        IngestError: There are such columns; the message tells of all of them.
    """
    told = {}
    for name in names:
        if pd.api.types.is_string_dtype(table.frame[name].dtype):
            share, counted = count_numbers(table, name)
            if _MIN_NUMBER_SHARE <= share < 1:
                told[name] = f"  {counted}"
    if told:
        lines = [
            f"'{printable(table.file.name)}' holds cells that may be mistyped:",
            *told.values(),
        ]
        raise IngestError("\n".join([*lines, advice.format(names=";".join(told))]))


def count_numbers(table: DelimitedTable, name: str) -> tuple[float, str]:
    """Return the share of numbers among the cells of a column of text, and how it is told.

    The text names the first cells that are none, in rows as a spreadsheet counts them.
    """
    cells = table.frame[name].dropna()
    is_other = pd.isna(numbers_of(cells, table.decimal))
    others = cells[is_other]
    shown = [
        f"row {table.row_number(index)} is '{printable(cell)}'"
        for index, cell in zip(others.index[:_MAX_SHOWN].tolist(), others, strict=False)
    ]
    more = len(others) - len(shown)
    rows = ", ".join(shown) + (f", and {more} more" if more > 0 else "")
    numbers = len(cells) - len(others)
    told = f"{numbers} of {len(cells)} cells of '{printable(name)}' are numbers"
    return numbers / max(len(cells), 1), f"{told}; {rows or 'the file holds them as text'}"
