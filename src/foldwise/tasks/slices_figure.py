"""The worst slices beside the score of all samples, drawn as a forest plot."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.slices import Slices

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_SLICES = 20
_MAX_PANELS = 3  # of six metrics of a binary task those of the positive class say most
_BINARY = ("recall", "specificity", "precision")
_MAX_NAME = 44  # characters


@in_style
def slices_figure(slices: Slices) -> "Figure":
    """Draw the worst slices with their intervals, the score of all samples as a line.

    A slice that differs from the rest by more than chance allows is a filled diamond, any other
    an open circle.
    """
    from matplotlib.figure import Figure

    shown = slices.table.drop_duplicates(["column", "slice"]).head(_MAX_SLICES)
    if shown.empty:
        figure = Figure(figsize=(6, 1), layout="constrained")
        figure.text(0.02, 0.5, "No column cuts the samples into slices of sufficient size.")
        return figure
    metrics = shown_metrics(slices)
    size = (3.2 + 2.3 * len(metrics), 1.3 + 0.26 * len(shown))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(metrics), squeeze=False, sharey=True)[0]
    for panel, metric in zip(panels, metrics, strict=True):
        _draw_metric(panel, slices, metric, shown[["column", "slice"]])
    sizes = shown["num_samples"].tolist()
    names = [f"{_short(name)}  ({size})" for name, size in zip(shown["slice"], sizes, strict=True)]
    panels[0].set_yticks(np.arange(len(shown)), names, parse_math=False)
    panels[0].set_ylim(len(shown) - 0.4, -0.6)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=3, frameon=False, fontsize=8)
    return figure


def shown_metrics(slices: Slices) -> tuple[str, ...]:
    """Return the metrics that a figure has room for."""
    if len(slices.metrics) <= _MAX_PANELS:
        return slices.metrics
    return tuple(metric for metric in slices.metrics if metric in _BINARY)


def _draw_metric(axes: "Axes", slices: Slices, metric: str, shown: pd.DataFrame) -> None:
    of_metric = slices.table[slices.table["metric"] == metric]
    rows = shown.merge(of_metric, on=["column", "slice"], how="left")
    differs = (rows["p_corrected"] < slices.level).to_numpy()
    value, low, high = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    place = np.arange(len(rows))
    filled: dict[str, Any] = {"fmt": "D", "color": COLOURS[1], "label": "differs from the rest"}
    hollow: dict[str, Any] = {"fmt": "o", "color": COLOURS[0], "label": "no more than by chance"}
    for chosen, style in ((differs, filled), (~differs, hollow | {"mfc": "none"})):
        spread = np.stack([value - low, high - value])[:, chosen]
        axes.errorbar(
            value[chosen],
            place[chosen],
            xerr=np.maximum(np.nan_to_num(spread), 0),
            markersize=5,
            elinewidth=1.4,
            **style,
        )
    overall = slices.overall[metric]
    if overall["value"] is not None:
        axes.axvline(overall["value"], color=GRID, linewidth=1.2, zorder=1, label="all samples")
        if overall["low"] is not None:
            axes.axvspan(overall["low"], overall["high"], color=GRID, alpha=0.2, linewidth=0)
    axes.set_title(metric_label(metric), loc="left")
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color=GRID, alpha=0.3, linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in name)
    return line if len(line) <= _MAX_NAME else f"{line[: _MAX_NAME - 1]}…"
