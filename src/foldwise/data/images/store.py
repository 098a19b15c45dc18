"""Where the bytes of image files lie: in a folder, in a tar file, in a zip file.

Every store is told what to read by an *entry* that its scan made, reads any of them in any order,
from several threads at once, and can be named to another process by `describe()`. No archive is
unpacked: an entry of one says at which byte its contents begin.
"""

import os
import struct
import zlib
from typing import Any, NamedTuple, Protocol

from foldwise.data.images.decode import BadImageError

Entry = Any  # a JSON value; which one is up to the store
MAX_FILE_BYTES = 2**29  # of one picture as it lies on the disk; it is held in memory as a whole

_ZIP_HEADER = struct.Struct("<4s22xHH")  # signature, lengths of the name and of the extra field
_STORED, _DEFLATED = 0, 8


class Encoded(NamedTuple):
    """The contents of a file, and when it was last changed, in whole seconds since 1970."""

    data: bytes
    time: int


class Store(Protocol):
    """Where files lie."""

    def read(self, entry: Entry) -> Encoded:
        """Read one file.

        Raises:
            BadImageError: It cannot be read.
        """
        ...

    def describe(self) -> list[str]:
        """Return what `open_store` makes the same store from: its kind and its path."""
        ...


class FolderStore:
    """Files below a folder; an entry is the path from there."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, entry: Entry) -> Encoded:
        """Read one file."""
        try:
            descriptor = os.open(f"{self._path}/{entry}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                stat = os.fstat(descriptor)
                check_file_bytes(stat.st_size)
                data = os.read(descriptor, stat.st_size + 1)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise BadImageError(error.strerror or str(error)) from None
        if len(data) != stat.st_size:
            raise BadImageError("its size changed while it was read")
        return Encoded(data, int(stat.st_mtime))

    def describe(self) -> list[str]:
        """Return kind and path."""
        return ["folder", self._path]


class TarStore:
    """Members of a tar file that is not compressed; an entry is [first byte, size, time]."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed with the object)

    def read(self, entry: Entry) -> Encoded:
        """Read one member."""
        first, size, time = entry
        return Encoded(_read_at(self._file.fileno(), first, size), time)

    def describe(self) -> list[str]:
        """Return kind and path."""
        return ["tar", self._path]


class ZipStore:
    """Members of a zip file.

    An entry is [first byte of its own header, compressed size, size, method, checksum, time].
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed with the object)

    def read(self, entry: Entry) -> Encoded:
        """Read and unpack one member; never more than the size that was promised."""
        first, compressed_size, size, method, checksum, time = entry
        check_file_bytes(size)
        file = self._file.fileno()
        signature, *lengths = _ZIP_HEADER.unpack(_read_at(file, first, _ZIP_HEADER.size))
        if signature != b"PK\x03\x04":
            raise BadImageError("damaged: the archive has no header of it")
        data = _read_at(file, first + _ZIP_HEADER.size + sum(lengths), compressed_size)
        if method == _DEFLATED:
            data = _inflated(data, size)
        elif method != _STORED:
            raise BadImageError(f"packed by method {method}; allowed are stored and deflated")
        if len(data) != size or zlib.crc32(data) != checksum:
            raise BadImageError("damaged: its checksum or size in the archive does not match")
        return Encoded(data, time)

    def describe(self) -> list[str]:
        """Return kind and path."""
        return ["zip", self._path]


def open_store(description: list[str]) -> Store:
    """Return the store that was described."""
    kind, path = description
    kinds: dict[str, type[FolderStore | TarStore | ZipStore]] = {
        "folder": FolderStore,
        "tar": TarStore,
        "zip": ZipStore,
    }
    return kinds[kind](path)


def check_file_bytes(num_bytes: int) -> None:
    """Refuse a file too large to be a picture.

    Raises:
        BadImageError: It is.
    """
    if num_bytes > MAX_FILE_BYTES:
        raise BadImageError(f"{num_bytes} bytes; allowed are {MAX_FILE_BYTES}")


def _inflated(data: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    except zlib.error as error:
        raise BadImageError(f"damaged in the archive ({error})") from None


def _read_at(file: int, first: int, size: int) -> bytes:
    check_file_bytes(size)
    try:
        data = os.pread(file, size, first)
    except (OSError, OverflowError, ValueError) as error:  # no such place or size in any file
        raise BadImageError(f"cannot be read in the archive ({error})") from None
    if len(data) != size:
        raise BadImageError("truncated: the archive ends before it does")
    return data
