"""Arrays in an `.npz` file.

N: samples, C: channels, H: height, W: width.
"""

import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from foldwise.config import Config
from foldwise.data.sources.image_size import ImageSize, fit_arrays
from foldwise.data.sources.source import IngestError, Reading, listing, printable

AnyArray = npt.NDArray[Any]
Layout = Literal["auto", "NHWC", "NCHW"]

_LAYOUTS = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels"
_CHANNEL_COUNTS = (1, 3)


class NpzSource(Config):
    """Images `x` and labels `y`, with `group` and `classes` where there are any.

    `x` is uint8, or of another type with values in 0..1 (real numbers only) or 0..255; `y` holds
    class names, or integers: indices into `classes` where that is given, else names. `group` holds
    integers or strings. Other keys are not read.
    """

    kind: Literal["npz"] = "npz"
    path: Path  # `~` is the home folder
    image_size: ImageSize | None = None  # none: as they are
    layout: Layout = "auto"  # of `x`; auto: the axis of length 1 or 3 holds the channels
    max_bytes: int = Field(8 * 2**30, ge=1)  # of the arrays, unpacked

    def read(self) -> Reading:
        """Read the arrays, in their order.

        Raises:
            IngestError: The file, a key, a shape, a type or a value is not as it must be.
        """
        path = self.path.expanduser()
        arrays = _load(path, self.max_bytes)
        x = _to_images(arrays["x"], f"'{path}', key x", self.layout)
        _check_lengths(arrays, len(x), path)
        labels, classes = _labels(arrays["y"], arrays.get("classes"), path)
        table = pd.DataFrame(
            {
                "sample_id": [f"row_{i:06d}" for i in range(len(x))],
                "label": labels,
            }
        )
        if "group" in arrays:
            table["group"] = _names(arrays["group"], f"'{path}', key group")
        return Reading(
            x=fit_arrays(x, self.image_size),
            table=table,
            classes=classes,
            size_policy="none" if self.image_size is None else "resize",
        )


def _load(path: Path, max_bytes: int) -> dict[str, AnyArray]:
    if not path.exists():
        raise IngestError(
            f"ingest.source.path: '{path}' does not exist. Expected is an .npz file."
        )
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise IngestError(f"ingest.source.path: '{path}' is not an .npz file.")
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory can make it fail in any way
        raise IngestError(f"'{path}' is damaged ({error}).") from None
    with archive:
        sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.filelist}
        wanted = [key for key in ("x", "y", "group", "classes") if key in sizes]
        _check_keys(path, sizes, wanted, max_bytes)
        return {key: _load_key(archive, key, path) for key in wanted}


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


def _load_key(archive: zipfile.ZipFile, key: str, path: Path) -> AnyArray:
    try:
        with archive.open(f"{key}.npy") as member:
            array: AnyArray = np.lib.format.read_array(member, allow_pickle=False)
            member.read(1)  # at the end the checksum is verified
    except Exception as error:  # a hostile file can make a decoder fail in any way
        if "allow_pickle" in str(error):
            raise IngestError(
                f"'{path}', key {key}: an array of Python objects, which is never unpickled. "
                "Store numbers, or strings as a NumPy string array (`.astype(str)`)."
            ) from None
        raise IngestError(f"'{path}', key {key} is damaged ({error}).") from None
    return array


def _check_lengths(arrays: dict[str, AnyArray], num_samples: int, path: Path) -> None:
    for key in ("y", "group"):
        if key not in arrays:
            continue
        shape = arrays[key].shape
        if len(shape) != 1:
            raise IngestError(f"'{path}', key {key} has the shape {shape}; expected is (N,).")
        if shape[0] != num_samples:
            raise IngestError(
                f"'{path}': x has {num_samples} rows, but {key} has {shape[0]}. "
                "Both must have as many."
            )


