"""Figures of what speaks for what a network says, sample by sample.

Drawn without any global figure state; the same findings give the same bytes. H: height, W: width,
T: steps.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from foldwise.tasks.explain.attribution_colours import LABELS, caption, coloured
from foldwise.tasks.explain.findings import Array, Explained, Findings
from foldwise.tasks.explain.table_figure import table_figure
from foldwise.tasks.explain.token_figure import token_figure
from foldwise.tasks.figure_style import COLOURS, in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_CHANNELS = 6  # of a series that are drawn
_FAINT = 0.35  # how much of the picture is left under the colours
_CAPTION = 1.6  # width of what stands beside them, in pictures
_MOST_PIXELS = 160  # of a side, about: no figure shows more
_GAP = 0.08  # between pictures, of their longer side
_STRIP = 0.2  # height of a strip of colours, of the range of a series


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
    rows = []
    for one in explained:
        picture = _as_rgb(one.content)
        grey = 1 - _FAINT * (1 - picture.mean(axis=2, keepdims=True))
        colours = [coloured(one.attributions[method]) for method in methods]
        over = [grey * (1 - c[..., 3:]) + c[..., :3] * c[..., 3:] for c in colours]
        thin = max(1, max(picture.shape) // _MOST_PIXELS)
        rows.append([each[::thin, ::thin] for each in (picture, *over)])
    height, width = rows[0][0].shape[:2]
    sheet, step = mosaic(rows)
    num_columns = 1 + len(methods)
    size = (1.15 * (num_columns + _CAPTION), 1.15 * height / width * len(rows) + 0.4)
    figure = Figure(figsize=(size[0], min(size[1], 60.0)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlim=(-_CAPTION * width, sheet.shape[1]))
    axes.spines[:].set_visible(False)
    for row, one in enumerate(explained):
        place = (-0.5 - 0.06 * width, row * step[0] + height / 2)
        axes.text(*place, caption(one.sample), ha="right", va="center", fontsize=7.5)
    for column, name in enumerate(["picture", *(LABELS[method] for method in methods)]):
        place = (column * step[1] + width / 2, -0.06 * height)
        axes.text(*place, name, ha="center", va="bottom", fontsize=8)
    return figure


def mosaic(rows: Sequence[Sequence[Array]]) -> tuple[Array, tuple[int, int]]:
    """Return pictures of one size (H, W, 3) as one on white, and how far they are apart.

    One picture is drawn many times as fast as many axes.
    """
    height, width = rows[0][0].shape[:2]
    gap = max(1, round(_GAP * max(height, width)))
    step = height + gap, width + gap
    num_columns = max(map(len, rows))
    sheet = np.ones((step[0] * len(rows) - gap, step[1] * num_columns - gap, 3))
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = i * step[0], j * step[1]
            sheet[top : top + height, left : left + width] = picture
    return sheet, step


@in_style
def series_figure(explained: tuple[Explained, ...]) -> "Figure":
    """Draw series in rows, each with a strip of colours for each method below it."""
    from matplotlib.figure import Figure

    methods = list(explained[0].attributions)
    size = (8.4, len(explained) * (1.1 + 0.16 * len(methods)) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(explained), 1, squeeze=False)[:, 0]
    for axes, one in zip(panels, explained, strict=True):
        _draw_series(axes, one)
    return figure


def _draw_series(axes: "Axes", one: Explained) -> None:
    assert one.content is not None
    values = one.content.astype(np.float64)
    num_steps, channels = values.shape
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    strip = _STRIP * ((high - low) or 1.0)
    for channel in range(min(channels, _MOST_CHANNELS)):
        colour = COLOURS[channel % len(COLOURS)] if channels > 1 else "#555555"
        axes.plot(values[:, channel], color=colour, linewidth=1)
    ticks, names = [low, high], [f"{low:.3g}", f"{high:.3g}"]
    bottom = low - strip
    for method, found in one.attributions.items():
        limits = (-0.5, num_steps - 0.5, bottom - 0.9 * strip, bottom)
        axes.imshow(
            coloured(found)[np.newaxis], aspect="auto", interpolation="nearest", extent=limits
        )
        ticks.append(bottom - 0.45 * strip)
        names.append(LABELS[method])
        bottom -= strip
    axes.set(xlim=(-0.5, num_steps - 0.5), ylim=(bottom, high + 0.3 * strip))
    axes.set_yticks(ticks, names, fontsize=7)
    axes.tick_params(axis="x", labelsize=7)
    axes.tick_params(axis="y", length=0)
    axes.set_title(caption(one.sample, ", "), loc="left", fontsize=8)


def _as_rgb(content: npt.NDArray[np.generic] | None) -> npt.NDArray[np.float64]:
    """Return (H, W, C) of 0..255 as (H, W, 3) in 0..1; other channels than 1 or 3 are averaged."""
    assert content is not None
    values = content.astype(np.float64) / 255
    if values.shape[2] == len("RGB"):
        return values
    return np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
