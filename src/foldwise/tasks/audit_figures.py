"""Figures of an audit: how the samples are spread over the target, and what predicts it.

Drawn without any global figure state; the same audit gives the same bytes.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.shortcuts import TOGETHER, Shortcuts
from foldwise.data.samples import Samples
from foldwise.tasks.audit_examples import shortened
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 7.6  # inches
_ROW = 0.24  # inches, of a bar
_MAX_CLASSES = 40  # of more, half the largest and half the smallest
_MAX_NAME = 22  # letters
_NUM_BINS = 40
_MAX_TARGETS = 6
_SPLITS = ("train", "val", "test")
_KINDS = {
    "visible": ("a model can see it", "o", COLOURS[1]),
    "collected": ("tells of the collecting only", "D", COLOURS[0]),
    "order": ("order in the source", "s", COLOURS[3]),
}
_ALL = {"visible": "all a model can see", "collected": "all traces of collecting"}


@in_style
def class_figure(samples: Samples) -> "Figure":
    """Draw the size of each class by part of the official split, or histograms of the targets."""
    from matplotlib.figure import Figure

    if not samples.classes:
        return _target_figure(samples)
    counts = _counts_by_part(samples.table, samples.classes)
    hidden = max(0, len(counts) - _MAX_CLASSES)
    if hidden:
        by_size = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
        half = _MAX_CLASSES // 2
        counts = pd.concat([by_size.iloc[:half], by_size.iloc[-half:]])
    height = _ROW * len(counts) + 0.7
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    _draw_bars(axes, counts)
    if hidden:
        axes.axhline(_MAX_CLASSES // 2 - 0.5, color=GRID, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.set_title(f"{hidden} classes of medium size are not shown", loc="left")
    if counts.shape[1] > 1:
        figure.legend(loc="outside upper right", ncols=counts.shape[1], frameon=False)
    return figure


def _counts_by_part(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Return samples of each class (rows) in each part of the official split (columns)."""
    part = table["official_split"].astype(object)
    part = part.where(part.notna(), "no part" if part.notna().any() else "samples")
    counts = pd.crosstab(table["label"].to_numpy(object), part.to_numpy(object))
    order = [name for name in (*_SPLITS, "no part", "samples") if name in counts]
    return counts.reindex(index=list(classes), columns=order, fill_value=0)


def _draw_bars(axes: "Axes", counts: pd.DataFrame) -> None:
    rows, left = np.arange(len(counts)), np.zeros(len(counts))
    for name, colour in zip(counts, COLOURS, strict=False):
        size = counts[name].to_numpy()
        axes.barh(rows, size, left=left, color=colour, height=0.72, label=name)
        left += size
    for row, total in zip(rows, left, strict=True):
        axes.annotate(
            f"{total:,.0f}", (total, row), (4, 0), textcoords="offset points", va="center",
            fontsize=8,
        )  # fmt: skip
    axes.set_yticks(rows, [shown_name(shortened(str(n), _MAX_NAME)) for n in counts.index])
    axes.set_ylim(len(counts) - 0.4, -0.6)
    axes.set_xlim(0, 1.1 * left.max())
    axes.locator_params(axis="x", nbins=6, integer=True)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)


def _target_figure(samples: Samples) -> "Figure":
    from matplotlib.figure import Figure

    names = samples.target_names[:_MAX_TARGETS]
    num_columns = min(3, len(names))
    num_rows = -(-len(names) // num_columns)
    figure = Figure(figsize=(_WIDTH, 2.1 * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        values = samples.table[name].to_numpy(np.float64)
        axes.hist(values, bins=_edges(values), color=COLOURS[0])
        axes.axvline(float(np.median(values)), color=COLOURS[1], linewidth=1.4, linestyle="--")
        axes.set_title(f"{name} (dashed: median)", loc="left")
        axes.locator_params(axis="both", nbins=5)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("samples")
    return figure


def _edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the edges of the bars: each holds equally many whole numbers, if that they are."""
    low, high = values.min(), values.max()
    if (values == np.rint(values)).all() and high > low:
        width = np.ceil((high - low + 1) / _NUM_BINS)
        return np.arange(low - 0.5, high + width, width)
    return np.histogram_bin_edges(values, _NUM_BINS)


@in_style
def shortcuts_figure(shortcuts: Shortcuts) -> "Figure":
    """Draw how well each property alone predicts the target, with its interval and chance."""
    from matplotlib.figure import Figure

    table = shortcuts.table
    figure = Figure(figsize=(_WIDTH, _ROW * max(len(table), 3) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(shortcuts.chance, color=GRID, linewidth=1.2, linestyle=(0, (3, 2)))
    for kind, (meaning, marker, colour) in _KINDS.items():
        rows = np.flatnonzero(table["kind"] == kind)
        if len(rows):
            found = table.iloc[rows][["score", "low", "high"]].to_numpy(np.float64)
            _draw_intervals(axes, rows, found, marker, colour, meaning)
    names = [_row_name(*row) for row in table[["property", "kind"]].to_numpy()]
    axes.set_yticks(range(len(table)), names)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_xlim(min(0.0, max(-1.0, float(table["low"].min()))) - 0.02, 1.02)
    axes.set_xlabel(f"{shortcuts.metric} (dashed: chance, {shortcuts.chance:.2f})")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper left", ncols=3, frameon=False)
    return figure


def _draw_intervals(
    axes: "Axes",
    rows: npt.NDArray[np.int64],
    found: npt.NDArray[np.float64],
    marker: str,
    colour: str,
    meaning: str,
) -> None:
    score, low, high = found.T
    reach = np.array([score - low, high - score])
    axes.errorbar(
        score, rows, xerr=reach, fmt=marker, color=colour, markersize=5, elinewidth=1.6,
        label=meaning,
    )  # fmt: skip


def _row_name(name: str, kind: str) -> str:
    return _ALL[kind] if name == TOGETHER else name
