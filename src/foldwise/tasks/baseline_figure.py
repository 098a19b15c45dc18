"""The figure beside the summary: the score of each model, and the network's lead over each.

No meaning rests on colour alone: what differs in colour differs in shape.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldwise.tasks.baseline_compare import BaselineComparison
from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.interval_marks import Mark, draw_intervals
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = {
    "": Mark("o", COLOURS[0], "out of fold"),
    "test_": Mark("D", COLOURS[1], "held-out test"),
}
_SHIFT = {"": -0.13, "test_": 0.13}


@in_style
def baselines_figure(comparison: BaselineComparison) -> "Figure":
    """Draw the scores with their intervals (left) and the differences to the network (right)."""
    from matplotlib.figure import Figure

    table = comparison.table
    figure = Figure(figsize=(9.2, 0.42 * len(table) + 1.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.2))
    for prefix, mark in _PARTS.items():
        if f"{prefix}value" in table:
            _draw(left, table, [f"{prefix}{n}" for n in ("value", "low", "high")], prefix, mark)
    better = "lower" if comparison.lower_is_better else "higher"
    left.set_title(f"{metric_label(comparison.metric)} ({better} is better)", loc="left")
    _draw_differences(right, comparison)
    left.set_yticks(range(len(table)), list(table["model"]))
    left.set_ylim(len(table) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
        if axes.get_legend_handles_labels()[0]:
            axes.legend(
                loc="upper left", bbox_to_anchor=(0, -0.02 - 0.5 / len(table)), frameon=False
            )
    return figure


def _draw_differences(axes: "Axes", comparison: BaselineComparison) -> None:
    table = comparison.table
    axes.axvline(0, color=GRID, linewidth=1)
    axes.set_title("network minus baseline; * = significant (Holm)", loc="left")
    if "difference" not in table:
        text = "No baseline was fitted"
        axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
        return
    place = {str(name): row for row, name in enumerate(table["model"])}
    if comparison.basis == "folds":
        axes.plot(
            comparison.pairs["difference"],
            [place[str(name)] + 0.22 for name in comparison.pairs["model"]],
            linestyle="none",
            marker="|",
            markersize=8,
            color=GRID,
            label="each fold",
        )
    columns = ["difference", "difference_low", "difference_high"]
    label = f"mean, {1 - comparison.alpha:.0%} interval of the test"
    _draw(axes, table, columns, "", Mark("s", COLOURS[2], label))
    for row in comparison.baselines.to_dict("records"):
        mark = " *" if row["is_significant"] else ""
        axes.annotate(
            f"{row['difference']:+.3g}{mark}",
            (1.0, place[str(row["model"])]),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )


def _draw(
    axes: "Axes",
    table: pd.DataFrame,
    columns: list[str],
    prefix: str,
    mark: Mark,
) -> None:
    """Draw values with limits, one row per model; undefined limits are drawn as none."""
    shift = _SHIFT[prefix] if "test_value" in table and columns[0] != "difference" else 0.0
    found = table[columns].to_numpy(np.float64)
    draw_intervals(axes, found, np.arange(len(table)) + shift, mark)
