"""Which rows of a table cannot become samples, and why.

N: rows.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import BadFile, printable
from foldwise.data.readers.delimited import DelimitedTable


class RowCheck:
    """Collects the rows that are refused; of several reasons the first is told."""

    def __init__(self, table: DelimitedTable) -> None:
        self._table = table
        self._reasons: dict[int, str] = {}

    def refuse(self, is_wrong: npt.NDArray[np.bool_], reason: str | Callable[[int], str]) -> None:
        """Refuse rows.

        Args:
            is_wrong: (N,)
            reason: The reason, or what gives it for a row's place in the table.
        """
        for place in np.flatnonzero(is_wrong).tolist():
            told = reason if isinstance(reason, str) else reason(place)
            self._reasons.setdefault(place, printable(told))

    def kept(self) -> npt.NDArray[np.int64]:
        """Return the places of the rows that are left, in order."""
        places: npt.NDArray[np.int64] = np.arange(len(self._table.frame))
        return np.delete(places, list(self._reasons))

    def bad_rows(self) -> tuple[BadFile, ...]:
        """Return the rows of a wrong length, then those that were refused, in order."""
        numbers = self._table.frame.index
        refused = (
            BadFile(self._table.row_name(int(numbers[place])), self._reasons[place])
            for place in sorted(self._reasons)
        )
        return (*self._table.bad_rows, *refused)


def refuse_missing(cells: pd.Series, what: str, check: RowCheck) -> None:
    """Refuse the rows where a cell is missing."""
    check.refuse(cells.isna().to_numpy(), f"{what} (column '{cells.name}') is missing")


def refuse_infinite(table: DelimitedTable, names: Sequence[str], check: RowCheck) -> None:
    """Refuse the rows where a number is infinite, or would be in single precision."""
    for name in names:
        with np.errstate(over="ignore"):
            single = table.frame[name].to_numpy(np.float32)
        check.refuse(np.isinf(single), f"column '{name}' is infinite, or too large for 32 bits")
