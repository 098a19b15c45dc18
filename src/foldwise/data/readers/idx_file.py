"""The idx format of the MNIST family: a header with type and shape, then the values.

Bytes 0 and 1 are zero, byte 2 is the type, byte 3 the number of axes, then one 32-bit number per
axis and the values, all big-endian (LeCun, Cortes and Burges, "The MNIST database", 1998).

The header is read here, the values by NumPy. The readers that exist (`torchvision.datasets.mnist`,
`idx2numpy`) load a whole file, do not unpack, take a file that is cut short or too long for good
or fail with an assertion, and so are of no help with files of unknown origin.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.gzip_magic import is_gzipped
from foldwise.data.readers.scratch_array import parts

_MAX_DEFLATE = 1032  # zlib packs no stream tighter than 1032 to 1 (its technical notes)
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_AXES = 4


@dataclass(frozen=True)
class IdxFile:
    """An idx file whose header has been read."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """Return how many bytes the values take, unpacked."""
        return math.prod(self.shape) * self.dtype.itemsize

    def parts(self) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """Yield the rows, some at a time and in order, and which ones they are.

        Raises:
            IngestError: The file holds fewer or more values than its header says, or is damaged.
        """
        row_bytes = self.num_bytes // max(self.shape[0], 1)
        with _reading(self.path) as file:
            file.seek(4 + 4 * len(self.shape))
            for part in parts(self.shape[0], row_bytes):
                num_rows = part.stop - part.start
                content = self._take(file, num_rows * row_bytes, part.start * row_bytes)
                rows = np.frombuffer(content, self.dtype)
                yield part, rows.reshape(num_rows, *self.shape[1:])
            if self._take(file, 1, self.num_bytes, is_end=True):
                raise IngestError(
                    f"'{self.path}' goes on after the {self.num_bytes} bytes that its header "
                    f"promises (shape {self.shape}). It is damaged, or another format."
                )

    def _take(self, file: BinaryIO, size: int, before: int, is_end: bool = False) -> bytes:
        try:
            content = file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise IngestError(f"'{self.path}' is damaged ({error}).") from None
        if len(content) < size and not is_end:
            raise IngestError(
                f"'{self.path}' ends after {before + len(content)} bytes of values, but its "
                f"header promises {self.num_bytes} (shape {self.shape}). It is cut short."
            )
        return content


def open_idx(path: Path, max_bytes: int) -> IdxFile:
    """Read the header of an idx file, gzipped or not.

    Raises:
        IngestError: It is no idx file, or its header promises more than `max_bytes` or more than
            the file can hold.
    """
    try:
        with _reading(path) as file:
            magic = file.read(4)
            axes = _axes(path, magic)
            header = file.read(4 * axes)
    except (OSError, EOFError, zlib.error) as error:
        raise IngestError(f"'{path}' is damaged ({error}).") from None
    if len(header) < 4 * axes:
        raise IngestError(f"'{path}' ends within its header. It is cut short.")
    idx = IdxFile(path, np.dtype(_TYPES[magic[2]]), struct.unpack(f">{axes}I", header))
    _check_size(idx, max_bytes)
    return idx


def _axes(path: Path, magic: bytes) -> int:
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise IngestError(
            f"'{path}' is no idx file: it starts with the bytes {magic.hex(' ') or '(none)'}. "
            f"Expected are 00 00, a type ({', '.join(f'{code:02x}' for code in _TYPES)}) and the "
            "number of axes."
        )
    if not 1 <= magic[3] <= _MAX_AXES:
        raise IngestError(f"'{path}' has {magic[3]} axes. Allowed: 1 to {_MAX_AXES}.")
    return magic[3]


def _check_size(idx: IdxFile, max_bytes: int) -> None:
    size = idx.path.stat().st_size
    is_gzip = is_gzipped(idx.path)
    room = size * _MAX_DEFLATE if is_gzip else size - 4 - 4 * len(idx.shape)
    if idx.num_bytes > room:
        raise IngestError(
            f"'{idx.path}' has a header that promises {idx.num_bytes} bytes (shape {idx.shape}), "
            f"but the file, of {size} bytes, cannot hold more than {room}."
        )
    if idx.num_bytes > max_bytes:
        raise IngestError(
            f"'{idx.path}' unpacks to {idx.num_bytes} bytes, but "
            f"ingest.source.max_bytes={max_bytes}."
        )


def _reading(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")
