"""The explanations as they are stored: pictures, tables and sentences; free of torch.

They are JSON, so that the page of a later stage can show them without the networks.
"""

import base64

from pydantic import Field

from foldwise.config import Config


class ExplanationPicture(Config):
    """A picture with what it shows and how it is to be read."""

    name: str
    title: str
    png: str  # base64
    note: str
    alt: str  # what it shows, in words

    @property
    def content(self) -> bytes:
        """The PNG file."""
        return base64.b64decode(self.png, validate=True)


class ExplanationTable(Config):
    """A table of texts."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class Explanations(Config):
    """All that is told of a family's networks.

    Attributes:
        is_enabled: False where `explain.enabled` was: then there is nothing else.
        paragraphs: What the reader has to know, and what was left out.
        pictures: In the order in which they are shown.
        tables: Beside them.
        sanity: By method, Spearman's correlation with all layers drawn anew; null: undefined.
    """

    is_enabled: bool = True
    paragraphs: tuple[str, ...] = ()
    pictures: tuple[ExplanationPicture, ...] = ()
    tables: tuple[ExplanationTable, ...] = ()
    sanity: dict[str, float | None] = Field(default_factory=dict)
