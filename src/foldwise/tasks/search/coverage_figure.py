"""How much of each axis a search has seen: its distinct values, as in the picture of the lectures.

Source:
    Bergstra, J., Bengio, Y. (2012). Random search for hyper-parameter optimization. JMLR 13
        (figure 1: of nine trials a grid sees three values of the axis that matters, random points
        see nine).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.search.axes import Axis
from foldwise.tasks.search.result import distinct_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

_MOST_AXES = 24
_TICK = 0.32  # half the height of a mark
_IN_ROW = 6  # choices that can be named in a row


@in_style
def coverage_figure(
    trials: pd.DataFrame, axes: Sequence[Axis], best: Mapping[str, Any]
) -> "Figure | None":
    """Draw a row for each axis with a mark for each value that was tried, and how many these are.

    Args:
        trials: Of one study.
        axes: The space.
        best: The winner's cells by path; they get a mark of their own.
    """
    from matplotlib.figure import Figure

    counts = distinct_values(trials, axes)
    shown = [axis for axis in axes if counts[axis.path]][:_MOST_AXES]
    if not shown:
        return None
    figure = Figure(figsize=(7.2, 1.0 + 0.36 * len(shown)), layout="constrained")
    panel = figure.subplots()
    for row, axis in enumerate(shown):
        places = _places(axis, trials[axis.path])
        panel.hlines(row, 0, 1, color=GRID, linewidth=0.6, alpha=0.5)
        few = len(np.unique(places)) <= _IN_ROW
        panel.vlines(
            np.unique(places),
            row - _TICK,
            row + _TICK,
            color=COLOURS[0],
            linewidth=2.4 if few else 1.0,
            label="value that was tried" if row == 0 else "",
        )
        if axis.path in best:
            panel.plot(
                _places(axis, pd.Series([best[axis.path]])),
                [row],
                "D",
                color=COLOURS[1],
                markersize=5,
                linestyle="none",
                label="best trial" if row == 0 else None,
            )
        count = counts[axis.path]
        times = int(trials[axis.path].notna().sum())
        panel.text(1.03, row, f"{count} in {times}", va="center", transform=_right(panel))
    panel.set_yticks(range(len(shown)), [shown_name(axis.label) for axis in shown])
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_xlim(-0.02, 1.02)
    panel.set_xticks([0, 1], ["lowest, or first choice", "highest, or last choice"])
    for label, side in zip(panel.get_xticklabels(), ("left", "right"), strict=True):
        label.set(horizontalalignment=side)
    panel.text(1.03, 1.0, "distinct values in trials", transform=panel.transAxes, ha="left")
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.tick_params(length=0)
    panel.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


@in_style
def grid_and_random_figure(grid: Array, random: Array) -> "Figure":
    """Draw two sets of as many points in [0, 1]^2, and which values of either axis they see.

    Args:
        grid: Shape (n, 2); the first axis is the one that matters.
        random: The same.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, 4.2), layout="constrained")
    halves = np.asarray(figure.subfigures(1, 2), dtype=object)
    shown = ((grid, "grid", "s"), (random, "random", "o"))
    for half, (points, name, marker) in zip(halves, shown, strict=True):
        panels = half.subplots(
            2, 2, width_ratios=(4, 1), height_ratios=(1, 4), sharex="col", sharey="row"
        )
        (top, corner), (middle, side) = panels
        corner.set_visible(False)
        curve = np.linspace(0, 1, 200)
        top.fill_between(curve, _matters(curve), color=COLOURS[2], alpha=0.35, linewidth=0)
        top.vlines(points[:, 0], 0, _matters(points[:, 0]), color=COLOURS[0], linewidth=1.4)
        side.fill_betweenx(curve, _hardly(curve), color=COLOURS[5], alpha=0.35, linewidth=0)
        side.hlines(points[:, 1], 0, _hardly(points[:, 1]), color=COLOURS[0], linewidth=1.4)
        middle.plot(points[:, 0], points[:, 1], marker, color=COLOURS[0], linestyle="none")
        middle.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
        middle.set_xlabel("parameter that matters")
        middle.set_ylabel("parameter that hardly does")
        middle.spines[["top", "right"]].set_visible(True)
        seen = len(np.unique(points[:, 0])), len(np.unique(points[:, 1]))
        top.set_title(f"{name}: {len(points)} trials see {seen[0]} and {seen[1]} values")
        for panel in (top, side):
            panel.set_axis_off()
    return figure


def _matters(x: Array) -> Array:
    return np.asarray(np.exp(-(((x - 0.36) / 0.11) ** 2)) + 0.12, dtype=np.float64)


def _hardly(y: Array) -> Array:
    return np.asarray(0.25 + 0.08 * np.sin(3 * y), dtype=np.float64)


def _places(axis: Axis, cells: pd.Series) -> Array:
    """Return where values stand between the lowest (0) and the highest (1) of their axis."""
    known = cells.dropna()
    if axis.kind == "categorical":
        choices = list(axis.choices)
        places = [choices.index(cell) if cell in choices else np.nan for cell in known]
        return np.array(places, dtype=np.float64) / max(1, len(choices) - 1)
    assert axis.low is not None
    assert axis.high is not None
    values = known.to_numpy(dtype=np.float64)
    low, high = float(axis.low), float(axis.high)
    if axis.log and low > 0:
        values, low, high = np.log(values), float(np.log(low)), float(np.log(high))
    return np.asarray((values - low) / (high - low) if high > low else values * 0 + 0.5)


def _right(panel: "Axes") -> Any:  # noqa: ANN401  (a transform)
    return panel.get_yaxis_transform()
