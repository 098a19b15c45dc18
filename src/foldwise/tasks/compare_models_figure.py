"""The figures of a comparison of models: scores with intervals, differences, several data sets.

No meaning rests on colour alone: what differs in colour differs in shape.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foldwise.tasks.compare_models import ModelsComparison
from foldwise.tasks.compare_summary import format_p
from foldwise.tasks.data_set_comparison import DataSetComparison
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.interval_marks import Mark, draw_intervals
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = {
    "": Mark("o", COLOURS[0], "out of fold"),
    "test_": Mark("D", COLOURS[1], "held-out test"),
}
_MARKERS = "osD^vP*X"
_MAX_PAIRS = 15  # more than that, and only those with the reference are drawn
_MAX_ROWS = 40  # models or pairs in one figure


@in_style
def comparison_figure(comparison: ModelsComparison) -> "Figure":
    """Draw scores and differences of one data set, or the mean scores of several."""
    if len(comparison.data_sets) == 1:
        return data_set_figure(comparison.data_sets[0], comparison.config.alpha)
    return _scores_by_data_set(comparison)


@in_style
def data_set_figure(data_set: DataSetComparison, alpha: float) -> "Figure":
    """Draw the scores with their intervals (left) and the differences of pairs (right)."""
    from matplotlib.figure import Figure

    scores, pairs = data_set.scores.head(_MAX_ROWS), shown_pairs(data_set)
    num_rows = max(len(scores), len(pairs))
    figure = Figure(figsize=(9.2, 0.36 * num_rows + 2.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    _draw_scores(left, scores)
    better = "lower" if data_set.metric in LOWER_IS_BETTER else "higher"
    left.set_title(f"{metric_label(data_set.metric)} ({better} is better)", loc="left")
    _draw_pairs(right, pairs, data_set, alpha)
    right.set_title("difference of each pair; * = beyond chance (Holm)", loc="left")
    for axes, rows in ((left, len(scores)), (right, len(pairs))):
        axes.set_ylim(max(rows, 1) - 0.5, -0.5)
        axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10])
        if axes.get_legend_handles_labels()[0]:
            axes.legend(
                loc="upper left", bbox_to_anchor=(0, -0.3 / max(rows, 1) - 0.04), frameon=False
            )
    return figure


def shown_pairs(data_set: DataSetComparison) -> pd.DataFrame:
    """Return the pairs that are drawn: all, or those with the reference where they are many."""
    pairs = data_set.pairs
    if len(pairs) > _MAX_PAIRS:
        pairs = pairs[pairs["against"] == data_set.models[0]]
    return pairs.head(_MAX_ROWS).reset_index(drop=True)


def _draw_scores(axes: "Axes", scores: pd.DataFrame) -> None:
    has_test = "test_value" in scores
    for prefix, mark in _PARTS.items():
        if f"{prefix}value" not in scores:
            continue
        shift = (0.13 if prefix else -0.13) if has_test else 0.0
        found = scores[[f"{prefix}{name}" for name in ("value", "low", "high")]]
        draw_intervals(axes, found.to_numpy(np.float64), np.arange(len(scores)) + shift, mark)
    axes.set_yticks(range(len(scores)), [shown_name(name) for name in scores["model"]])


def _draw_pairs(
    axes: "Axes", pairs: pd.DataFrame, data_set: DataSetComparison, alpha: float
) -> None:
    axes.axvline(0, color=GRID, linewidth=1)
    if pairs.empty:
        axes.set_yticks([])
        axes.annotate("One model alone", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return
    names = [
        f"{shown_name(row['model'])} − {shown_name(row['against'])}"  # noqa: RUF001  (a minus)
        for row in pairs.to_dict("records")
    ]
    axes.set_yticks(range(len(pairs)), names)
    if data_set.basis == "folds":
        place = {(r["model"], r["against"]): i for i, r in enumerate(pairs.to_dict("records"))}
        folds = data_set.pair_folds
        keys = list(zip(folds["model"], folds["against"], strict=True))
        drawn = [key in place for key in keys]
        axes.plot(
            folds["difference"][drawn],
            [place[key] + 0.24 for key in keys if key in place],
            linestyle="none",
            marker="|",
            markersize=8,
            color=GRID,
            label="each fold",
        )
    mark = Mark("s", COLOURS[2], f"mean, {1 - alpha:.0%} interval of the test")
    found = pairs[["difference", "low", "high"]].to_numpy(np.float64)
    draw_intervals(axes, found, np.arange(len(pairs)), mark)
    for i, row in enumerate(pairs.to_dict("records")):
        axes.annotate(
            f"p {format_p(row['p_holm'])}{' *' if row['is_significant'] else ''}",
            (1.0, i),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )


def _scores_by_data_set(comparison: ModelsComparison) -> "Figure":
    """Draw the mean score over the folds of each method on each data set."""
    from matplotlib.figure import Figure

    data_sets = comparison.data_sets[:_MAX_ROWS]
    figure = Figure(figsize=(9.2, 0.36 * len(data_sets) + 2.2), layout="constrained")
    axes = figure.subplots()
    methods = list(dict.fromkeys(method for of in data_sets for method in of.methods))
    for number, method in enumerate(methods):
        points = [
            (of.scores["fold_mean"].iloc[of.methods.index(method)], row)
            for row, of in enumerate(data_sets)
            if method in of.methods
        ]
        values, places = zip(*points, strict=True)
        axes.plot(
            values,
            places,
            linestyle="none",
            marker=_MARKERS[number % len(_MARKERS)],
            color=COLOURS[number % len(COLOURS)],
            label=shown_name(method),
        )
    axes.set_yticks(range(len(data_sets)), [shown_name(of.name) for of in data_sets])
    axes.set_ylim(len(data_sets) - 0.5, -0.5)
    axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
    better = "lower" if comparison.lower_is_better else "higher"
    label = metric_label(comparison.metric)
    axes.set_title(f"mean {label} over the folds ({better} is better)", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
