"""The images in a `.tar`, `.tar.gz` or `.zip` file, read in place.

Nothing is unpacked to files, so no member can be written anywhere: a name that leads out of the
archive, a link that does, a device are noted as bad files. What kind of archive a file is, its
first bytes say, not its name. A tar file that is gzipped can only be read from its beginning, so
it is gunzipped into the scratch folder once.
"""

import contextlib
import errno
import gzip
import lzma
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from foldwise.data.bad_input import IngestError
from foldwise.data.images.store import Entry, TarStore, ZipStore
from foldwise.data.readers.folder_tree import (
    ImageFile,
    Tree,
    identifier,
    is_image_name,
    is_passed_over,
    is_unicode,
)
from foldwise.data.readers.member_time import whole_seconds, zip_time

EXPECTED = "Expected is a folder, or a .tar, .tar.gz or .zip file."

_GZIP, _ZIP, _TAR = b"\x1f\x8b", b"PK", b"ustar"
_TAR_MAGIC_AT = 257
_CHUNK_BYTES = 2**20
_IS_ENCRYPTED = 1  # bit of a zip member's flags

# What the standard library raises over a crafted or damaged archive, as fuzzing showed; an
# `OSError` counts where it has no number (bz2, gzip) or is about an impossible place.
_DAMAGES = (
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)

Kind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold at most; more is refused before anything is decoded."""

    max_members: int
    max_unpacked_bytes: int


class Member(NamedTuple):
    """What an archive says of a member."""

    name: str
    kind: Kind
    entry: Entry = None  # of a file
    target: str = ""  # of a link: a path from the top of the archive
    num_bytes: int = 0


def scan_archive(path: Path, scratch: Path, limits: ArchiveLimits) -> Tree:
    """List the images in an archive.

    Args:
        path: The archive.
        scratch: A folder to gunzip into. The file `archive.tar` there is to be removed afterwards.
        limits: What it may hold at most.

    Raises:
        IngestError: It is no archive, damaged, truncated, encrypted or over a limit.
    """
    with path.open("rb") as file:
        head = file.read(_TAR_MAGIC_AT + len(_TAR))
    with damage_told(path):
        if head.startswith(_ZIP):
            return _scan_zip(path, limits)
        if head.startswith(_GZIP):
            return _scan_tar(path, _gunzip(path, scratch / "archive.tar", limits), limits)
        if head.endswith(_TAR):
            return _scan_tar(path, path, limits)
    raise IngestError(f"ingest.source.path: '{path}' is no archive that can be read. {EXPECTED}")


@contextlib.contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what a damaged archive raises into an error that names it.

    Raises:
        IngestError: The archive is damaged, truncated or none at all.
    """
    try:
        yield
    except _DAMAGES as error:
        reason: Exception = error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        reason = error
    else:
        return
    raise IngestError(
        f"ingest.source.path: '{path}' is damaged or truncated, or no archive ({reason})."
    )


def _gunzip(path: Path, target: Path, limits: ArchiveLimits) -> Path:
    num_bytes = 0
    with gzip.open(path) as packed, target.open("wb") as unpacked:
        while chunk := packed.read(_CHUNK_BYTES):
            num_bytes += len(chunk)
            _check_bytes(path, num_bytes, limits)
            unpacked.write(chunk)
    return target


def _scan_tar(path: Path, unpacked: Path, limits: ArchiveLimits) -> Tree:
    with tarfile.open(unpacked, "r:") as tar:
        return _tree(Tree(path, TarStore(str(unpacked))), _tar_members(tar), limits)


