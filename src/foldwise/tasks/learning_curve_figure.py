"""The score against the number of training samples, with the power law and what it says of more.

No meaning rests on colour alone: what differs in colour differs in shape or dashes.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.learning_curve import LearningCurve
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 100  # of the law


@in_style
def learning_curve_figure(curve: LearningCurve) -> "Figure":
    """Draw training and held-out scores, each fold, the law and its forecast."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    table, folds = curve.table, curve.folds
    axes.plot(
        table["num_training"],
        table["train_mean"],
        "D--",
        color=COLOURS[1],
        markersize=5,
        label="training samples, mean of the folds",
    )
    axes.plot(
        folds["num_training"],
        folds["value"],
        linestyle="none",
        marker="_",
        markersize=9,
        color=GRID,
        label="held out, each fold",
    )
    value, low, high = table[["value", "low", "high"]].to_numpy(np.float64).T
    axes.errorbar(
        table["num_training"],
        value,
        yerr=np.maximum(np.nan_to_num(np.array([value - low, high - value])), 0),
        fmt="o",
        color=COLOURS[0],
        markersize=5,
        elinewidth=1.6,
        label=f"held out, all folds ({curve.confidence:.0%} interval)",
    )
    _draw_law(axes, curve)
    axes.set_xscale("log")
    sizes = table["num_training"].tolist() + ([] if curve.twice is None else [curve.twice.size])
    axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training samples (logarithmic)")
    better = "lower" if curve.lower_is_better else "higher"
    axes.set_title(f"{metric_label(curve.metric)} ({better} is better)", loc="left")
    axes.grid(color=GRID, alpha=0.35, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.14), ncols=2)
    return figure


def _draw_law(axes: "Axes", curve: LearningCurve) -> None:
    if curve.law is None or curve.twice is None:
        return
    smallest, twice = float(curve.table["num_training"].min()), curve.twice
    sizes = np.geomspace(smallest, twice.size, _POINTS)
    axes.plot(
        sizes, curve.score(curve.law.at(sizes)), ":", color=COLOURS[2], label="power law (means)"
    )
    ends = np.array([[twice.error - twice.low], [twice.high - twice.error]])
    if not curve.lower_is_better:
        ends = ends[::-1]
    axes.errorbar(
        [twice.size],
        [float(curve.score(twice.error))],
        yerr=np.maximum(np.nan_to_num(ends), 0),
        fmt="s",
        mfc="none",
        color=COLOURS[2],
        markersize=6,
        label="twice the data, if the law goes on",
    )
