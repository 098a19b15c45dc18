"""NumPy's own files: `.npy`, which can be read without copying, and archives of them, `.npz`."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import IngestError, listing

AnyArray = npt.NDArray[Any]

_NPY_MAGIC = b"\x93NUMPY"


def is_npy(path: Path) -> bool:
    """Tell whether a file starts as an `.npy` file does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_NPY_MAGIC)) == _NPY_MAGIC


def map_npy(path: Path) -> AnyArray:
    """Map an `.npy` file into memory: what is not looked at is never read.

    Raises:
        IngestError: It holds Python objects, or is damaged.
    """
    try:
        array: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise _refusal(f"'{path}'", error) from None
    return array


def read_npz(path: Path, max_bytes: int) -> dict[str, AnyArray]:
    """Read x, y and, where there are any, group and classes.

    Raises:
        IngestError: It is no archive, a key is missing or damaged, or it is too large unpacked.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise IngestError(f"ingest.source.path: '{path}' is not an .npz or .npy file.")
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory can make it fail in any way
        raise IngestError(f"'{path}' is damaged ({error}).") from None
    with archive:
        sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.filelist}
        wanted = [key for key in ("x", "y", "group", "classes") if key in sizes]
        _check_keys(path, sizes, wanted, max_bytes)
        return {key: _read_key(archive, key, path) for key in wanted}


def _check_keys(path: Path, sizes: dict[str, int], wanted: Sequence[str], max_bytes: int) -> None:
    missing = [key for key in ("x", "y") if key not in sizes]
    if missing:
        raise IngestError(
            f"'{path}' has no key {listing(missing)}; found are the keys "
            f"{listing(sorted(sizes)) or '(none)'}. Expected: x, y. Allowed: group, classes."
        )
    num_bytes = sum(sizes[key] for key in wanted)
    if num_bytes > max_bytes:
        raise IngestError(
            f"'{path}' unpacks to {num_bytes} bytes, but ingest.source.max_bytes={max_bytes}."
        )


def _read_key(archive: zipfile.ZipFile, key: str, path: Path) -> AnyArray:
    try:
        with archive.open(f"{key}.npy") as member:
            array: AnyArray = np.lib.format.read_array(member, allow_pickle=False)
            member.read(1)  # at the end the checksum is verified
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise _refusal(f"'{path}', key {key}", error) from None
    return array


def _refusal(where: str, error: Exception) -> IngestError:
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        return IngestError(
            f"{where}: an array of Python objects, which is never unpickled. "
            "Store numbers, or strings as a NumPy string array (`.astype(str)`)."
        )
    return IngestError(f"{where} is damaged ({error}).")
