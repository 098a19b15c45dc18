"""Axes that Optuna has drawn, made readable: limits, ticks, choices, legend."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_MAX_TICKS = 16  # characters of a choice below a slice
_FAR = 20.0  # times the spread of the better half, from which on values are cut off


def finished(axes: "Axes", size: tuple[float, float], *, legend: bool = False) -> "Figure":
    """Return the figure, as large (inches) and as plain as all others, with one entry per name."""
    figure = figure_of(axes)
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


def figure_of(axes: "Axes") -> "Figure":
    """Return the figure that these are in."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def limits(
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


def widen(axes: "Axes") -> None:
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


def thin_ticks(axis: "Axis") -> None:
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


def show_choices(axes: "Axes", *, has_room: bool) -> None:
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


def set_marker(points: Any, marker: str) -> None:  # noqa: ANN401  (a collection)
    """Draw the points of a scatter with another marker."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    points.set_paths([style.get_path().transformed(style.get_transform())])
