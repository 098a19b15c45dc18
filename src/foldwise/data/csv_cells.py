"""Cells of a CSV file that a spreadsheet cannot take for formulas."""

import pandas as pd

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_safe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which no text can be taken for a formula by a spreadsheet.

    >>> csv_safe(pd.DataFrame({"class": ["=1+1", "cat"], "f1": [-0.5, 1.0]}))["class"].tolist()
    ["'=1+1", 'cat']
    """
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = [
                f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell
                for cell in safe[name]
            ]
    return safe
