"""Input that cannot become samples, and how it is told of."""

from collections.abc import Iterable
from dataclasses import dataclass

from foldwise.errors import UserError


class IngestError(UserError):
    """The raw data cannot become samples; the message names the file, row or parameter."""


@dataclass(frozen=True, order=True)
class BadFile:
    """A file, or a row of one, that cannot become a sample."""

    path: str  # relative to the source, POSIX, printable; a row as "data.csv, row 17"
    reason: str


def printable(text: str) -> str:
    r"""Return `text` in one printable line, e.g. for a file name of undecodable bytes.

    >>> printable("cat\n\udcff")
    'cat\\n\\udcff'
    """
    characters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(characters)


def listing(names: Iterable[object], limit: int = 20) -> str:
    """Return the names in quotes, at most `limit` of them, and how many more there are.

    >>> listing(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    listed = [str(name) for name in names]
    shown = ", ".join(f"'{printable(name)}'" for name in listed[:limit])
    more = len(listed) - limit
    return f"{shown} and {more} more" if more > 0 else shown
