"""Texts whose letters or words stand on the colour of what is attributed to them."""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.data.bad_input import printable
from foldwise.tasks.explain.attribution_colours import LABELS, caption, coloured
from foldwise.tasks.explain.findings import Array, Explained
from foldwise.tasks.figure_style import in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHARACTERS = 88  # of a line
_MOST_LINES = 5  # of a text; what comes after is cut off, and said
_LINE = 0.19  # inches
_LONGEST = 24  # characters of a word


@in_style
def token_figure(explained: tuple[Explained, ...]) -> "Figure":
    """Draw each text once for each method."""
    from matplotlib.figure import Figure

    layouts = [laid_out(one.words) for one in explained]
    methods = list(explained[0].attributions)
    heights = [
        (max((line for line, _, _ in places), default=0) + 1) * len(methods) + len(methods) + 1.2
        for places in layouts
    ]
    figure = Figure(figsize=(9.0, _LINE * sum(heights) + 0.1), layout="constrained")
    grid = {"height_ratios": heights}
    panels = figure.subplots(len(explained), 1, squeeze=False, gridspec_kw=grid)[:, 0]
    for axes, one, places, height in zip(panels, explained, layouts, heights, strict=True):
        axes.set(xlim=(0, _CHARACTERS), ylim=(height, 0))
        axes.set_axis_off()
        axes.text(0, 0.5, caption(one.sample, ", "), va="center", fontsize=8, weight="bold")
        top = 1.2
        num_lines = max((line for line, _, _ in places), default=0) + 1
        for method in methods:
            axes.text(0, top + 0.5, LABELS[method], va="center", fontsize=7)
            _draw(axes, one.words, places, one.attributions[method], top + 1)
            top += num_lines + 1
    return figure


def laid_out(words: tuple[str, ...]) -> list[tuple[int, int, int]]:
    """Return line, first character and width of each token that fits; letters stand together."""
    gap = 0 if all(len(word) <= 1 for word in words) else 1
    places, line, column = [], 0, 0
    for word in words:
        width = min(max(1, len(word)), _LONGEST)
        if column + width > _CHARACTERS:
            line, column = line + 1, 0
        if line == _MOST_LINES:
            break
        places.append((line, column, width))
        column += width + gap
    return places


def _draw(
    axes: "Axes",
    words: tuple[str, ...],
    places: list[tuple[int, int, int]],
    values: Array,
    top: float,
) -> None:
    from matplotlib.patches import Rectangle

    for word, (line, column, width), colour in zip(
        words, places, coloured(np.asarray(values)), strict=False
    ):
        y = top + line
        axes.add_patch(Rectangle((column, y + 0.04), width, 0.92, color=colour, linewidth=0))
        text = printable(word if len(word) <= _LONGEST else f"{word[: _LONGEST - 1]}…")
        axes.text(
            column + width / 2,
            y + 0.5,
            text.replace("$", r"\$"),
            ha="center",
            va="center",
            family="DejaVu Sans Mono",
            fontsize=8,
        )
    if len(places) < len(words):
        line = places[-1][0] if places else 0
        more = f"… {len(words) - len(places)} more"
        axes.text(_CHARACTERS, top + line + 0.5, more, ha="right", va="center", fontsize=7)
