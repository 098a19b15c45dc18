"""Some image files to some rows of `x.npy`, and what there is to say of each.

k: files, C: channels, H: height, W: width.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.images.crop import image_reader
from foldwise.data.images.decode import BadImageError, ImageSpec
from foldwise.data.images.store import Entry, Store
from foldwise.data.packing import RowFile

Facts = tuple[int, int, int, int, str, int | None]
_FACTS = ("file_bytes", "file_time", "meta_height", "meta_width", "file_mode", "file_jpeg_quality")


@dataclass
class BatchResult:
    """Columns with a value for each good file, in order, and the reasons why others are bad."""

    sha256: list[str] = field(default_factory=list)
    file_bytes: list[int] = field(default_factory=list)
    file_mode: list[str] = field(default_factory=list)
    file_jpeg_quality: list[int | None] = field(default_factory=list)
    file_time: list[int] = field(default_factory=list)
    meta_height: list[int] = field(default_factory=list)
    meta_width: list[int] = field(default_factory=list)
    bad: dict[int, str] = field(default_factory=dict)  # row in `x.npy` -> reason
    is_colour: bool = False  # colour where only grey had room: nothing was written

    def extend(self, other: "BatchResult") -> None:
        """Append another batch."""
        self.bad |= other.bad
        for name, values in vars(other).items():
            if isinstance(values, list):
                getattr(self, name).extend(values)


def decode_batch(
    start: int, entries: Sequence[Entry], store: Store, spec: ImageSpec, rows: RowFile
) -> BatchResult:
    """Decode files and write them from row number `start` on; the row of a bad one stays black.

    Where boxes are wanted, an entry is [entry of the picture, box]. Grey pictures where there is
    room for colour get three equal channels.
    """
    result = BatchResult()
    read = image_reader(store, spec)
    facts: list[Facts] = []
    x = np.zeros((len(entries), *rows.row_shape), np.uint8)
    for i, entry in enumerate(entries):
        try:
            num_bytes, time, image = read(entry)
        except BadImageError as error:
            result.bad[start + i] = str(error)
            continue
        if image.pixels.ndim == 2:
            x[i] = image.pixels
        elif rows.row_shape[0] == 3:
            x[i] = image.pixels.transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)
        else:
            return BatchResult(is_colour=True)
        facts.append((num_bytes, time, *image[1:]))  # the pixels can go
    rows.write(start, x)
    for name, column in zip(_FACTS, zip(*facts, strict=True), strict=False):
        setattr(result, name, list(column))
    is_good = [start + i not in result.bad for i in range(len(x))]
    result.sha256 = row_hashes(x[is_good] if result.bad else x)
    return result


def row_hashes(x: npt.NDArray[Any]) -> list[str]:
    """Return `samples.array_hash` of each row, in a third of the time for small ones."""
    start = hashlib.sha256(f"{x.dtype.str}{x.shape[1:]}".encode())
    hashes = []
    for row in x:
        digest = start.copy()
        digest.update(row)
        hashes.append(digest.hexdigest())
    return hashes
