"""Figures of the evaluation of a regression or a forecast.

Drawn without any global figure state; the same evaluation gives the same bytes. No meaning rests
on colour alone. H: steps ahead.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.regression import QuantilePair, quantile_pairs
from foldwise.tasks.evaluate_regression import RegressionEvaluation, calibration
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.regression_summary import show_number
from foldwise.tasks.regression_table import quantile_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_POINTS = 800  # that are drawn one by one; more are counted in hexagons
_MAX_PANELS = 4  # of steps ahead
_MAX_MOMENTS = 120  # of a forecast, the last ones
_MARKS = {"oof": ("o", COLOURS[0], -0.12), "test": ("D", COLOURS[1], 0.12)}
_HEXAGONS = ("#d6e8f5", "#56B4E9", "#08436b")


@in_style
def outcomes_figure(evaluation: RegressionEvaluation) -> "Figure":
    """Draw the out-of-fold predictions against the targets, for up to four steps ahead."""
    from matplotlib.figure import Figure

    outcomes = evaluation.parts["oof"].rows.outcomes
    estimates = evaluation.parts["oof"].estimates.steps
    steps = _chosen_steps(evaluation.columns.num_steps, _MAX_PANELS)
    num_columns = min(2, len(steps))
    num_rows = -(-len(steps) // num_columns)
    side = 4.6 if len(steps) == 1 else 3.8
    size = (side * num_columns + 0.6, side * num_rows + 0.2)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes in panels[len(steps) :]:
        axes.set_axis_off()
    for axes, step in zip(panels, steps, strict=False):
        target, prediction = outcomes.target[:, step - 1], outcomes.prediction[:, step - 1]
        low, high = _range(np.concatenate([target, prediction]))
        axes.plot([low, high], [low, high], color=GRID, linewidth=1, linestyle=(0, (4, 3)))
        _cloud(figure, axes, target, prediction)
        axes.set(xlabel="actual", ylabel="predicted", xlim=(low, high), ylim=(low, high))
        axes.set_yticks(axes.get_xticks())
        axes.set(xlim=(low, high), ylim=(low, high))
        axes.set_aspect("equal")
        axes.grid(color=GRID, alpha=0.25, linewidth=0.6)
        score = f"R² {show_number(estimates[step - 1]['r2'].value)}"
        head = f"step {step}: " if evaluation.columns.num_steps > 1 else ""
        axes.set_title(head + score, loc="left")
    return figure


@in_style
def curves_figure(evaluation: RegressionEvaluation) -> "Figure":
    """Draw the forecasts of the last fold by time; without a time, errors and calibration."""
    if evaluation.forecast is not None:
        return _forecast_figure(evaluation, evaluation.forecast)
    return _residual_figure(evaluation)


@in_style
def details_figure(evaluation: RegressionEvaluation) -> "Figure":
    """Draw the errors of each step ahead with their intervals; of one step, those of each fold."""
    from matplotlib.figure import Figure

    pairs = quantile_pairs(evaluation.columns.levels)
    metrics = ["mae", "rmse", "bias"] + [f"coverage_{pair.percent}" for pair in pairs[-1:]]
    by_step = evaluation.columns.num_steps > 1
    num_rows = -(-len(metrics) // 2)
    figure = Figure(figsize=(7.6, 2.4 * num_rows + 0.3), layout="constrained")
    panels = figure.subplots(num_rows, 2, squeeze=False, sharex=True).ravel()
    for axes in panels[len(metrics) :]:
        axes.set_axis_off()
    for axes, metric in zip(panels, metrics, strict=False):
        if by_step:
            _steps_panel(axes, evaluation, metric)
        else:
            _folds_panel(axes, evaluation, metric)
        expected = _expected(metric)
        if expected is not None:
            axes.axhline(expected, color=GRID, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.set_title(metric_label(metric), loc="left")
        axes.grid(axis="y", color=GRID, alpha=0.3, linewidth=0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.tick_params(labelbottom=True)
    for axes in panels[max(0, len(metrics) - 2) : len(metrics)]:
        axes.set_xlabel("step ahead" if by_step else "fold")
    handles, labels = panels[0].get_legend_handles_labels()
    if len(handles) > 1:
        figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False)
    return figure


# -- panels ---------------------------------------------------------------------------------------


def _forecast_figure(evaluation: RegressionEvaluation, forecast: pd.DataFrame) -> "Figure":
    from matplotlib.figure import Figure

    steps = _chosen_steps(evaluation.columns.num_steps, 2)
    figure = Figure(figsize=(8.6, 3.1 * len(steps) + 0.5), layout="constrained")
    panels = figure.subplots(len(steps), 1, squeeze=False, sharex=True).ravel()
    for axes, step in zip(panels, steps, strict=True):
        of_step = forecast[forecast["step"] == step].drop_duplicates("time")
        rows = of_step.tail(_MAX_MOMENTS)
        _bands(axes, rows, quantile_pairs(evaluation.columns.levels), evaluation.columns.levels)
        time = rows["time"].to_numpy()
        axes.plot(time, rows["prediction"], color=COLOURS[0], linewidth=1.4, label="forecast")
        marks = {"marker": ".", "markersize": 3.5, "linewidth": 0.6}
        axes.plot(time, rows["target"], color=COLOURS[1], label="actual", **marks)
        _label_time(axes, rows["time"])
        axes.grid(color=GRID, alpha=0.25, linewidth=0.6)
        axes.margins(x=0.01)
        title = f"fold {int(rows['fold'].iloc[0])}"
        if len(rows) < len(of_step):
            title += f", its last {len(rows)} of {len(of_step)} forecasts"
        if "series" in rows:
            title = f"{shown_name(str(rows['series'].iloc[0]))}, {title}"
        if evaluation.columns.num_steps > 1:
            title += f", step {step} of {evaluation.columns.num_steps}"
        axes.set_title(title, loc="left")
    is_single = evaluation.columns.num_steps == 1
    panels[-1].set_xlabel("time" if is_single else "time of the last step of each forecast")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels), frameon=False)
    return figure


def _bands(
    axes: "Axes", rows: pd.DataFrame, pairs: list[QuantilePair], levels: tuple[float, ...]
) -> None:
    """Fill between the quantiles, the widest interval first and faintest."""
    time = rows["time"].to_numpy()
    for place, pair in reversed(list(enumerate(pairs))):
        names = [quantile_column(levels[position]) for position in (pair.low, pair.high)]
        low, high = (rows[name].to_numpy(dtype=np.float64) for name in names)
        axes.fill_between(
            time,
            low,
            high,
            color=COLOURS[0],
            alpha=max(0.15, 0.4 - 0.2 * place),
            linewidth=0,
            label=f"{pair.percent} % interval",
        )


def _label_time(axes: "Axes", time: pd.Series) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    if pd.api.types.is_datetime64_any_dtype(time):
        locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]  # of matplotlib
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]  # of it


def _residual_figure(evaluation: RegressionEvaluation) -> "Figure":
    from matplotlib.figure import Figure

    outcomes = evaluation.parts["oof"].rows.outcomes
    prediction = outcomes.prediction.ravel()
    errors = prediction - outcomes.target.ravel()
    figure = Figure(figsize=(8.6, 4.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.axhline(0, color=GRID, linewidth=1, linestyle=(0, (4, 3)))
    _cloud(figure, left, prediction, errors)
    limit = 1.05 * max(float(np.abs(errors).max()), 1e-300)
    left.set(xlabel="predicted", ylabel="error (predicted - actual)", ylim=(-limit, limit))
    left.set_title("errors", loc="left")
    if len(outcomes.levels):
        right.plot([0, 1], [0, 1], color=GRID, linewidth=1, linestyle=(0, (4, 3)))
        observed = calibration(outcomes.target, outcomes.quantiles)
        right.plot(outcomes.levels, observed, "o-", color=COLOURS[0], markersize=5)
        right.set(xlabel="level of the quantile", ylabel="share of targets at or below it")
        right.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        right.set_title("calibration", loc="left")
    else:
        sizes = np.sort(np.abs(errors))
        right.plot(np.arange(1, len(sizes) + 1) / len(sizes), sizes, color=COLOURS[0])
        right.set(xlabel="share of predictions", ylabel="size of the error at most")
        right.set_title("sorted errors", loc="left")
    for axes in (left, right):
        axes.grid(color=GRID, alpha=0.25, linewidth=0.6)
    return figure


def _cloud(figure: "Figure", axes: "Axes", x: Array, y: Array) -> None:
    """Draw points, or hexagons that count them where there are too many."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    if len(x) <= _MAX_POINTS:
        style: dict[str, Any] = {"edgecolors": "white", "linewidths": 0.3, "alpha": 0.65}
        axes.scatter(x, y, s=14, color=COLOURS[0], zorder=3, **style)
        return
    colours = LinearSegmentedColormap.from_list("count", _HEXAGONS)
    mesh = axes.hexbin(
        x, y, gridsize=36, mincnt=1, cmap=colours, norm=LogNorm(), linewidths=0.1, zorder=3
    )
    bar = figure.colorbar(mesh, ax=axes, shrink=0.6, pad=0.02, format="%d", label="predictions")
    bar.outline.set_visible(False)
    bar.ax.minorticks_off()


