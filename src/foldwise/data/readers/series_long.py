"""Series in a long table: one row per step, several rows per series.

S: series, R: rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import listing, printable
from foldwise.data.readers.delimited import DelimitedTable
from foldwise.data.readers.row_check import RowCheck
from foldwise.data.readers.series_order import SeriesOrder


@dataclass(frozen=True)
class SeriesTable(DelimitedTable):
    """A table condensed to one row per series; its rows are called by the name of the series."""

    names: tuple[str, ...] = ()

    def row_name(self, index: int) -> str:
        """Name a series."""
        return f"{printable(self.file.name)}, series '{printable(self.names[index])}'"


def condense(
    table: DelimitedTable,
    order: SeriesOrder,
    series_column: str,
    columns: Sequence[str],
    bad_rows: RowCheck,
) -> tuple[SeriesTable, RowCheck]:
    """Return what columns say of each series, and refuse the series of which they say two things.

    A blank cell says nothing: it is enough that a column is filled in one row of a series.
    """
    codes = np.repeat(np.arange(len(order.names)), np.diff(order.bounds))  # (R,)
    cells = {name: table.frame[name].take(order.rows) for name in columns}
    frame = pd.DataFrame({name: some.groupby(codes).first() for name, some in cells.items()})
    frame[series_column] = pd.Series(order.names, dtype="str")
    condensed = SeriesTable(
        frame, bad_rows.bad_rows(), table.file, table.header_rows, table.decimal, order.names
    )
    check = RowCheck(condensed)
    for some in cells.values():
        counts = np.asarray(some.groupby(codes).nunique(), dtype=np.int64)
        check.refuse(counts > 1, _contradiction(some, codes, counts))
    return condensed, check


def channel_values(
    table: DelimitedTable, order: SeriesOrder, series: Sequence[int], channels: Sequence[str]
) -> Iterator[npt.NDArray[Any]]:
    """Yield the values of each series, (its number of rows, F)."""
    columns = [table.frame[name].to_numpy() for name in channels]
    for number in series:
        rows = order.of(number)
        yield np.stack([column[rows] for column in columns], axis=-1)


def _contradiction(
    cells: pd.Series, codes: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> Callable[[int], str]:
    def reason(place: int) -> str:
        values = sorted(set(cells[codes == place].dropna().astype(str)))
        found = f"{counts[place]} values ({listing(values, 3)})"
        return f"column '{cells.name}' holds {found}, where one is expected"

    return reason
