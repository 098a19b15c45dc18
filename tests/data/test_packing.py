"""A file of rows, written in any order by anyone, is an ordinary `.npy` file in the end."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foldwise.data import packing
from foldwise.data.packing import RowFile

ROWS = np.arange(7 * 2 * 3, dtype=np.int32).reshape(7, 2, 3)


def row_file(tmp_path, num_rows=7):
    rows = RowFile(tmp_path / "x.npy", (2, 3), np.int32)
    rows.create(num_rows)
    return rows


def test_rows_in_any_order_make_the_file_that_numpy_reads(tmp_path):
    rows = row_file(tmp_path)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda i: rows.write(i, ROWS[i : i + 2]), [4, 0, 2, 5]))
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy", allow_pickle=False), ROWS)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    assert mapped.dtype == np.int32
    np.testing.assert_array_equal(mapped, ROWS)
    np.testing.assert_array_equal(rows.open(), ROWS)


def test_rows_that_were_never_written_are_zeros(tmp_path):
    rows = row_file(tmp_path)
    rows.write(3, ROWS[3:4])
    np.testing.assert_array_equal(rows.open()[[0, 3, 6]], ROWS[[3, 3, 3]] * [[[0]], [[1]], [[0]]])


@pytest.mark.parametrize("block_bytes", [1, 50, 2**20])
@given(is_kept=st.lists(st.booleans(), min_size=7, max_size=7))
def test_dropped_rows_leave_no_gap(tmp_path_factory, block_bytes, is_kept):
    folder = tmp_path_factory.mktemp("rows")
    before, packing._BLOCK_BYTES = packing._BLOCK_BYTES, block_bytes
    try:
        rows = row_file(folder)
        rows.write(0, ROWS)
        rows.keep(np.array(is_kept))
    finally:
        packing._BLOCK_BYTES = before
    np.testing.assert_array_equal(np.load(folder / "x.npy", allow_pickle=False), ROWS[is_kept])
    np.testing.assert_array_equal(rows.open(), ROWS[is_kept])
    assert os.path.getsize(folder / "x.npy") == 128 + sum(is_kept) * ROWS[0].nbytes


def test_the_header_is_as_long_for_a_row_as_for_a_billion():
    one, many = (RowFile(None, (3, 64, 64), np.uint8), RowFile(None, (1,), np.float64))
    for rows in (one, many):
        lengths = {_header_length(rows, n) for n in (0, 1, 10**9)}
        assert lengths == {rows._header_bytes}


def _header_length(rows, num_rows):
    return rows._write_header(io.BytesIO(), num_rows)


def test_no_rows_at_all(tmp_path):
    rows = row_file(tmp_path, 0)
    assert rows.open().shape == (0, 2, 3)
    assert np.load(tmp_path / "x.npy", allow_pickle=False).shape == (0, 2, 3)
