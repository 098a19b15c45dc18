"""The figure of a comparison: the score of each method, and its difference to the reference.

No meaning rests on colour alone: what differs in colour differs in shape.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.compare_config import REFERENCE
from foldwise.tasks.compare_scores import Comparison, method_scores
from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.interval_marks import Mark, draw_intervals
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = {
    "oof": Mark("o", COLOURS[0], "out of fold"),
    "test": Mark("D", COLOURS[1], "held-out test"),
}
_PAIRS = {"folds": "each fold", "seeds and samples": "each seed", "samples": "each seed"}


@in_style
def comparison_figure(comparison: Comparison) -> "Figure":
    """Draw the scores with their intervals (left) and the paired differences (right)."""
    from matplotlib.figure import Figure

    methods = comparison.methods
    figure = Figure(figsize=(9.2, 0.5 * len(methods) + 1.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.35))
    _draw_scores(left, comparison)
    _draw_differences(right, comparison)
    left.set_yticks(range(len(methods)), [name.replace("$", r"\$") for name in methods])
    left.set_ylim(len(methods) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -0.02 - 0.5 / len(methods)), frameon=False
        )
    return figure


def _draw_scores(axes: "Axes", comparison: Comparison) -> None:
    metric, scores = comparison.config.metric, method_scores(comparison)
    num_parts = scores["part"].nunique()
    for part, mark in _PARTS.items():
        rows = scores[scores["part"] == part]
        if rows.empty:
            continue
        shift = 0.0 if num_parts == 1 else {"oof": -0.13, "test": 0.13}[part]
        draw_intervals(
            axes,
            rows[[metric, f"{metric}_low", f"{metric}_high"]].to_numpy(np.float64),
            np.arange(len(rows)) + shift,
            mark,
        )
    axes.set_title(metric_label(metric), loc="left")


def _draw_differences(axes: "Axes", comparison: Comparison) -> None:
    found, pairs = comparison.differences, comparison.pairs()
    place = {method: i for i, method in enumerate(comparison.methods)}
    axes.axvline(0, color=GRID, linewidth=1)
    axes.plot(
        pairs["difference"],
        [place[method] + 0.2 for method in pairs["method"]],
        linestyle="none",
        marker="|",
        markersize=9,
        color=GRID,
        label=_PAIRS[comparison.basis],
    )
    draw_intervals(
        axes,
        found[["difference", "low", "high"]].to_numpy(np.float64),
        np.array([place[method] for method in found["method"]]) - 0.1,
        Mark("s", COLOURS[2], f"mean, {1 - comparison.config.alpha:.0%} interval of the test"),
    )
    for row in found.to_dict("records"):
        text = "p undefined" if np.isnan(row["p_holm"]) else f"p = {row['p_holm']:.3g}"
        axes.annotate(
            f"{row['difference']:+.3f}, {text}{' *' if row['is_significant'] else ''}",
            (1.0, place[row["method"]] - 0.1),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_title(f"difference to {REFERENCE!r}; p by Holm, * = significant", loc="left")
