"""How all figures of the reports look, and how they get into a page.

Colours are those of Okabe and Ito that stand out on white and on black.
"""

import functools
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Parameters = ParamSpec("Parameters")
Drawn = TypeVar("Drawn")  # a figure; or None where there is nothing to draw

GRID = "#8b949e"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_INK = "#1f2428"  # text and axes; takes the colour of the page where a figure is inlined
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
}
_MAX_NAME = 22  # characters of a class name


def in_style(draw: Callable[Parameters, Drawn]) -> Callable[Parameters, Drawn]:
    """Draw in the project's style, whatever style the process or the user has set."""

    @functools.wraps(draw)
    def styled(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Drawn:
        from matplotlib import style

        with style.context(["default", _STYLE]):
            return draw(*args, **kwargs)

    return styled


def inline_svg(figure: "Figure", title: str, alt: str = "") -> str:
    """Return a figure as an SVG element for an HTML page, in the page's text colour.

    Args:
        figure: One that was drawn in the style above.
        title: What it shows, for those who cannot see it.
        alt: The same at length.
    """
    from html import escape

    from matplotlib import style

    buffer = io.StringIO()
    without = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # Ticks are made while drawing, so the style has to hold here as well.
    with style.context(["default", _STYLE | {"svg.hashsalt": title}]):
        figure.savefig(buffer, format="svg", metadata=without, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = _drop_unused_ids(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))
    label = f'<svg role="img" aria-label="{escape(title)}"'
    text = text.replace("<svg", label, 1)
    return text.replace(">", f"><desc>{escape(alt)}</desc>", 1) if alt else text


def _drop_unused_ids(svg: str) -> str:
    """Drop what several figures on one page would otherwise all call `axes_1`."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    return re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)


def shown_name(name: str) -> str:
    """Return a class name as one short line of plain text for a figure."""
    line = " ".join(name.split()) or "(blank)"
    if len(line) > _MAX_NAME:
        line = f"{line[: _MAX_NAME - 1]}…"
    return line.replace("$", r"\$")  # never mathematics
