"""Bars of what the columns of a table's row speak for."""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.explain.attribution_colours import AGAINST, FOR, LABELS, caption
from foldwise.tasks.explain.findings import Explained
from foldwise.tasks.figure_style import GRID, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COLUMNS = 8  # of the table, that are shown for each sample
_PER_ROW = 3
_MARKS = ("o", "D", "s")


@in_style
def table_figure(explained: tuple[Explained, ...], features: tuple[str, ...]) -> "Figure":
    """Draw the columns that count most for each sample; the first method as bars."""
    from matplotlib.figure import Figure

    num_rows = -(-len(explained) // _PER_ROW)
    num_shown = min(_MOST_COLUMNS, len(features))
    size = (3.6 * _PER_ROW, num_rows * (0.9 + 0.22 * num_shown) + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(num_rows, _PER_ROW, squeeze=False).ravel()
    for axes in panels[len(explained) :]:
        axes.set_axis_off()
    for axes, one in zip(panels, explained, strict=False):
        _draw(axes, one, features, num_shown)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=3)
    return figure


def _draw(axes: "Axes", one: Explained, features: tuple[str, ...], number: int) -> None:
    methods = list(one.attributions)
    first = one.attributions[methods[0]]
    order = np.argsort(-np.abs(first), kind="stable")[:number]
    places = np.arange(len(order))
    colours = [FOR if first[column] >= 0 else AGAINST for column in order]
    axes.barh(places, first[order], color=colours, height=0.65, label=LABELS[methods[0]])
    for method, mark in zip(methods[1:], _MARKS, strict=False):
        values = one.attributions[method][order]
        axes.plot(values, places, mark, color="black", markersize=3.5, label=LABELS[method])
    axes.axvline(0, color=GRID, linewidth=0.8)
    names = [f"{shown_name(features[c])} = {shown_name(one.words[c])}" for c in order]
    axes.set_yticks(places, names, fontsize=7)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=7)
    head, *rest = caption(one.sample).split("\n")
    axes.set_title(f"{head}\n{', '.join(rest)}", loc="left", fontsize=7.5)
