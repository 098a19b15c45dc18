"""The samples that a finding is about, small enough for a page.

C: channels, H: height, W: width.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.data.samples import Samples
from foldwise.data.token_texts import texts_of

_MAX_SETS = 4  # of a finding
_MAX_IN_SET = {"image": 6, "series": 6, "table": 6, "tokens": 3}
_MAX_SINGLES = 6  # where each set is one sample
_MAX_SIDE = 96  # pixels of a picture
_MAX_TEXT = 180  # letters
_MAX_NAME, _MAX_ID = 32, 56  # letters
_MAX_POINTS = 80  # of a line
_MAX_FEATURES = 4
_SMALL_SIDE = 32  # pixels; up to here a picture is kept exactly


@dataclass(frozen=True)
class Example:
    """One sample as it is shown."""

    sample_id: str  # in full
    note: str = ""  # its class or target, its part of the official split
    picture: str | None = None  # a data URI
    is_small: bool = False  # its pixels are to be seen one by one
    text: str | None = None
    line: str | None = None  # points of an SVG polyline in a box of 120 x 40
    values: tuple[tuple[str, str], ...] = ()  # of features

    @property
    def short_id(self) -> str:
        """The id as it is shown."""
        return shortened(self.sample_id, _MAX_ID)


@dataclass(frozen=True)
class ExampleSet:
    """Some of the samples that belong together, and how many more there are."""

    samples: tuple[Example, ...]
    num_more: int


@dataclass(frozen=True)
class Examples:
    """Some of the sets of a finding, and how many more there are in words."""

    sets: tuple[ExampleSet, ...] = ()
    more: str = ""


def examples_of(finding: Finding, samples: Samples) -> Examples:
    """Return what is shown of a finding; ids that are no samples, as of files, stay ids."""
    sets = finding.sample_ids
    if not sets:
        return Examples()
    most = _MAX_IN_SET[samples.modality]
    if max(map(len, sets)) == 1:
        sets, most = (tuple(ids[0] for ids in sets),), _MAX_SINGLES
    rows = _rows_of([name for ids in sets[:_MAX_SETS] for name in ids[:most]], samples)
    shown = tuple(
        ExampleSet(
            tuple(_example(name, rows.get(name), samples, finding.values) for name in ids[:most]),
            num_more=max(0, len(ids) - most),
        )
        for ids in sets[:_MAX_SETS]
    )
    num_more = len(sets) - _MAX_SETS
    return Examples(shown, f"and {num_more:,} more sets" if num_more > 0 else "")


def _rows_of(names: list[str], samples: Samples) -> dict[str, int]:
    ids = samples.table["sample_id"]
    return {str(ids.iloc[row]): int(row) for row in np.flatnonzero(ids.isin(names))}


def _example(name: str, row: int | None, samples: Samples, values: Mapping[str, Any]) -> Example:
    if row is None:
        return Example(name)
    note = _note(samples, row)
    if samples.modality == "image":
        is_small = max(samples.x.shape[2:]) <= _SMALL_SIDE
        return Example(name, note, picture=_picture(samples.x[row]), is_small=is_small)
    if samples.modality == "tokens":
        (text,) = texts_of(
            samples.x[row : row + 1], samples.lengths[row : row + 1], samples.tokens
        )
        return Example(name, note, text=text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…")
    if samples.modality == "series":
        return Example(name, note, line=_line(samples.x[row, : samples.lengths[row], 0]))
    return Example(name, note, values=_values(samples, row, values))


def shortened(text: str, limit: int) -> str:
    """Return both ends of a long text: of a path, the end is what differs.

    >>> shortened("a_very_long_name.png", 12)
    'a_ver…me.png'
    """
    if len(text) <= limit:
        return text
    end = limit // 2
    return f"{text[: limit - end - 1]}…{text[-end:]}"


def _note(samples: Samples, row: int) -> str:
    table = samples.table
    if samples.classes:
        parts = [shortened(str(table["label"].iloc[row]), _MAX_NAME)]
    else:
        parts = [f"{table[samples.target_names[0]].iloc[row]:.6g}"]
    for column in ("official_split", "group"):
        value = table[column].iloc[row]
        if isinstance(value, str):
            name = shortened(value, _MAX_NAME)
            parts.append(name if column == "official_split" else f"group {name}")
    return " · ".join(parts)


def _picture(x: npt.NDArray[np.uint8]) -> str:
    """Return an image (C, H, W) as a data URI, shrunk where it is large."""
    from PIL import Image

    pixels = np.moveaxis(x, 0, -1) if len(x) == 3 else x.mean(axis=0).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    kind = "png" if max(image.size) <= _SMALL_SIDE else "jpeg"
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _line(values: npt.NDArray[np.float32]) -> str:
    """Return the known values of a channel, thinned out, as points from (0, 0) to (120, 40)."""
    places = np.unique(np.linspace(0, max(len(values) - 1, 0), _MAX_POINTS).astype(np.int64))
    places = places[places < len(values)]
    known = places[np.isfinite(values[places])]
    if not len(known):
        return ""
    y = values[known].astype(np.float64)
    low, spread = y.min(), float(np.ptp(y)) or 1.0
    x = known * (120 / max(len(values) - 1, 1))
    return " ".join(
        f"{a:.1f},{38 - 36 * b:.1f}" for a, b in zip(x, (y - low) / spread, strict=True)
    )


def _values(samples: Samples, row: int, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return a few features, those that the finding names first."""
    order = sorted(
        range(len(samples.features)), key=lambda i: samples.features[i].name not in values
    )
    return tuple(
        (samples.features[i].name, _written(samples, row, i)) for i in order[:_MAX_FEATURES]
    )


def _written(samples: Samples, row: int, column: int) -> str:
    value, categories = float(samples.x[row, column]), samples.features[column].categories
    if np.isnan(value):
        return "missing"
    return categories[int(value)] if categories else f"{value:.6g}"
