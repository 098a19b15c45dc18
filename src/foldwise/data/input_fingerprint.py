"""What a reading depends on, as one hash: parameters, code, libraries, and files untouched since.

Files are told by their size, inode and time of change, as Git does, not by reading them: a
hundred thousand pictures are looked at in a second. The time of change, unlike the time of
modification, cannot be set back by a program.
"""

import hashlib
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from foldwise.code_closure import code_hash
from foldwise.config import Config, json_hash

_LIBRARIES = (
    "datasets",
    "numpy",
    "pandas",
    "pillow",
    "pyarrow",
    "scikit-learn",
    "simplejpeg",
    "sktime",
    "torchvision",
)


def input_fingerprint(config: Config, inputs: Sequence[Path] | None, module: str) -> str | None:
    """Return the hash, or None where an input is not there or cannot be told.

    Args:
        config: The parameters of the reading.
        inputs: The files and folders that it reads; folders with all that lies in them. None
            where no file tells whether what is read has changed.
        module: The module whose code reads, with all that it imports.
    """
    if inputs is None:
        return None
    try:
        states = [[str(path.resolve()), _states(path)] for path in inputs]
    except OSError:
        return None
    return json_hash(
        {
            "config": config.model_dump(mode="json"),
            "inputs": states,
            "code": code_hash(module),
            "python": platform.python_version(),
            "libraries": {name: _version(name) for name in _LIBRARIES},
        }
    )


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:  # of an optional extra
        return None


def _states(path: Path) -> str:
    """Return a hash over the states of a file, or of all files below a folder."""
    digest = hashlib.sha256()
    root = str(path)
    if not os.path.isdir(root):
        digest.update(_state("", os.stat(root)))
        return digest.hexdigest()
    pending = [""]
    while pending:
        folder = pending.pop()
        below = []
        for entry in _listed(root, folder):
            name = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                below.append(f"{name}/")
            else:
                digest.update(_state(name, _stat(entry)))
        pending += reversed(below)
    return digest.hexdigest()


def _listed(root: str, folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(f"{root}/{folder}") as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    # Links are followed as readers follow them; one that leads nowhere is told by itself.
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)


def _state(name: str, stat: os.stat_result) -> bytes:
    """Return name, size, inode and time of change, so that no two states read alike."""
    state = f"{name}\0{stat.st_size} {stat.st_ino} {stat.st_ctime_ns}\0"
    return state.encode(errors="surrogateescape")
