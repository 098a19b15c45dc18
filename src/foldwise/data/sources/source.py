"""What a source of labelled samples is and what it gives.

N: samples, C: channels, H: height, W: width.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.errors import UserError


class IngestError(UserError):
    """The raw data cannot become samples; the message names the file, row or parameter."""


@dataclass(frozen=True, order=True)
class BadFile:
    """A file that cannot become a sample."""

    path: str  # relative to the source, POSIX, printable
    reason: str


@dataclass(frozen=True)
class Reading:
    """What a source read: one table row per array, and the files that could not be read.

    The table has `sample_id` and `label`, and may have `group`, `official_split`
    (train | val | test), `source` (by default the kind of the source) and `meta_*`.
    """

    x: npt.NDArray[np.uint8]  # (N, C, H, W)
    table: pd.DataFrame
    classes: tuple[str, ...]
    size_policy: str = "none"
    bad_files: tuple[BadFile, ...] = ()


class Source(Protocol):
    """Where samples come from: its parameters, and one method that reads them.

    Whatever stands on the disk, in any order, the same contents give the same reading, row for
    row. Structure that cannot be read at all is an `IngestError`; single files that cannot be
    read are collected in `Reading.bad_files`.
    """

    @property
    def kind(self) -> str:
        """Return the name by which `ingest.source.kind` chooses it."""
        ...

    def read(self) -> Reading:
        """Read everything."""
        ...


def printable(text: str) -> str:
    r"""Return `text` in one printable line, e.g. for a file name of undecodable bytes.

    >>> printable("cat\n\udcff")
    'cat\\n\\udcff'
    """
    characters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(characters)


def listing(names: list[str], limit: int = 20) -> str:
    """Return the names in quotes, at most `limit` of them, and how many more there are.

    >>> listing(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    shown = ", ".join(f"'{printable(name)}'" for name in names[:limit])
    more = len(names) - limit
    return f"{shown} and {more} more" if more > 0 else shown
