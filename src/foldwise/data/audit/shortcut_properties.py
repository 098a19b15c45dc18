"""What a model should not need in order to predict: sizes, colours of the border, names, order.

N: samples, B: samples looked at, C: channels, H: height, W: width, T: time steps, F: features,
D: entries of a property.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.check import chunks
from foldwise.data.samples import Samples

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

# visible: a model can take it from the sample itself; collected: it only tells how the samples
# were collected; order: where the sample stood in its source
Kind = Literal["visible", "collected", "order"]

_SIZES = {"meta_width": "image width", "meta_height": "image height"}
_FILE = {
    "file_bytes": "file size",
    "file_mode": "colour mode of the file",
    "file_jpeg_quality": "JPEG quality",
    "file_time": "time of the file",
}
# Sources that put their samples in an order of their own, by class.
_ORDERED_BY_US = frozenset({"image_folder", "torchvision"})
_NAMED_AFTER_CLASS = "(named after the class)"


@dataclass(frozen=True)
class Property:
    """One property of each of the samples looked at."""

    name: str  # for people
    kind: Kind
    values: Numbers  # (B, D), NaN where it is not known
    categories: tuple[str, ...] = ()  # `values` are indices into these, unless there are none
    entries: tuple[str, ...] = ()  # names of the D entries, where there are several


def shortcut_properties(samples: Samples, rows: Rows) -> list[Property]:
    """Return the properties that differ between the samples in `rows`, shape (B,) and sorted.

    Pixels and values are read in pieces, so that `samples.x` may be larger than memory.
    """
    table = samples.table.iloc[rows].reset_index(drop=True)
    found = [*_FROM_X[samples.modality](samples, rows), *_from_table(samples, table, rows)]
    return [one for one in found if _varies(one.values)]


def _varies(values: Numbers) -> bool:
    return any(len(np.unique(column)) > 1 for column in values.T)  # NaN counts as one value


def _image(samples: Samples, rows: Rows) -> list[Property]:
    num_channels = samples.x.shape[1]
    brightness, contrast = np.empty(len(rows)), np.empty(len(rows))
    border = np.empty((len(rows), num_channels))
    for part in chunks(samples.x, len(rows)):
        x = samples.x[rows[part]]  # (b, C, H, W)
        pixels = x.reshape(len(x), -1)
        brightness[part] = pixels.mean(axis=1, dtype=np.float64)
        contrast[part] = pixels.std(axis=1, dtype=np.float64)
        border[part] = _ring(x).mean(axis=2, dtype=np.float64)
    names = {1: ("grey",), 3: ("red", "green", "blue")}.get(num_channels, ())
    return [
        _numeric("brightness", "visible", brightness),
        _numeric("contrast", "visible", contrast),
        Property("border colour", "visible", border, entries=names),
    ]


def _ring(x: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the outermost pixels, (B, C, H, W) -> (B, C, pixels)."""
    is_ring = np.ones(x.shape[2:], dtype=bool)
    is_ring[1:-1, 1:-1] = False
    ring: npt.NDArray[np.uint8] = x[:, :, is_ring]
    return ring


def _series(samples: Samples, rows: Rows) -> list[Property]:
    missing = _missing(samples, rows)
    return [
        _numeric("series length", "visible", samples.lengths[rows]),
        _numeric("number of missing values", "visible", missing),
    ]


def _text(samples: Samples, rows: Rows) -> list[Property]:
    return [_numeric("text length", "visible", samples.lengths[rows])]


def _table(samples: Samples, rows: Rows) -> list[Property]:
    return [_numeric("number of missing values", "visible", _missing(samples, rows))]


def _missing(samples: Samples, rows: Rows) -> Numbers:
    counts = np.empty(len(rows))
    for part in chunks(samples.x, len(rows)):
        x = samples.x[rows[part]]
        counts[part] = np.isnan(x.reshape(len(x), -1)).sum(axis=1)
    return counts


def _from_table(samples: Samples, table: pd.DataFrame, rows: Rows) -> Iterator[Property]:
    """Yield what the columns of the table tell of the samples in `rows`."""
    for column, name in _SIZES.items():
        if samples.modality == "image" and column in table:
            yield _numeric(name, "visible", table[column])
    if samples.modality == "image" and set(_SIZES) <= set(table):
        sides = (table[column].to_numpy(np.float64, na_value=np.nan) for column in _SIZES)
        yield _numeric("aspect ratio", "visible", next(sides) / next(sides))
    for column, name in _FILE.items():
        if column in table:
            yield _of_column(name, table[column])
    if samples.modality == "image" and table["sample_id"].str.contains(r"\.\w+$").all():
        yield _categorical("start of the file name", _name_starts(table))
    if "time" not in table and not _ORDERED_BY_US & set(table["source"].unique()):
        yield _numeric("order of the rows", "order", rows)


def _name_starts(table: pd.DataFrame) -> pd.Series:
    """Return the leading letters of each file's own name, in lower case.

    Many collections name a file after its class, which no model sees: that is told apart.
    """
    starts = table["sample_id"].map(_leading_letters)
    if "label" not in table:
        return starts
    own = table["label"].map(_leading_letters)
    return starts.where((starts != own) | (starts == ""), _NAMED_AFTER_CLASS)


def _leading_letters(path: str) -> str:
    found = re.match(r"[^\W\d_]*", path.rsplit("/", 1)[-1])
    return found[0].casefold() if found else ""


def _of_column(name: str, column: pd.Series) -> Property:
    if pd.api.types.is_datetime64_any_dtype(column):
        seconds = column.astype("datetime64[ns]").astype("int64") / 1e9
        return _numeric(name, "collected", seconds.where(column.notna()))
    if pd.api.types.is_numeric_dtype(column):
        return _numeric(name, "collected", column)
    return _categorical(name, column)


def _numeric(name: str, kind: Kind, values: pd.Series | npt.NDArray[np.generic]) -> Property:
    numbers = pd.Series(values).to_numpy(np.float64, na_value=np.nan)
    return Property(name, kind, numbers[:, np.newaxis])


def _categorical(name: str, column: pd.Series) -> Property:
    """Number the categories in their order, so that like names are neighbours."""
    codes, categories = pd.factorize(column.astype("str"), sort=True)
    numbers = np.where(codes < 0, np.nan, codes.astype(np.float64))
    return Property(name, "collected", numbers[:, np.newaxis], tuple(map(str, categories)))


_FROM_X = {"image": _image, "series": _series, "table": _table, "tokens": _text}
