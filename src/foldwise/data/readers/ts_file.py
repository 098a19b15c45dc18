"""The `.ts` format of the UEA and UCR archives: a header of `@` tags, then one case per line.

sktime reads the values. Its loader turns everything to lower case, names no lines, drops the
header and does not hold the cases against it: so labels and header are read here.

T: time steps of one case, F: channels.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.readers.series_cases import SeriesCases, refuse


@dataclass
class _Text:
    """What a file says besides the values."""

    tags: dict[str, list[str]] = field(default_factory=dict)  # lower case -> words as spelled
    labels: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def is_true(self, tag: str) -> bool:
        return [word.lower() for word in self.tags.get(tag, [])[:1]] == ["true"]

    def number(self, *tags: str) -> int | None:
        words = [word for tag in tags for word in self.tags.get(tag, [])]
        return int(words[0]) if words and words[0].isdecimal() else None


def read_ts(path: Path) -> SeriesCases:
    """Read a `.ts` file.

    Raises:
        IngestError: The header is wrong, the cases have different numbers of dimensions, a value
            is no number, or there are time stamps or no labels.
    """
    text = _read_text(path)
    columns = _read_values(path)
    _check_header(path, text, columns)
    is_regression = "@targetlabel" in text.tags
    classes = None if is_regression else text.tags["@classlabel"][1:]
    is_equal = text.is_true("@equallength")
    return SeriesCases(
        path=path,
        series=list(_cases(path, text, columns)),
        labels=text.labels,
        lines=text.lines,
        num_channels=len(columns.columns),
        length=text.number("@serieslength") if is_equal else None,
        classes=classes,
        is_regression=is_regression,
    )


def _read_text(path: Path) -> _Text:
    text = _Text()
    is_data = False
    try:
        with path.open(encoding="utf-8") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.strip()
                if is_data and line:
                    text.labels.append(
                        unicodedata.normalize("NFC", line.rpartition(":")[2].strip())
                    )
                    text.lines.append(number)
                elif line.startswith("@"):
                    tag, *words = unicodedata.normalize("NFC", line).split()
                    text.tags[tag.lower()] = words
                    is_data = tag.lower() == "@data"
    except UnicodeDecodeError as error:
        raise refuse(path, f"it is not UTF-8 ({error})") from None
    if not (text.is_true("@classlabel") or text.is_true("@targetlabel")):
        raise refuse(
            path,
            "its header has neither '@classLabel true' with the classes nor '@targetLabel true'; "
            f"its tags are {', '.join(text.tags) or 'none'}",
        )
    if text.is_true("@timestamps"):
        raise refuse(path, "it has time stamps; only series of equally spaced steps are read")
    return text


def _read_values(path: Path) -> pd.DataFrame:
    """Return one series in each cell: a row per case, a column per dimension."""
    from sktime.datasets import load_from_tsfile_to_dataframe

    try:
        columns: pd.DataFrame = load_from_tsfile_to_dataframe(str(path))[0]
    except Exception as error:  # it raises whatever a wrong file leads it to
        raise refuse(path, error) from None
    return columns


def _check_header(path: Path, text: _Text, columns: pd.DataFrame) -> None:
    num_cases, num_channels = columns.shape
    if num_channels == 0 or num_cases != len(text.lines):
        raise refuse(path, "below '@data' stand lines that are no cases")
    promised = 1 if text.is_true("@univariate") else text.number("@dimensions", "@dimension")
    if promised is not None and num_channels != promised:
        raise refuse(
            path, f"its header promises {promised} dimensions, but the cases have {num_channels}"
        )


def _cases(path: Path, text: _Text, columns: pd.DataFrame) -> Iterator[npt.NDArray[Any]]:
    """Yield the values of each case, (T, F)."""
    cells = (columns[name] for name in columns)
    for line, case in zip(text.lines, zip(*cells, strict=True), strict=True):
        channels = [np.asarray(channel, dtype=np.float64) for channel in case]
        lengths = {len(channel) for channel in channels}
        if len(lengths) > 1:
            raise refuse(
                path,
                f"the dimensions in line {line} are of unequal length "
                f"({', '.join(str(len(channel)) for channel in channels)} steps)",
            )
        yield np.stack(channels, axis=-1)
