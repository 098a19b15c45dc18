"""An `.npy` file that is filled row by row, by several threads or processes, in constant memory.

Nothing is mapped while it is written: written pages of a map count as memory of the process.
"""

import io
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from foldwise.data.row_slices import row_slices

_BLOCK_BYTES = 16 * 2**20  # moved at a time


class RowFile:
    """A file of rows of one shape; whoever knows its path can write any of them at any time.

    Rows that were never written are zeros, and take no room on most disks.
    """

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.path = path
        self.row_shape = row_shape
        self.dtype = np.dtype(dtype)

    @property
    def row_bytes(self) -> int:
        """Return how many bytes a row takes."""
        return int(np.prod(self.row_shape)) * self.dtype.itemsize

    def create(self, num_rows: int) -> None:
        """Make the file, with its header and room for so many rows."""
        with self.path.open("wb") as file:
            offset = self._write_header(file, num_rows)
            file.truncate(offset + num_rows * self.row_bytes)

    def write(self, start: int, rows: npt.NDArray[np.generic]) -> None:
        """Write rows from row number `start` on, (n, *row_shape)."""
        with self.path.open("r+b", buffering=0) as file:
            self._seek(file, start)
            _write_all(file, np.ascontiguousarray(rows, self.dtype).data.cast("B"))

    def keep(self, is_kept: npt.NDArray[np.bool_]) -> None:
        """Close the gaps: drop all other rows and end the file behind the last."""
        rows = np.flatnonzero(is_kept)
        first = int(np.argmin(is_kept)) if not is_kept.all() else len(rows)  # those before stay
        with self.path.open("r+b") as file:
            for part in row_slices(len(rows) - first, self.row_bytes, _BLOCK_BYTES):
                block = [self._read(file, int(row)) for row in rows[first:][part]]
                self._seek(file, first + part.start)
                file.write(b"".join(block))
            file.seek(0)
            offset = self._write_header(file, len(rows))
            file.truncate(offset + len(rows) * self.row_bytes)

    def open(self) -> npt.NDArray[Any]:
        """Return all rows, memory-mapped, to be read only."""
        if os.path.getsize(self.path) == self._header_bytes:  # nothing cannot be mapped
            return np.zeros((0, *self.row_shape), self.dtype)
        rows: npt.NDArray[Any] = np.lib.format.open_memmap(str(self.path), mode="r")
        return rows

    @property
    def _header_bytes(self) -> int:
        return self._write_header(io.BytesIO(), 0)

    def _write_header(self, file: IO[bytes], num_rows: int) -> int:
        # NumPy leaves room in the header for the first axis to grow: its length never changes.
        header = {
            "descr": np.lib.format.dtype_to_descr(self.dtype),
            "fortran_order": False,
            "shape": (num_rows, *self.row_shape),
        }
        np.lib.format.write_array_header_1_0(file, header)
        return file.tell()

    def _seek(self, file: IO[bytes], row: int) -> None:
        file.seek(self._header_bytes + row * self.row_bytes)

    def _read(self, file: IO[bytes], row: int) -> bytes:
        self._seek(file, row)
        return file.read(self.row_bytes)


def _write_all(file: IO[bytes], data: memoryview) -> None:
    while len(data):
        data = data[file.write(data) :]
