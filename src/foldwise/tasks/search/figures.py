"""Optuna's figures of a study, in the project's style; None where there is too little to draw.

No meaning rests on colour alone: what differs in colour differs in its marker, dashes or place.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings

import numpy as np

from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.search.figure_axes import (
    figure_of,
    finished,
    limits,
    set_marker,
    show_choices,
    thin_ticks,
    widen,
)
from foldwise.tasks.search.optuna_drawing import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from optuna import Study

_COLUMNS = 4  # of slices
_MAX_SLICES = 12
_MAX_PARALLEL = 9  # axes; more cannot be read
_MANY = 60  # trials; then their marks are smaller


@in_style
def history_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the first value of each trial, and the best so far; pruned ones below as ticks."""
    from optuna.trial import TrialState
    from optuna.visualization.matplotlib import plot_optimization_history

    values = _values(study)
    if not len(values):
        return None
    axes = drawn(plot_optimization_history, study, target_name=label, **_target(study))
    size = 12 if len(values) > _MANY else 26
    for points in axes.collections:
        points.set(sizes=[size], color=COLOURS[0], label="completed trial")
    if not axes.lines:  # Optuna draws no best value where it was told which value to draw
        _draw_best(axes, study)
    for line in axes.lines:
        line.set(color=COLOURS[1], alpha=1, linewidth=1.6, drawstyle="steps-post", label="best")
    for state, name, marker, colour in (
        (TrialState.PRUNED, "pruned", "|", COLOURS[2]),
        (TrialState.FAIL, "failed", "x", COLOURS[3]),
    ):
        # One without parameters stands for a number that is not in the table.
        of_state = [t.number for t in study.get_trials(states=(state,)) if t.params]
        if of_state:
            axes.plot(
                of_state,
                np.full(len(of_state), 0.015),
                linestyle="none",
                marker=marker,
                markersize=6,
                color=colour,
                transform=axes.get_xaxis_transform(),
                label=name,
            )
    axes.set_ylim(*limits(values, is_low_better=_is_low_better(study)))
    axes.set_xlabel("number of the trial")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.set_xlim(-0.5 - 0.01 * len(study.trials), 1.01 * len(study.trials) - 0.5)
    return finished(axes, (7.2, 3.8), legend=True)


def _draw_best(axes: "Axes", study: "Study") -> None:
    trials = _complete(study)
    best = np.minimum if _is_low_better(study) else np.maximum
    numbers = [trial.number for trial in trials]
    axes.plot(numbers, best.accumulate([trial.values[0] for trial in trials]))


def importances(study: "Study") -> dict[str, float]:
    """Return how much each parameter matters to the first value, largest first, by PED-ANOVA.

    Empty where too few trials were completed, or their values do not differ.

    Source:
        Watanabe, S., Bansal, A., Hutter, F. (2023). PED-ANOVA: Efficiently quantifying
            hyperparameter importance in arbitrary subspaces. IJCAI.
    """
    from optuna.importance import get_param_importances

    from foldwise.tasks.search.quiet import quiet_optuna

    values = _values(study)
    if len(values) < 4 or np.ptp(values) == 0:
        return {}
    with quiet_optuna(), catch_warnings(action="ignore"):
        found = get_param_importances(study, **_target(study))
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


@in_style
def importances_figure(study: "Study", label: str) -> "Figure | None":
    """Draw how much each parameter matters."""
    from optuna.visualization.matplotlib import plot_param_importances

    found = importances(study)
    if not found:
        return None
    axes = drawn(plot_param_importances, study, target_name=label, **_target(study))
    for bar in axes.patches:
        bar.set(facecolor=COLOURS[0])
    for text in axes.texts:
        text.set_text(f" {text.get_text()}")
    axes.set_xlabel("importance (sums to 1)")
    axes.set_ylabel("")
    axes.grid(axis="y", visible=False)
    return finished(axes, (7.2, 1.2 + 0.28 * len(found)))


@in_style
def slices_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the value of each trial against each of its parameters, the most important first."""
    from optuna.visualization.matplotlib import plot_slice

    shown = ranked(study)[:_MAX_SLICES]
    if not shown:
        return None
    found = drawn(plot_slice, study, params=shown, target_name=label, **_target(study))
    panels = list(np.ravel(found))
    figure = figure_of(panels[0])
    for axes in panels:
        for points in axes.collections:
            if points.colorbar is not None:  # of the numbers of trials: it takes the room of two
                points.colorbar.remove()
    rows = -(-len(panels) // _COLUMNS)
    columns = min(_COLUMNS, len(panels))
    cells = figure.add_gridspec(rows, columns)
    panels.sort(key=lambda axes: shown.index(axes.get_xlabel()))
    values = _values(study)
    for position, axes in enumerate(panels):
        axes.set_subplotspec(cells[position // columns, position % columns])
        axes.tick_params(labelbottom=True, labelleft=position % columns == 0)
        axes.set_ylabel(label if position % columns == 0 else "")
        for points in axes.collections:
            points.set(sizes=[14 if len(values) > _MANY else 28], linewidths=0.5)
        widen(axes)
        show_choices(axes, has_room=columns < _COLUMNS)
        thin_ticks(axes.xaxis)
    panels[0].set_ylim(*limits(values, is_low_better=_is_low_better(study)))
    figure.suptitle("")
    return finished(panels[0], (1.0 + 2.1 * columns, 0.4 + 2.9 * rows))


@in_style
def contour_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the value over the two parameters that matter most, among those tried together."""
    from optuna.visualization.matplotlib import plot_contour

    pair = _pair(study)
    if pair is None:
        return None
    axes = drawn(plot_contour, study, params=list(pair), target_name=label, **_target(study))
    for points in axes.collections:
        if hasattr(points, "set_sizes") and len(points.get_offsets()) > 0:
            points.set(sizes=[10 if len(_values(study)) > _MANY else 20], linewidths=0.5)
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        thin_ticks(axis)
    return finished(axes, (6.6, 4.6))


