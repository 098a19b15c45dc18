"""A figure as a small PNG for a page."""

import base64
import io
from typing import TYPE_CHECKING

from foldwise.tasks.figure_style import in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RESOLUTIONS = (100, 80, 64, 50, 36)  # dots per inch, from the best


def picture_png(figure: "Figure", most_bytes: int) -> str:
    """Return a PNG in base64: at the best resolution that is small enough, or at the last.

    Args:
        figure: One that was drawn in the reports' style.
        most_bytes: Of the PNG.
    """
    content = b""
    for resolution in _RESOLUTIONS:
        buffer = io.BytesIO()
        _save(figure, buffer, resolution)
        content = buffer.getvalue()
        if len(content) <= most_bytes:
            break
    return base64.b64encode(content).decode("ascii")


@in_style  # ticks are made while a figure is saved
def _save(figure: "Figure", buffer: io.BytesIO, resolution: int) -> "Figure":
    figure.savefig(buffer, format="png", dpi=resolution, metadata={"Software": None})
    return figure
