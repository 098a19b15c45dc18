"""Optuna's figures of a study, in the project's style; None where there is too little to draw.

No meaning rests on colour alone: what differs in colour differs in its marker, dashes or place.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.tasks.figure_style import COLOURS, GRID, in_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from optuna import Study

_OPTUNAS_STYLE = "ggplot"  # that its functions ask for by name
_COLUMNS = 4  # of slices
_MAX_SLICES = 12
_MAX_PARALLEL = 9  # axes; more cannot be read
_MAX_TICKS = 16  # characters of a choice below a slice
_MANY = 60  # trials; then their marks are smaller
_FAR = 20.0  # times the spread of the better half, from which on values are cut off


@in_style
def history_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the first value of each trial, and the best so far; pruned ones below as ticks."""
    from optuna.trial import TrialState
    from optuna.visualization.matplotlib import plot_optimization_history

    values = _values(study)
    if not len(values):
        return None
    axes = _drawn(plot_optimization_history, study, target_name=label, **_target(study))
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
    axes.set_ylim(*_limits(values, is_low_better=_is_low_better(study)))
    axes.set_xlabel("number of the trial")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    axes.set_xlim(-0.5 - 0.01 * len(study.trials), 1.01 * len(study.trials) - 0.5)
    return _finished(axes, (7.2, 3.8), legend=True)


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

    values = _values(study)
    if len(values) < 4 or np.ptp(values) == 0:
        return {}
    with _quiet():
        found = get_param_importances(study, **_target(study))
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


@in_style
def importances_figure(study: "Study", label: str) -> "Figure | None":
    """Draw how much each parameter matters."""
    from optuna.visualization.matplotlib import plot_param_importances

    found = importances(study)
    if not found:
        return None
    axes = _drawn(plot_param_importances, study, target_name=label, **_target(study))
    for bar in axes.patches:
        bar.set(facecolor=COLOURS[0])
    for text in axes.texts:
        text.set_text(f" {text.get_text()}")
    axes.set_xlabel("importance (sums to 1)")
    axes.set_ylabel("")
    axes.grid(axis="y", visible=False)
    return _finished(axes, (7.2, 1.2 + 0.28 * len(found)))


@in_style
def slices_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the value of each trial against each of its parameters, the most important first."""
    from optuna.visualization.matplotlib import plot_slice

    shown = ranked(study)[:_MAX_SLICES]
    if not shown:
        return None
    drawn = _drawn(plot_slice, study, params=shown, target_name=label, **_target(study))
    panels = list(np.ravel(drawn))
    figure = _figure(panels[0])
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
        _widen(axes)
        _show_choices(axes, has_room=columns < _COLUMNS)
        _thin_ticks(axes.xaxis)
    panels[0].set_ylim(*_limits(values, is_low_better=_is_low_better(study)))
    figure.suptitle("")
    return _finished(panels[0], (1.0 + 2.1 * columns, 0.4 + 2.9 * rows))


@in_style
def contour_figure(study: "Study", label: str) -> "Figure | None":
    """Draw the value over the two parameters that matter most, among those tried together."""
    from optuna.visualization.matplotlib import plot_contour

    pair = _pair(study)
    if pair is None:
        return None
    axes = _drawn(plot_contour, study, params=list(pair), target_name=label, **_target(study))
    for points in axes.collections:
        if hasattr(points, "set_sizes") and len(points.get_offsets()) > 0:
            points.set(sizes=[10 if len(_values(study)) > _MANY else 20], linewidths=0.5)
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        _thin_ticks(axis)
    return _finished(axes, (6.6, 4.6))


@in_style
def parallel_figure(study: "Study", label: str) -> "Figure | None":
    """Draw each completed trial as a line through its parameters, the most important ones."""
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    shown = ranked(study)[:_MAX_PARALLEL]
    if not shown or len(_values(study)) < 2:
        return None
    axes = _drawn(
        plot_parallel_coordinate, study, params=shown, target_name=label, **_target(study)
    )
    for lines in axes.collections:
        lines.set(linewidths=0.8 if len(_values(study)) > _MANY else 1.2, alpha=0.8)
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    axes.set_xticklabels(names, rotation=30, ha="right", rotation_mode="anchor")
    axes.grid(visible=False)
    figure = _figure(axes)
    for other in figure.axes:
        other.grid(visible=False)
        if other is not axes:
            other.tick_params(labelsize=7)
            _thin_ticks(other.yaxis)
    return _finished(axes, (4.0 + 1.1 * len(shown), 4.4))


@in_style
def front_figure(study: "Study", labels: Sequence[str]) -> "Figure | None":
    """Draw the trials that no other beats in all objectives; None of a single objective."""
    from optuna.visualization.matplotlib import plot_pareto_front

    if len(study.directions) not in (2, 3) or not len(_values(study)):
        return None
    axes = _drawn(plot_pareto_front, study, target_names=list(labels))
    names = {"Trial": ("other trial", "o", COLOURS[4]), "Best Trial": ("front", "D", COLOURS[1])}
    for points in axes.collections:
        name, marker, colour = names.get(points.get_label(), ("", "o", GRID))
        points.set(color=colour, label=name or None, sizes=[30])
        _set_marker(points, marker)
    return _finished(axes, (6.4, 4.4), legend=True)


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
    axes = _drawn(plot_intermediate_values, study)
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
    return _finished(axes, (7.2, 3.8), legend=True)


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


# -- what Optuna is asked for ---------------------------------------------------------------------


def _drawn(plot: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401  (axes)
    """Call one of Optuna's functions in the project's style, and close what it has opened."""
    from matplotlib import pyplot

    with _off_screen(), _own_style(), _quiet():
        axes = plot(*args, **options)
        pyplot.close(_figure(np.ravel(axes)[0]))
    return axes


@contextmanager
def _own_style() -> Iterator[None]:
    """Let the style that Optuna's functions ask for leave everything as it is."""
    from matplotlib import rc_context, style

    kept = style.library[_OPTUNAS_STYLE]
    style.library[_OPTUNAS_STYLE] = type(kept)()
    try:
        with rc_context(
            {
                "figure.constrained_layout.use": True,
                "axes.grid": True,
                "grid.color": GRID,
                "grid.alpha": 0.35,
                "grid.linewidth": 0.6,
            }
        ):
            yield
    finally:
        style.library[_OPTUNAS_STYLE] = kept


