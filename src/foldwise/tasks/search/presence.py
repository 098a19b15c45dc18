"""Which processes that share a folder are alive: each holds a lock that ends with it."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from foldwise.atomic import one_at_a_time

_FOLDER = "workers"
# This process's name in a folder; a fork is another process.
_names: dict[tuple[Path, int], tuple[str, int]] = {}


def present(folder: Path) -> str:
    """Tell those who share `folder` that this process lives, until it ends; return its name.

    Unlike a process id, the name is never used again, and it holds across containers.
    """
    key = (folder.resolve(), os.getpid())
    if key not in _names:
        _names[key] = _enter(folder / _FOLDER)
    return _names[key][0]


def is_present(folder: Path, name: str) -> bool:
    """Tell whether the process of this name still lives."""
    return _is_held(folder / _FOLDER / name)


def is_anyone_present(folder: Path) -> bool:
    """Tell whether any other process that has said so still lives."""
    mine = _names.get((folder.resolve(), os.getpid()), ("", 0))[0]
    names = [path for path in (folder / _FOLDER).glob("*") if path.name != mine]
    return any(_is_held(path) for path in names)


def _enter(folder: Path) -> tuple[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{os.getpid()}-{secrets.token_hex(8)}"
    with one_at_a_time(folder):  # between creating a file and locking it, it looks dead
        _sweep(folder)
        descriptor = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return name, descriptor  # stays open until the process ends


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        if not _is_held(path):
            path.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
