"""All image files of a source to `x.npy` and the columns that come with them.

N: samples, C: channels, H: height, W: width.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from foldwise.data.images.batch import BatchResult
from foldwise.data.images.decode import ImageSpec
from foldwise.data.images.store import Entry, Store
from foldwise.data.images.workers import decode_in_order
from foldwise.data.packing import RowFile

_NUM_PROBES = 64


@dataclass(frozen=True)
class PackedImages:
    """The images that could be decoded, in order, and what is known of each."""

    x: npt.NDArray[np.uint8]  # (N, C, H, W), memory-mapped
    is_good: npt.NDArray[np.bool_]  # for each file that there was; N of them are
    result: BatchResult


def pack_images(
    entries: Sequence[Entry], store: Store, spec: ImageSpec, path: Path
) -> PackedImages:
    """Decode files into `path`, an `.npy` file, by all cores and in constant memory.

    With `channels: auto` there is room for grey first, where a few files spread over all of them
    are grey; a later one in colour begins everything anew, with three channels.
    """
    if spec.channels != "auto":
        return _pack(entries, store, spec, path, spec.channels)
    try:
        _pack(_spread(entries), store, spec, path, 1)
        return _pack(entries, store, spec, path, 1)
    except _ColourFoundError:
        return _pack(entries, store, spec, path, 3)


class _ColourFoundError(Exception):
    pass


def _pack(
    entries: Sequence[Entry], store: Store, spec: ImageSpec, path: Path, num_channels: int
) -> PackedImages:
    rows = RowFile(path, (num_channels, spec.height, spec.width), np.uint8)
    rows.create(len(entries))
    result = BatchResult()
    with contextlib.closing(decode_in_order(entries, store, spec, rows)) as batches:
        for batch in batches:
            if batch.is_colour:
                raise _ColourFoundError
            result.extend(batch)
    is_good = np.ones(len(entries), bool)
    is_good[list(result.bad)] = False
    if result.bad:
        rows.keep(is_good)
    return PackedImages(rows.open(), is_good, result)


def _spread(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return a few of them, evenly spread."""
    return entries[:: max(len(entries) // _NUM_PROBES, 1)]