@contextmanager
def _off_screen() -> Iterator[None]:
    """Let pyplot open no window, wherever it runs."""
    import matplotlib
    from matplotlib import pyplot

    before = matplotlib.get_backend(auto_select=False)
    pyplot.switch_backend("agg")
    try:
        yield
    finally:
        if before is not None:
            pyplot.switch_backend(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Say nothing of figures being an experiment of Optuna's, nor of one that is empty."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _target(study: "Study") -> dict[str, Any]:
    """Return which value is to be drawn, where there are several: the first one."""
    return {"target": lambda trial: trial.values[0]} if len(study.directions) > 1 else {}


# -- studies --------------------------------------------------------------------------------------


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


# -- axes -----------------------------------------------------------------------------------------


def _finished(axes: "Axes", size: tuple[float, float], *, legend: bool = False) -> "Figure":
    figure = _figure(axes)
    for side in ("left", "center"):
        axes.set_title("", loc=side)
    figure.set_layout_engine("constrained")
    figure.set_size_inches(*size)
    old = axes.get_legend()
    if old is not None:
        old.remove()
    if legend:
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(
            handles.values(),
            handles.keys(),
            frameon=False,
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=4,
        )
    return figure


def _figure(axes: "Axes") -> "Figure":
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def _limits(
    values: "np.ndarray[Any, np.dtype[np.float64]]", *, is_low_better: bool
) -> tuple[float, float]:
    """Return limits in which the better half can be told apart, however bad the worst is."""
    low, high = float(values.min()), float(values.max())
    spread = abs(float(np.median(values)) - (low if is_low_better else high))
    if spread > 0:
        low, high = (
            (low, min(high, low + _FAR * spread))
            if is_low_better
            else (max(low, high - _FAR * spread), high)
        )
    margin = 0.07 * (high - low) or 0.05 * abs(high) or 0.5
    return low - margin, high + margin


def _widen(axes: "Axes") -> None:
    """Give a single value, or one of two choices, room on both sides."""
    low, high = axes.get_xlim()
    ticks = axes.get_xticks()
    if axes.get_xscale() == "log":
        if high / low < 10:
            axes.set_xlim(low / 2, high * 2)
    elif _is_categorical(axes):
        axes.set_xlim(-0.5, len(ticks) - 0.5)
    elif high - low < 1e-12 * max(1.0, abs(high)):
        axes.set_xlim(low - 0.5, high + 0.5)


def _thin_ticks(axis: "Axis") -> None:
    """Leave so many numbers along an axis as have room side by side."""
    from matplotlib.ticker import (
        FuncFormatter,
        LogLocator,
        MaxNLocator,
        NullFormatter,
        NullLocator,
    )

    if axis.get_scale() == "log":
        low, high = axis.get_view_interval()
        if high / low >= 100:
            axis.set_major_locator(LogLocator(numticks=5))
            axis.set_minor_formatter(NullFormatter())
        else:  # few powers of ten, or none
            axis.set_major_locator(MaxNLocator(3))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
            axis.set_minor_locator(NullLocator())
    elif isinstance(axis.get_major_locator(), MaxNLocator):
        axis.set_major_locator(MaxNLocator(4, min_n_ticks=1))


def _is_categorical(axes: "Axes") -> bool:
    from matplotlib.category import StrCategoryLocator

    return isinstance(axes.xaxis.get_major_locator(), StrCategoryLocator)


def _show_choices(axes: "Axes", *, has_room: bool) -> None:
    """Turn the names of choices, which are Python texts, so that none runs into another."""
    if not _is_categorical(axes):
        return
    ticks = axes.get_xticks()
    mapping = axes.xaxis.units._mapping
    names = [_plain(name) for name in mapping]
    size = _MAX_TICKS + (8 if has_room else 0)
    names = [name if len(name) <= size else f"{name[: size - 1]}…" for name in names]
    is_short = sum(map(len, names)) <= 14
    axes.set_xticks(ticks, names)
    if not is_short:
        for label in axes.get_xticklabels():
            label.set(rotation=35, horizontalalignment="right", rotation_mode="anchor")


def _plain(name: str) -> str:
    return name[1:-1] if name[:1] == name[-1:] and name[:1] in ("'", '"') else name


def _set_marker(points: Any, marker: str) -> None:  # noqa: ANN401  (a collection)
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    points.set_paths([style.get_path().transformed(style.get_transform())])