def _steps_panel(axes: "Axes", evaluation: RegressionEvaluation, metric: str) -> None:
    for part, scores in evaluation.parts.items():
        marker, colour, shift = _MARKS[part]
        found = np.array([estimates[metric][:3] for estimates in scores.estimates.steps])
        value, low, high = found.T
        limits = np.nan_to_num(np.array([value - low, high - value]))
        steps = np.arange(1, len(value) + 1) + (shift if len(evaluation.parts) > 1 else 0)
        style: dict[str, Any] = {"fmt": marker, "color": colour, "markersize": 4}
        axes.errorbar(steps, value, yerr=limits, elinewidth=1.4, label=PARTS[part], **style)
    axes.margins(x=0.08)


def _folds_panel(axes: "Axes", evaluation: RegressionEvaluation, metric: str) -> None:
    """Draw each fold model's score, and the pooled one with its interval as a band."""
    scores = evaluation.parts["oof"]
    models = scores.models
    num_repeats = models["repeat"].nunique()
    shift = 0.0 if num_repeats == 1 else (models["repeat"] / (num_repeats - 1) - 0.5) * 0.3
    marker, colour, _ = _MARKS["oof"]
    found = scores.estimates.pooled[metric]
    if np.isfinite(found.low):
        band: dict[str, Any] = {"color": colour, "alpha": 0.15, "linewidth": 0}
        axes.axhspan(found.low, found.high, label="all folds, with interval", **band)
    axes.axhline(found.value, color=colour, linewidth=1)
    style: dict[str, Any] = {"marker": marker, "color": colour, "linestyle": "none"}
    axes.plot(models["fold"] + shift, models[metric], markersize=5, label="one fold", **style)
    axes.margins(x=0.08)


def _expected(metric: str) -> float | None:
    """Return the value that a metric should have, if it is neither best low nor best high."""
    if metric == "bias":
        return 0.0
    kind, _, percent = metric.partition("_")
    return float(percent) / 100 if kind == "coverage" else None


def _chosen_steps(num_steps: int, most: int) -> list[int]:
    """Return up to `most` of the steps 1..num_steps, the first and the last among them."""
    return sorted({int(step) for step in np.linspace(1, num_steps, min(most, num_steps)).round()})


def _range(values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    return low - margin, high + margin
