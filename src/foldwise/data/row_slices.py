"""Rows of an array in slices that are small in memory."""

from collections.abc import Iterator


def row_slices(num_rows: int, row_bytes: int, slice_bytes: int) -> Iterator[slice]:
    """Cut rows into slices of at most `slice_bytes`, but of one row at least.

    >>> list(row_slices(5, 10, 25))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(slice_bytes // max(row_bytes, 1), 1)
    for start in range(0, num_rows, step):
        yield slice(start, min(start + step, num_rows))