def _to_images(x: AnyArray, where: str, layout: Layout) -> npt.NDArray[np.uint8]:
    """Return (N, C, H, W)."""
    if x.size == 0:
        raise IngestError(f"{where} is empty: its shape is {x.shape}. Expected is {_LAYOUTS}.")
    if x.ndim == 3 and layout == "auto":
        return np.ascontiguousarray(_to_bytes(x, where))[:, np.newaxis]
    if x.ndim != 4:
        raise IngestError(f"{where} has the shape {x.shape}. Expected is {_LAYOUTS}.")
    if _channels_last(x.shape, where, layout):
        x = np.moveaxis(x, -1, 1)
    if x.shape[1] not in _CHANNEL_COUNTS:
        raise IngestError(f"{where} has {x.shape[1]} channels (layout {layout}). Allowed: 1 or 3.")
    return np.ascontiguousarray(_to_bytes(x, where))


def _channels_last(shape: tuple[int, ...], where: str, layout: Layout) -> bool:
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


def _to_bytes(x: AnyArray, where: str) -> npt.NDArray[np.uint8]:
    if x.dtype == np.uint8:
        return x
    if x.dtype.kind not in "biuf":
        raise IngestError(f"{where} has the type {x.dtype}. Allowed: uint8, or numbers in 0..255.")
    _refuse_rows(~np.isfinite(x), x, where, "finite numbers")
    _refuse_rows((x < 0) | (x > 255), x, where, "0..1 or 0..255")
    if x.dtype.kind == "b" or (x.dtype.kind == "f" and x.max() <= 1):
        x = x * np.float32(255)
    return np.rint(x).astype(np.uint8)


def _refuse_rows(is_wrong: npt.NDArray[np.bool_], x: AnyArray, where: str, allowed: str) -> None:
    rows = np.flatnonzero(is_wrong.any(axis=tuple(range(1, x.ndim))))
    if len(rows):
        value = x[rows[0]][is_wrong[rows[0]]][0]
        raise IngestError(
            f"{where}: row {rows[0]} holds {value}; {len(rows)} of {len(x)} rows hold such "
            f"values. Allowed are {allowed}."
        )


def _labels(
    y: AnyArray, classes: AnyArray | None, path: Path
) -> tuple[list[str], tuple[str, ...]]:
    """Return the class name of each row, and the classes in order."""
    where = f"'{path}', key y"
    names = _names(y, where)
    if classes is None:
        order = np.unique(y) if y.dtype.kind in "iu" else sorted(set(names))
        return names, tuple(str(name) for name in order)
    if classes.ndim != 1:
        raise IngestError(
            f"'{path}', key classes has the shape {classes.shape}; expected is (K,)."
        )
    known = _names(classes, f"'{path}', key classes")
    if len(set(known)) < len(known):
        raise IngestError(f"'{path}', key classes names a class twice: {listing(known)}.")
    if y.dtype.kind in "iu":
        _refuse_labels((y < 0) | (y >= len(known)), names, where, f"0..{len(known) - 1}")
        names = [known[index] for index in y]
    unknown = np.array([name not in set(known) for name in names], bool)
    _refuse_labels(unknown, names, where, listing(known))
    return names, tuple(known)


def _refuse_labels(
    is_wrong: npt.NDArray[np.bool_], names: Sequence[str], where: str, allowed: str
) -> None:
    rows = np.flatnonzero(is_wrong)
    if len(rows):
        raise IngestError(
            f"{where}: row {rows[0]} is '{printable(names[rows[0]])}', and {len(rows)} of "
            f"{len(names)} rows are not among the classes. Allowed: {allowed}."
        )


def _names(array: AnyArray, where: str) -> list[str]:
    """Return integers or strings as NFC-normalised strings."""
    if array.dtype.kind not in "iuUS":
        raise IngestError(f"{where} has the type {array.dtype}. Allowed: integers or strings.")
    try:
        text = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array.astype(str)
    except UnicodeDecodeError as error:
        raise IngestError(f"{where} holds bytes that are not UTF-8 ({error}).") from None
    names = [unicodedata.normalize("NFC", str(name)) for name in text]
    blank = [row for row, name in enumerate(names) if not name.strip()]
    if blank:
        raise IngestError(
            f"{where}: row {blank[0]} is blank, as {len(blank)} of {len(names)} are."
        )
    return names
