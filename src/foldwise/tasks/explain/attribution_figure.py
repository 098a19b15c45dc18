"""Figures of what speaks for what a network says, sample by sample.

Drawn without any global figure state; the same findings give the same bytes. H: height, W: width,
T: steps.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from foldwise.tasks.explain.attribution_colours import LABELS, caption, coloured
from foldwise.tasks.explain.findings import Explained, Findings
from foldwise.tasks.explain.table_figure import table_figure
from foldwise.tasks.explain.token_figure import token_figure
from foldwise.tasks.figure_style import COLOURS, in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_CHANNELS = 6  # of a series that are drawn
_FAINT = 0.35  # how much of the picture is left under the colours


def attribution_figure(findings: Findings) -> "Figure":
    """Draw the explained samples, at least one, with what each method attributes."""
    match findings.kind:
        case "image":
            return image_figure(findings.explained)
        case "series":
            return series_figure(findings.explained)
        case "tokens":
            return token_figure(findings.explained)
        case _:
            return table_figure(findings.explained, findings.features)


@in_style
def image_figure(explained: tuple[Explained, ...]) -> "Figure":
    """Draw pictures in rows: as they are, then with the colours of each method."""
    from matplotlib.figure import Figure

    methods = list(explained[0].attributions)
    num_columns = 2 + len(methods)
    size = (1.25 * num_columns + 0.5, 1.25 * len(explained) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(explained), num_columns, squeeze=False)
    for row, one in zip(panels, explained, strict=True):
        for axes in row:
            axes.set_axis_off()
        row[0].text(1, 0.5, caption(one.sample), ha="right", va="center", fontsize=7.5)
        picture = _as_rgb(one.content)
        row[1].imshow(picture)
        grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
        for axes, method in zip(row[2:], methods, strict=True):
            axes.imshow(1 - _FAINT * (1 - grey))
            axes.imshow(coloured(one.attributions[method]), interpolation="nearest")
    panels[0, 1].set_title("picture", fontsize=8)
    for axes, method in zip(panels[0, 2:], methods, strict=True):
        axes.set_title(LABELS[method], fontsize=8)
    return figure


@in_style
def series_figure(explained: tuple[Explained, ...]) -> "Figure":
    """Draw series in rows, each with a strip of colours for each method below it."""
    from matplotlib.figure import Figure

    methods = list(explained[0].attributions)
    heights = [1.0, *(0.16,) * len(methods)]
    size = (8.4, len(explained) * (1.0 + 0.18 * len(methods)) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    rows: Any = figure.subfigures(len(explained), 1, squeeze=False)
    for part, one in zip(rows[:, 0], explained, strict=True):
        grid = part.subplots(
            len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights, "hspace": 0.02}
        )
        panels = np.atleast_1d(grid)
        _draw_series(panels[0], one)
        for axes, method in zip(panels[1:], methods, strict=True):
            _draw_strip(axes, one.attributions[method], LABELS[method])
        panels[-1].tick_params(bottom=True, labelbottom=True, labelsize=7)
    return figure


def _draw_series(axes: "Axes", one: Explained) -> None:
    assert one.content is not None
    channels = one.content.shape[1]
    for channel in range(min(channels, _MOST_CHANNELS)):
        colour = COLOURS[channel % len(COLOURS)] if channels > 1 else "#555555"
        axes.plot(one.content[:, channel], color=colour, linewidth=1)
    axes.set_title(caption(one.sample, ", "), loc="left", fontsize=8)
    axes.tick_params(bottom=False, labelbottom=False, labelsize=7)


def _draw_strip(axes: "Axes", values: npt.NDArray[np.float64], label: str) -> None:
    axes.imshow(coloured(values)[np.newaxis], aspect="auto", interpolation="nearest")
    axes.set_yticks([0], [label], fontsize=7)
    axes.tick_params(length=0, bottom=False, labelbottom=False)


def _as_rgb(content: npt.NDArray[np.generic] | None) -> npt.NDArray[np.float64]:
    """Return (H, W, C) of 0..255 as (H, W, 3) in 0..1; other channels than 1 or 3 are averaged."""
    assert content is not None
    values = content.astype(np.float64) / 255
    if values.shape[2] == len("RGB"):
        return values
    return np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
