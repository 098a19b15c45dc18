"""A picture that says that rows of a table are not augmented."""

from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEXT = "Rows of a table are not augmented: every row is given to the network as it is."
_LINE_LENGTH = 95  # characters


def table_augmentation_sheet(note: str = "") -> "Figure":
    """Draw a line of text that says so, and a note below it."""
    from matplotlib.figure import Figure

    text = fill(note, _LINE_LENGTH)
    height = 0.7 + 0.18 * text.count("\n")  # inches
    figure = Figure(figsize=(7, height), dpi=110)
    figure.text(0.02, 1 - 0.15 / height, _TEXT, fontsize=10, va="top")
    figure.text(0.02, 1 - 0.4 / height, text, fontsize=8, va="top", parse_math=False)
    return figure
