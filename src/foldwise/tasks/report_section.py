"""What a part of a page is made of, whoever wrote it: texts, tables, figures and pictures.

A section says what is to be seen; how it is seen, and that every text is escaped, is the page's
business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ReportTable(NamedTuple):
    """A table of texts; the first column names the row, numbers are formatted by its author."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class ReportFigure(NamedTuple):
    """A figure that is drawn when the page is made, as vectors."""

    title: str
    draw: Callable[[], "Figure"]
    note: str = ""
    alt: str = ""  # what it shows, in words, for those who cannot see it


class ReportImage(NamedTuple):
    """A picture: of samples, of attributions, of whatever vectors are wrong for."""

    title: str
    png: bytes
    note: str = ""
    alt: str = ""  # what it shows, in words, for those who cannot see it


@dataclass(frozen=True)
class ReportSection:
    """A part of the page with a heading; facts stand after the paragraphs, then the rest."""

    anchor: str  # of links to it: lower-case letters, digits and hyphens; once on a page
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[ReportTable, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    images: tuple[ReportImage, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()  # names and what there is to say of each, at length