@in_style
def parallel_figure(study: "Study", label: str) -> "Figure | None":
    """Draw each completed trial as a line through its parameters, the most important ones."""
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    shown = ranked(study)[:_MAX_PARALLEL]
    if not shown or len(_values(study)) < 2:
        return None
    axes = drawn(
        plot_parallel_coordinate, study, params=shown, target_name=label, **_target(study)
    )
    for lines in axes.collections:
        lines.set(linewidths=0.8 if len(_values(study)) > _MANY else 1.2, alpha=0.8)
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    axes.set_xticklabels(names, rotation=30, ha="right", rotation_mode="anchor")
    axes.grid(visible=False)
    figure = figure_of(axes)
    for other in figure.axes:
        other.grid(visible=False)
        if other is not axes:
            other.tick_params(labelsize=7)
            thin_ticks(other.yaxis)
    return finished(axes, (4.0 + 1.1 * len(shown), 4.4))


@in_style
def front_figure(study: "Study", labels: Sequence[str]) -> "Figure | None":
    """Draw the trials that no other beats in all objectives; None of a single objective."""
    from optuna.visualization.matplotlib import plot_pareto_front

    if len(study.directions) not in (2, 3) or not len(_values(study)):
        return None
    axes = drawn(plot_pareto_front, study, target_names=list(labels))
    names = {"Trial": ("other trial", "o", COLOURS[4]), "Best Trial": ("front", "D", COLOURS[1])}
    for points in axes.collections:
        name, marker, colour = names.get(points.get_label(), ("", "o", GRID))
        points.set(color=colour, label=name or None, sizes=[30])
        set_marker(points, marker)
    return finished(axes, (6.4, 4.4), legend=True)


@in_style
def curves_figure(study: "Study", label: str, max_epochs: int) -> "Figure | None":
    """Draw the curve of each trial as its pruner has seen it, part after part."""
    from optuna.trial import TrialState
    from optuna.visualization.matplotlib import plot_intermediate_values

    seen = (TrialState.COMPLETE, TrialState.PRUNED)
    trials = [t for t in study.get_trials(deepcopy=False) if t.intermediate_values]
    trials = [trial for trial in trials if trial.state in seen]
    if not trials:
        return None
    axes = drawn(plot_intermediate_values, study)
    thin = 0.5 if len(trials) > _MANY else 0.9
    best = _best_number(study)
    pruned = {t.number for t in trials if t.state == TrialState.PRUNED}
    for line in axes.lines:
        number = int(str(line.get_label()).removeprefix("Trial"))
        line.set(marker="", color=GRID, linewidth=thin, alpha=0.8, label="completed")
        if number in pruned:
            line.set(color=COLOURS[2], linestyle="--", marker="x", markevery=[-1], markersize=4)
            line.set_label("pruned at the cross")
        if number == best:
            line.set(color=COLOURS[1], linewidth=2, alpha=1, zorder=5, label="best trial")
    last = max(step for trial in trials for step in trial.intermediate_values)
    for start in range(0, last + 1, max_epochs):
        axes.axvline(start, color=GRID, linewidth=0.6, linestyle=":")
    what = "epochs of the parts, one after another (dotted: where one begins)"
    axes.set_xlabel("parts" if max_epochs == 1 else what)
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.set_ylabel(f"{label} so far")
    axes.grid(axis="x", visible=False)
    return finished(axes, (7.2, 3.8), legend=True)


def ranked(study: "Study") -> list[str]:
    """Return the parameters of completed trials, the most important ones first."""
    found = importances(study)
    names = {name for trial in _complete(study) for name in trial.params}
    return sorted(names, key=lambda name: (-found.get(name, 0.0), name))


@in_style
def empty_figure(text: str) -> "Figure":
    """Draw a sentence where there is nothing else to draw."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.2), layout="constrained")
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def _target(study: "Study") -> dict[str, Any]:
    """Return which value is to be drawn, where there are several: the first one."""
    return {"target": lambda trial: trial.values[0]} if len(study.directions) > 1 else {}


def _complete(study: "Study") -> list[Any]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _values(study: "Study") -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([trial.values[0] for trial in _complete(study)], dtype=np.float64)


def _is_low_better(study: "Study") -> bool:
    return bool(study.directions[0].name == "MINIMIZE")


def _best_number(study: "Study") -> int | None:
    trials = _complete(study)
    if not trials:
        return None
    sign = 1 if _is_low_better(study) else -1
    return int(min(trials, key=lambda trial: (sign * trial.values[0], trial.number)).number)


def _pair(study: "Study") -> tuple[str, str] | None:
    """Return the two most important parameters that were tried together, with two values each."""
    names = ranked(study)
    trials = _complete(study)
    for i, second in enumerate(names):
        for first in names[:i]:
            both = [t.params for t in trials if first in t.params and second in t.params]
            if all(len({params[name] for params in both}) > 1 for name in (first, second)):
                return first, second
    return None
