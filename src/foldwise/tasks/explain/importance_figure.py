"""The figure of permutation importance."""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.explain.findings import Importances
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 25  # columns that are shown


@in_style
def importance_figure(found: Importances) -> "Figure":
    """Draw how much the score falls for each shuffled column, with its interval."""
    from matplotlib.figure import Figure

    shown = found.columns[:_MOST]
    figure = Figure(figsize=(7.0, 0.24 * len(shown) + 1.0), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(shown))
    axes.axvline(0, color=GRID, linewidth=0.8)
    for place, column in zip(places, shown, strict=True):
        if column.low is not None and column.high is not None:
            axes.plot([column.low, column.high], [place, place], color=COLOURS[0], linewidth=1.8)
    axes.plot([column.mean for column in shown], places, "o", color=COLOURS[0], markersize=4.5)
    axes.set_yticks(places, [shown_name(column.column) for column in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(f"fall of {found.metric} when the column is shuffled")
    axes.grid(axis="x", color=GRID, alpha=0.25, linewidth=0.6)
    return figure
