"""A table that lies in a `.tar`, `.tar.gz` or `.zip` file, beside the images that it names."""

import difflib
import posixpath
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

from foldwise.data.bad_input import IngestError, listing, printable
from foldwise.data.readers.archive import damage_told
from foldwise.data.readers.folder_tree import identifier

_ZIP = b"PK"
_SUFFIXES = (".csv", ".parquet", ".tsv", ".txt")  # of tables, for an error that lists them


def copy_table(archive: Path, name: str, folder: Path, max_bytes: int) -> Path:
    """Copy one member of an archive into a folder, under its last name, and return it.

    Args:
        archive: The archive.
        name: The path in it.
        folder: Where the copy goes.
        max_bytes: Of the table, at most.

    Raises:
        IngestError: There is no such file in it, it is too large, encrypted or packed in a way
            that cannot be read, or the archive is damaged.
    """
    wanted = identifier(posixpath.normpath(name))
    tables: list[str] = []
    with damage_told(archive):
        for member, num_bytes, open_member in _members(archive):
            found = identifier(posixpath.normpath(member))
            if found == wanted:
                _check_bytes(archive, name, num_bytes, max_bytes)
                return _copied(archive, name, open_member, folder / posixpath.basename(wanted))
            if found.lower().endswith(_SUFFIXES):
                tables.append(found)
    near = difflib.get_close_matches(wanted, tables, n=1, cutoff=0.5)
    hint = f" Did you mean '{printable(near[0])}'?" if near else ""
    held = f" It holds {listing(sorted(tables))}." if tables else ""
    raise IngestError(
        f"ingest.source.table: '{archive}' holds no file '{printable(name)}'.{hint}{held}"
    )


def _members(archive: Path) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    """Yield name, size and what opens it of each file, which must happen at once."""
    with archive.open("rb") as file:
        is_zip = file.read(len(_ZIP)) == _ZIP
    if is_zip:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                if not member.is_dir():
                    yield member.filename, member.file_size, partial(packed.open, member)
        return
    with tarfile.open(archive, "r|*") as tar:
        for info in tar:
            if info.isreg():
                yield info.name, info.size, partial(_open_in_tar, tar, info)


def _open_in_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(info)
    assert stream is not None  # it is a regular file
    return stream


def _copied(archive: Path, name: str, open_member: Callable[[], IO[bytes]], target: Path) -> Path:
    try:
        with open_member() as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file)
    except RuntimeError as error:  # so zipfile says that it has no password, or cannot unpack
        raise IngestError(
            f"ingest.source.table: '{printable(name)}' in '{archive}' cannot be unpacked "
            f"({error})."
        ) from None
    return target


def _check_bytes(archive: Path, name: str, num_bytes: int, max_bytes: int) -> None:
    if num_bytes > max_bytes:
        raise IngestError(
            f"ingest.source.table: '{printable(name)}' in '{archive}' unpacks to {num_bytes} "
            f"bytes; allowed are ingest.source.max_unpacked_bytes={max_bytes}."
        )
