"""Arrays of any layout and number type become 8-bit images, part by part.

N: samples, C: channels, H: height, W: width.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.image_size import ImageSize, fit_arrays, height_and_width
from foldwise.data.readers.scratch_array import new_array, parts

AnyArray = npt.NDArray[Any]
Layout = Literal["auto", "NHWC", "NCHW"]

_LAYOUTS = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels"
_CHANNEL_COUNTS = (1, 3)


def channels_first(x: AnyArray, where: str, layout: Layout) -> AnyArray:
    """Return a view (N, C, H, W) of an array of any layout.

    Raises:
        IngestError: It is empty, or its shape is not that of images.
    """
    if x.size == 0:
        raise IngestError(f"{where} is empty: its shape is {x.shape}. Expected is {_LAYOUTS}.")
    if x.ndim == 3 and layout == "auto":
        return x[:, np.newaxis]
    if x.ndim != 4:
        raise IngestError(f"{where} has the shape {x.shape}. Expected is {_LAYOUTS}.")
    if _is_channels_last(x.shape, where, layout):
        x = np.moveaxis(x, -1, 1)
    if x.shape[1] not in _CHANNEL_COUNTS:
        raise IngestError(f"{where} has {x.shape[1]} channels (layout {layout}). Allowed: 1 or 3.")
    return x


def write_images(
    x: AnyArray,
    rows: npt.NDArray[np.int64],
    where: str,
    image_size: ImageSize | None,
    scratch: Path,
) -> npt.NDArray[np.uint8]:
    """Write some of the images to `x.npy` in the scratch folder, 8-bit and at the wanted size.

    Args:
        x: (N, C, H, W), uint8, or of another type with values in 0..1 (real numbers only) or
            0..255; it may be memory-mapped, and is then never wholly in memory.
        rows: Which images, in order.
        where: What an error calls `x`.
        image_size: As in `ImageSize`; none leaves them as they are.
        scratch: Where `x.npy` is written.

    Raises:
        IngestError: A value is out of range or not finite.
    """
    scale = _full_scale(x, where)
    size = x.shape[2:] if image_size is None else height_and_width(image_size)
    images: npt.NDArray[np.uint8] = new_array(scratch, (len(rows), x.shape[1], *size), np.uint8)
    for part in parts(len(rows), x[0].nbytes):
        images[part] = fit_arrays(_to_bytes(x[rows[part]], scale), image_size)
    return images


def _is_channels_last(shape: tuple[int, ...], where: str, layout: Layout) -> bool:
    if layout != "auto":
        return layout == "NHWC"
    first, last = shape[1] in _CHANNEL_COUNTS, shape[3] in _CHANNEL_COUNTS
    if first == last:
        problem = "two axes that could hold" if first else "no axis that could hold"
        raise IngestError(
            f"{where} has the shape {shape}: {problem} the channels. Expected is {_LAYOUTS}; "
            "ingest.source.layout (NHWC or NCHW) says which."
        )
    return last


def _full_scale(x: AnyArray, where: str) -> int:
    """Return by what the values are to be multiplied: 255 where they span 0..1, else 1."""
    if x.dtype == np.uint8:
        return 1
    if x.dtype.kind not in "biuf":
        raise IngestError(f"{where} has the type {x.dtype}. Allowed: uint8, or numbers in 0..255.")
    _refuse_rows(x, lambda part: ~np.isfinite(part), where, "finite numbers")
    _refuse_rows(x, lambda part: (part < 0) | (part > 255), where, "0..1 or 0..255")
    return 255 if x.dtype.kind == "b" or (x.dtype.kind == "f" and x.max() <= 1) else 1


def _to_bytes(x: AnyArray, scale: int) -> npt.NDArray[np.uint8]:
    if x.dtype.kind in "ui":
        return x.astype(np.uint8, copy=False)
    scaled: AnyArray = x if scale == 1 else x * np.float32(scale)
    return np.rint(scaled).astype(np.uint8)


def _refuse_rows(
    x: AnyArray, find: Callable[[AnyArray], npt.NDArray[np.bool_]], where: str, allowed: str
) -> None:
    found = [
        part.start + np.flatnonzero(find(x[part]).any(axis=tuple(range(1, x.ndim))))
        for part in parts(len(x), x[0].nbytes)
    ]
    rows = np.concatenate(found)
    if len(rows):
        value = x[rows[0]][find(x[rows[0]])][0]
        raise IngestError(
            f"{where}: row {rows[0]} holds {value}; {len(rows)} of {len(x)} rows hold such "
            f"values. Allowed are {allowed}."
        )
