"""Figures of calibration, thresholds and abstention.

Drawn without any global figure state; the same calibration gives the same bytes. No meaning rests
on colour alone.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.tasks.calibration import Calibration, PartCalibration
from foldwise.tasks.calibration_tables import (
    AS_PREDICTED,
    AT_TEMPERATURE,
    risk_coverage_table,
    scores_of_parts,
)
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.operating_points import POINT_METRICS, OperatingPoints
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.probability_calibration import BINNINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_PANELS = 6  # classes with curves of their thresholds
_MARKS = {AS_PREDICTED: ("o", COLOURS[1], -1), AT_TEMPERATURE: ("D", COLOURS[0], 1)}
_PART_LINES = {"oof": ("-", COLOURS[0]), "test": ("--", COLOURS[1])}
_METRIC_LINES = dict(zip(POINT_METRICS, ("-", "--", "-.", ":"), strict=True))
_DIAGONAL: dict[str, Any] = {"color": GRID, "linewidth": 0.8, "linestyle": (0, (2, 3))}
_GRID: dict[str, Any] = {"color": GRID, "alpha": 0.25, "linewidth": 0.6}


@in_style
def reliability_figure(calibration: Calibration) -> "Figure":
    """Draw how often decisions are right against what the network says, above a histogram."""
    from matplotlib.figure import Figure

    if calibration.is_empty:
        return _nothing("There are no probabilities whose calibration could be shown.")
    parts = list(calibration.parts)
    figure = Figure(figsize=(4.3 * len(parts) + 0.3, 5.2), layout="constrained")
    panels = figure.subplots(
        2, len(parts), sharex="col", squeeze=False, gridspec_kw={"height_ratios": (3, 1)}
    )
    for part, (upper, lower) in zip(parts, panels.T, strict=True):
        _draw_reliability(calibration, part, upper)
        points = _width_points(calibration.parts[part].before.points)
        width = points["high"] - points["low"]
        lower.bar(points["low"], points["num_samples"], width, align="edge", color=GRID, alpha=0.6)
        lower.set(xlabel="what the network says of its decision", ylabel="predictions")
        lower.locator_params(axis="y", nbins=3)
        upper.set_title(PARTS[part], loc="left")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


@in_style
def thresholds_figure(calibration: Calibration) -> "Figure":
    """Draw precision, recall, specificity and F1 of classes against the threshold, out of fold.

    Of many classes those with the lowest greatest F1 are drawn.
    """
    from matplotlib.figure import Figure

    points = calibration.points
    if points is None or points.curves.empty:
        return _nothing("There are no probabilities that a threshold could be set on.")
    curves = dict(tuple(points.curves.groupby("class", sort=False)))
    best = {name: float(curve["f1"].max()) for name, curve in curves.items()}
    worst = sorted(best, key=lambda name: best[name])[:_MAX_PANELS]
    names = [name for name in curves if name in worst]
    num_columns = min(3, len(names))
    num_rows = -(-len(names) // num_columns)
    figure = Figure(
        figsize=(max(4.8, 2.9 * num_columns), 2.6 * num_rows + 0.6), layout="constrained"
    )
    panels = figure.subplots(num_rows, num_columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    for name, axes in zip(names, panels.flat, strict=False):
        _draw_thresholds(points, str(name), curves[name], axes)
    for axes in panels[:, 0]:
        axes.set_ylabel("metric")
    for column in range(num_columns):
        used = [axes for axes in panels[:, column] if axes.get_visible()]
        used[-1].set_xlabel("threshold")
        used[-1].tick_params(labelbottom=True)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


@in_style
def risk_coverage_figure(calibration: Calibration) -> "Figure":
    """Draw the share of errors against the share of samples that is decided."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    if calibration.is_empty:
        return _nothing("There is no confidence by which the network could abstain.")
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    axes = figure.add_subplot()
    curves = risk_coverage_table(calibration)
    for name, part in calibration.parts.items():
        line, colour = _PART_LINES[name]
        of_part = curves[curves["part"] == name]
        style: dict[str, Any] = {"color": colour, "linestyle": line}
        area = f"{PARTS[name]}, area {part.abstention.curve.aurc:.4f}"
        axes.plot(of_part["coverage"], of_part["risk"], label=area, linewidth=1.6, **style)
        table = part.abstention.table
        axes.plot(
            table["coverage"], 1 - table["accuracy"], "o", color=colour, markersize=4, zorder=3
        )
        axes.fill_between(
            table["coverage"],
            1 - table["accuracy_high"],
            1 - table["accuracy_low"],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    coverage, risk = _best_curve(calibration.parts["oof"])
    axes.plot(coverage, risk, label="best order, out of fold", **_DIAGONAL)
    axes.set(xlabel="coverage: share that is decided", ylabel="share of errors among these")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(**_GRID)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _draw_reliability(calibration: Calibration, part: str, axes: "Axes") -> None:
    scores = scores_of_parts(calibration)
    kinds = [kind for name, kind in scores if name == part]
    low = min(float(_width_points(scores[part, kind].points)["low"].min()) for kind in kinds)
    axes.plot([low, 1], [low, 1], label="perfect", **_DIAGONAL)
    for kind in kinds:
        marker, colour, side = _MARKS[kind]
        points = _width_points(scores[part, kind].points)
        frequency = points["frequency"].to_numpy()
        limits = points[["frequency_low", "frequency_high"]].to_numpy()
        axes.errorbar(
            points["confidence"] + (0.004 * side * (1 - low) if len(kinds) > 1 else 0),
            frequency,
            yerr=np.abs(limits - frequency[:, None]).T,
            fmt=marker,
            color=colour,
            markersize=4.5,
            elinewidth=1.2,
            label=kind,
        )
    axes.set_ylabel("how often it is right")
    axes.set_xlim(low, 1.01)
    axes.grid(**_GRID)


def _width_points(points: pd.DataFrame) -> pd.DataFrame:
    return points[points["binning"] == BINNINGS[0]]


def _draw_thresholds(
    points: OperatingPoints, name: str, curve: pd.DataFrame, axes: "Axes"
) -> None:
    for position, (metric, line) in enumerate(_METRIC_LINES.items()):
        axes.plot(
            curve["threshold"],
            curve[metric],
            label="F1" if metric == "f1" else metric,
            linestyle=line,
            color=COLOURS[position],
            linewidth=1.4,
        )
    chosen = points.points
    chosen = chosen[(chosen["class"] == name) & (chosen["part"] == "oof")]
    for row in chosen[chosen["threshold"].notna()].to_dict("records"):
        axes.axvline(row["threshold"], color=GRID, linewidth=1.2, label="chosen (median)")
        if row["threshold_high"] > row["threshold_low"]:
            axes.axvspan(
                row["threshold_low"],
                row["threshold_high"],
                color=GRID,
                alpha=0.2,
                linewidth=0,
                label="chosen (folds)",
            )
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.set_title(shown_name(name), loc="left")
    axes.grid(**_GRID)


def _best_curve(part: PartCalibration) -> tuple[Array, Array]:
    """Return coverage and risk if all errors came last."""
    error_rate = float(part.abstention.curve.risk[-1])
    coverage = np.linspace(max(1e-3, 1 - error_rate), 1, 50)
    coverage = np.concatenate([[0.0], coverage])
    risk = np.maximum(0, coverage - (1 - error_rate)) / np.maximum(coverage, 1e-9)
    return coverage, risk


def _nothing(text: str) -> "Figure":
    """Return a figure that says why there is none."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 1.0))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure
