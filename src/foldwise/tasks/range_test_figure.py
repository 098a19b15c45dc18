"""The figure of a learning-rate range test."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldwise.tasks.figure_style import COLOURS, GRID, in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = {
    "steepest": ("o", COLOURS[2], "steepest fall"),
    "minimum": ("s", COLOURS[4], "least loss"),
    "tenth_of_diverged": ("^", COLOURS[5], "a tenth of where it diverges"),
    "diverged": ("X", COLOURS[1], "diverged"),
}


@in_style
def range_test_figure(table: pd.DataFrame, record: Mapping[str, Any]) -> "Figure":
    """Draw the loss over the rate: each step's, its running mean, and what they suggest.

    Args:
        table: `lr`, `loss`, `smoothed_loss`, one row per step.
        record: The suggestions, by the names of `range_test.suggestions`.
    """
    from matplotlib.figure import Figure

    rates = table["lr"].to_numpy(np.float64)
    smoothed = table["smoothed_loss"].to_numpy(np.float64)
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(rates, table["loss"], color=GRID, linewidth=0.8, label="loss of each step")
    axes.plot(rates, smoothed, color=COLOURS[0], linewidth=1.8, label="its running mean")
    sound = np.isfinite(smoothed)
    for name, (marker, colour, label) in _MARKS.items():
        rate = record[name]
        if rate is not None:
            height = np.interp(np.log(rate), np.log(rates[sound]), smoothed[sound])
            axes.plot(
                [rate], [height], marker, color=colour, markersize=8, label=f"{label}: {rate:.2g}"
            )
    least, first = float(smoothed[sound].min()), float(smoothed[sound][0])
    margin = 0.08 * max(first - least, 0.1 * first, 1e-6)
    # A loss that has diverged would press all that matters flat.
    axes.set_ylim(least - 3 * margin, first + 8 * margin)
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss")
    axes.grid(color=GRID, alpha=0.35, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    return figure
