"""The rows of a long table, series by series and in the order of time.

R: rows, S: series.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.delimited import DelimitedTable

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SeriesOrder:
    """Which rows belong to which series."""

    names: tuple[str, ...]  # (S,), sorted
    rows: Indices  # (R,) places in the table, one series after the other, each in order
    bounds: Indices  # (S + 1,) where in `rows` each series starts, and where the last ends

    def of(self, series: int) -> Indices:
        """Return the rows of one series."""
        return self.rows[self.bounds[series] : self.bounds[series + 1]]


def order_rows(
    table: DelimitedTable,
    kept: Indices,
    series: pd.Series | None,
    times: pd.Series | None,
    name: str,
) -> SeriesOrder:
    """Sort the rows.

    Args:
        table: The table; what follows are columns of it.
        kept: The rows to sort, by place.
        series: The id of each row's series; none: all rows are one series.
        times: The time of each row; none: the rows stand in their order.
        name: Of the series, where they are one.

    Raises:
        IngestError: A time occurs twice within a series.
    """
    if series is None:
        names, codes = np.array([name]), np.zeros(len(kept), dtype=np.int64)
    else:
        codes, uniques = pd.factorize(series.take(kept), sort=True)
        names = np.asarray(uniques, dtype=str)
    rows = _sorted(kept, codes, times)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(names)))])
    order = SeriesOrder(tuple(names.tolist()), rows, bounds.astype(np.int64))
    if times is not None:
        _refuse_repeated_times(table, order, times)
    return order


def _sorted(kept: Indices, codes: Indices, times: pd.Series | None) -> Indices:
    is_grouped = bool((codes[1:] >= codes[:-1]).all())
    if times is None:
        return kept if is_grouped else kept[np.argsort(codes, kind="stable")]
    values = times.to_numpy()[kept]
    is_later = (values[1:] >= values[:-1]) | (codes[1:] > codes[:-1])
    if is_grouped and is_later.all():  # as most files are: nothing to sort
        return kept
    return kept[np.lexsort((values, codes))]


def _refuse_repeated_times(table: DelimitedTable, order: SeriesOrder, times: pd.Series) -> None:
    values = times.to_numpy()[order.rows]
    is_repeated = values[1:] == values[:-1]
    is_repeated[order.bounds[1:-1] - 1] = False  # the first row of the next series
    places = np.flatnonzero(is_repeated)
    if len(places):
        first = places[0]
        name = order.names[np.searchsorted(order.bounds, first, side="right") - 1]
        numbers = table.frame.index[order.rows[first : first + 2]]
        raise IngestError(
            f"'{table.file}': the time {times.iloc[order.rows[first]]} of series '{name}' stands "
            f"in more than one row ({listing([table.row_name(int(n)) for n in numbers])}); so do "
            f"{len(places)} times in all. Within a series each needs its own."
        )
