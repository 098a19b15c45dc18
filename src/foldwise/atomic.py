"""Files and folders that appear whole or not at all, and their hashes.

Everything is written beside its destination, flushed to the disk and renamed, so a process killed
at any moment leaves the earlier result untouched. What it may leave is a hidden temporary sibling
that names its process; the next writer of that folder sweeps it away.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foldwise.config import json_hash

# `old` is a folder that steps aside where the system cannot exchange two folders in one step.
_SEAL = "seal"
_TEMPORARY = re.compile(
    r"^\.(?P<name>.+)\.(?P<kind>tmp|old)-(?P<pid>\d+)-(?P<process>[0-9a-f]{8})[0-9a-f]{8}$",
    re.DOTALL,
)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success it is fsynced and renamed to `path`, else removed.

    Raises:
        OSError: It cannot be written (a full disk, say); the error names `path`.
    """
    temporary = _prepare(path)
    try:
        with _errors_name(path, temporary):
            yield temporary
            _fsync(temporary)
            os.replace(temporary, path)
            _fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; on success it takes the place of `path`, else it goes.

    Raises:
        OSError: It cannot be written (a full disk, say); the error names `path`.
    """
    temporary = _prepare(path)
    try:
        with _errors_name(path, temporary):
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                _fsync(file)
            _fsync(temporary)
            _move_into_place(temporary, path)
            _fsync(path.parent)
    finally:
        _remove(temporary)


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder that is there; a second process waits."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Write a JSON value atomically, keys sorted, so that equal values give equal bytes."""
    with atomic_path(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def write_sealed_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object with a checksum of itself under the key `seal`."""
    write_json(path, {**value, _SEAL: json_hash(value)})


def read_sealed_json(path: Path) -> dict[str, Any]:
    """Read what `write_sealed_json` wrote, without the seal.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON object, or not the one that was written.
    """
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict) or value.pop(_SEAL, None) != json_hash(value):
        raise ValueError("its checksum does not match")
    return value


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep_strays(folder: Path) -> None:
    """Remove what dead processes left in `folder`; put back a folder that had stepped aside."""
    for entry in folder.iterdir():
        match = _TEMPORARY.match(entry.name)
        if not match or _is_in_use(int(match["pid"]), match["process"]):
            continue
        destination = folder / match["name"]
        if match["kind"] == "old" and not os.path.lexists(destination):
            with contextlib.suppress(OSError):  # another process may do the same just now
                entry.rename(destination)
        else:
            _remove(entry)


def temporary_sibling(path: Path, kind: str = "tmp") -> Path:
    """Return a hidden name beside `path` that tells which process it belongs to."""
    name = f".{path.name}.{kind}-{os.getpid()}-{_process_token()}{secrets.token_hex(4)}"
    return path.with_name(name)


def is_alive(pid: int) -> bool:
    """Tell whether a process with this id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _prepare(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_strays(path.parent)
    return temporary_sibling(path)


@functools.cache
def _process_token() -> str:
    # In a container every run has the same process id: the token tells this life from the last.
    return secrets.token_hex(4)


def _is_in_use(pid: int, process: str) -> bool:
    if pid == os.getpid():
        return process == _process_token()
    return is_alive(pid)


@contextlib.contextmanager
def _errors_name(path: Path, temporary: Path) -> Iterator[None]:
    # A full disk surfaces as an error without a file, or with a hidden one that is gone by then.
    try:
        yield
    except OSError as error:
        named = error.filename
        if named is not None and not os.fsdecode(named).startswith(str(temporary)):
            raise
        # NumPy reports a short write ("8 requested and 2 written") without an error number.
        reason = error.strerror or f"{error} (is the disk full?)"
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error


def _move_into_place(temporary: Path, path: Path) -> None:
    # POSIX renames a folder onto nothing or onto an empty folder only.
    try:
        temporary.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        if not _exchange(temporary, path):
            _step_aside(temporary, path)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step; False where the system or the file system cannot."""
    at_fdcwd, rename_exchange = -100, 2  # fcntl.h, linux/fs.h
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    arguments = (at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), rename_exchange)
    return bool(renameat2(*arguments) == 0)


def _step_aside(temporary: Path, path: Path) -> None:
    # Between the two renames nothing stands at `path`; a process killed there is mended by the
    # sweep of the next one.
    old = temporary_sibling(path, "old")
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