def _tar_members(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        tar.members = []  # type: ignore[attr-defined]  # else it keeps all of them, 1 kB each
        if info.isdir():
            yield Member(info.name, "folder")
        elif info.issym():
            target = posixpath.join(posixpath.dirname(info.name), info.linkname)
            yield Member(info.name, "link", target=target)
        elif info.islnk():
            yield Member(info.name, "link", target=info.linkname)
        elif info.isreg() and not info.issparse():
            entry = [info.offset_data, info.size, whole_seconds(info.mtime)]
            yield Member(info.name, "file", entry, num_bytes=info.size)
        else:
            yield Member(info.name, "other")


def _scan_zip(path: Path, limits: ArchiveLimits) -> Tree:
    with zipfile.ZipFile(path) as archive:
        members = (_zip_member(path, info) for info in archive.infolist())
        return _tree(Tree(path, ZipStore(str(path))), members, limits)


def _zip_member(path: Path, info: zipfile.ZipInfo) -> Member:
    if info.is_dir():
        return Member(info.filename, "folder")
    if info.flag_bits & _IS_ENCRYPTED:
        raise IngestError(
            f"ingest.source.path: '{path}' is encrypted. Unpack it with its password first."
        )
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Member(info.filename, "other")
    sizes = [info.compress_size, info.file_size]
    entry = [info.header_offset, *sizes, info.compress_type, info.CRC, zip_time(info.date_time)]
    return Member(info.filename, "file", entry, num_bytes=info.file_size)


def _tree(tree: Tree, members: Iterator[Member], limits: ArchiveLimits) -> Tree:
    links: list[tuple[str, str]] = []
    entries: dict[str, Entry] = {}
    num_bytes = 0
    for i, member in enumerate(members):
        _check_members(tree.root, i + 1, limits)
        num_bytes += member.num_bytes
        _check_bytes(tree.root, num_bytes, limits)
        path = None if ".." in member.name.split("/") else _inside(member.name)
        if path is None or not is_unicode(path):
            reason = "its name leads out of the archive" if path is None else "is not Unicode"
            tree.add_bad_file(member.name, reason)
        elif path:
            _add(tree, path, member, entries, links)
    for path, target in links:
        _add_link(tree, path, _inside(target), entries)
    tree.sort()
    return tree


def _add(
    tree: Tree,
    path: str,
    member: Member,
    entries: dict[str, Entry],
    links: list[tuple[str, str]],
) -> None:
    """Sort one member into the tree; keep a link for when all files are known."""
    *folders, name = path.split("/")
    if any(is_passed_over(part) for part in (*folders, name)):
        tree.num_ignored += member.kind != "folder"
        return
    _add_folders(tree, path if member.kind == "folder" else path.rpartition("/")[0])
    if member.kind == "folder":
        return
    if member.kind == "other":
        tree.add_bad_file(path, "not a regular file")
    elif not is_image_name(name):
        tree.num_ignored += 1
    elif member.kind == "link":
        links.append((path, member.target))
    else:
        entries[path] = member.entry
        tree.files.append(ImageFile(identifier(path), member.entry))


def _add_folders(tree: Tree, path: str) -> None:
    # An archive need not list its folders; those in a row of files are mostly the same one.
    while path and (not tree.folders or tree.folders[-1] != identifier(path)):
        tree.folders.append(identifier(path))
        path = path.rpartition("/")[0]


def _add_link(tree: Tree, path: str, target: str | None, entries: dict[str, Entry]) -> None:
    if target is None:
        tree.add_bad_file(path, "a link that leads out of the archive")
    elif target not in entries:
        tree.add_bad_file(path, "a link to nothing in the archive")
    else:
        tree.files.append(ImageFile(identifier(path), entries[target]))


def _inside(name: str) -> str | None:
    """Return the path of a member without `.` and `..`; None where it leads out.

    >>> _inside("./cats/1.png"), _inside("a/../b"), _inside("a/../../b"), _inside("/etc/x")
    ('cats/1.png', 'b', None, None)
    """
    path = posixpath.normpath(name)
    if path.startswith(("/", "../")) or path == "..":
        return None
    return "" if path == "." else path


def _check_members(path: Path, number: int, limits: ArchiveLimits) -> None:
    if number > limits.max_members:
        raise IngestError(
            f"ingest.source.path: '{path}' holds more members than "
            f"ingest.source.max_members={limits.max_members}."
        )


def _check_bytes(path: Path, number: int, limits: ArchiveLimits) -> None:
    if number > limits.max_unpacked_bytes:
        raise IngestError(
            f"ingest.source.path: '{path}' unpacks to more bytes than "
            f"ingest.source.max_unpacked_bytes={limits.max_unpacked_bytes}."
        )
