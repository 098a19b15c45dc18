"""The figure of permutation importance."""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.explain.findings import Importances
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.interval_marks import Mark, draw_intervals

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
    limits = np.array([(c.mean, c.low, c.high) for c in shown], dtype=np.float64)
    draw_intervals(axes, limits, places, Mark("o", COLOURS[0], "mean over the folds"))
    axes.set_yticks(places, [shown_name(column.column) for column in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(f"fall of {found.metric} when the column is shuffled")
    axes.grid(axis="x", color=GRID, alpha=0.25, linewidth=0.6)
    return figure
