"""Arrays that are mapped from a file, handed to other processes by the name of that file."""

import contextlib
from collections.abc import Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@contextlib.contextmanager
def hand_over_by_name() -> Iterator[None]:
    """Let processes that start here map the same files, where arrays would be copied to them."""
    ForkingPickler.register(np.memmap, _reduced)
    try:
        yield
    finally:
        ForkingPickler._extra_reducers.pop(np.memmap)  # type: ignore[attr-defined]  # no other way


def _reduced(array: "np.memmap[Any, Any]") -> tuple[Any, ...]:
    path = None if array.filename is None else Path(array.filename)
    if path is None or not _is_whole(array, path):
        copied = np.asarray(array).__reduce__()
        assert isinstance(copied, tuple)
        return copied
    return _mapped, (str(path.resolve()), array.dtype.str, array.shape, array.offset)


def _is_whole(array: "np.memmap[Any, Any]", path: Path) -> bool:
    """Whether it is all of the file but its header: a part still has the name and the offset."""
    if not array.flags["C_CONTIGUOUS"] or not path.exists():
        return False
    return array.offset + array.nbytes == path.stat().st_size


def _mapped(path: str, dtype: str, shape: tuple[int, ...], offset: int) -> npt.NDArray[Any]:
    return np.memmap(path, dtype=np.dtype(dtype), mode="r", offset=offset, shape=shape)
