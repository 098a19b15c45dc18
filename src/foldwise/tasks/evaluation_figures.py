"""Figures of an evaluation.

Drawn without any global figure state; the same evaluation gives the same bytes. No meaning rests
on colour alone.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.tasks.evaluate import Evaluation, curves_table
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES = ("-", "--", ":")
_BACKGROUND = {"color": GRID, "linewidth": 0.5, "zorder": 2}
_PR_LABELS = ("recall", "precision")
_MAX_CURVES = 12  # classes that are named; further ones, the best ranked, are drawn in grey
_MAX_CELLS_TEXT = 26  # classes up to which the cells of the confusion matrix are labelled
_MAX_PERCENT_TEXT = 12  # and up to which they say their share of the row
_MAX_BARS = 25  # pairs of classes that are drawn where there are too many for a matrix
MAX_CLASSES = 40  # that are drawn each by itself: of more, those that are told worst


@in_style
def confusion_figure(evaluation: Evaluation) -> "Figure":
    """Draw the out-of-fold confusion matrix: colour and % are shares of a row, beside counts.

    Of more than `MAX_CLASSES` classes the pairs that are confused most often are drawn as bars.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    num_classes = len(evaluation.classes)
    if num_classes > MAX_CLASSES:
        return _pairs_figure(evaluation)
    confusion = evaluation.parts["oof"].estimates.confusion
    totals = confusion.sum(1, keepdims=True)
    share = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    side = float(np.clip(0.62 * num_classes, 2.6, 11))
    figure = Figure(figsize=(side + 1.6, side + 1.2), layout="constrained")
    axes = figure.add_subplot()
    colours = LinearSegmentedColormap.from_list("share", ["#f3f6f9", "#56B4E9", "#08436b"])
    edges = np.arange(num_classes + 1) - 0.5
    # The root makes rare confusions visible beside the diagonal.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    mesh = axes.pcolormesh(
        edges, edges, share, cmap=colours, norm=norm, edgecolors="white", linewidth=0.8
    )
    if num_classes <= _MAX_CELLS_TEXT:
        _label_cells(axes, confusion, share)
    names = [shown_name(name) for name in evaluation.classes]
    upright = num_classes * max(map(len, names)) < 90
    axes.set_xticks(
        range(num_classes),
        names,
        rotation=0 if upright else 45,
        ha="center" if upright else "right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(num_classes), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.set(xlabel="predicted class", ylabel="actual class")
    if num_classes > _MAX_PERCENT_TEXT:
        bar = figure.colorbar(mesh, ax=axes, shrink=0.7, label="share of the actual class")
        bar.outline.set_visible(False)
    return figure


@in_style
def curves_figure(evaluation: Evaluation) -> "Figure":
    """Draw the out-of-fold ROC and precision-recall curves, each class against the rest.

    Of a binary task only the positive class is drawn.
    """
    from matplotlib.figure import Figure

    curves = dict(tuple(curves_table(evaluation).groupby("class", sort=False)))
    named = _named_classes(evaluation)
    num_classes = len(evaluation.classes)
    drawn = named if num_classes > MAX_CLASSES else range(num_classes)
    num_columns = 3 if len(named) > 4 else 1
    num_rows = -(-len(named) // num_columns)
    figure = Figure(figsize=(8.6, 4.7 + 0.2 * num_rows), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color=GRID, linewidth=0.8, linestyle=(0, (2, 3)))
    for code in drawn:
        points = curves.get(evaluation.classes[code])
        if points is None or (evaluation.positive is not None and code != evaluation.positive):
            continue
        style = _line_style(named.index(code)) if code in named else _BACKGROUND
        label = _curve_label(evaluation, code) if code in named else None
        left.plot(points["false_positive_rate"], points["recall"], label=label, **style)
        right.plot(points["recall"], points["precision"], drawstyle="steps-pre", **style)
    for axes, labels in ((left, ("false positive rate", "recall")), (right, _PR_LABELS)):
        axes.set(xlabel=labels[0], ylabel=labels[1], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set_aspect("equal")
        axes.grid(color=GRID, alpha=0.25, linewidth=0.6)
    handles, texts = left.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            texts,
            title="ROC AUC, average precision, class",
            loc="outside lower left",
            ncols=num_columns,
            alignment="left",
            frameon=False,
            fontsize=8,
        )
    return figure


@in_style
def per_class_figure(evaluation: Evaluation) -> "Figure":
    """Draw recall, precision, specificity and F1 of each class with their intervals.

    Of more than `MAX_CLASSES` classes those of lowest F1 are drawn.
    """
    from matplotlib.figure import Figure

    drawn = _lowest_f1(evaluation)
    num_classes = len(drawn)
    height = 2 * (0.24 * max(num_classes, 3) + 0.7)
    figure = Figure(figsize=(7.6, height), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True)
    marks = {"oof": ("o", COLOURS[0], -0.16), "test": ("D", COLOURS[1], 0.16)}
    for axes, metric in zip(
        panels.flat, ("recall", "precision", "specificity", "f1"), strict=True
    ):
        for part, scores in evaluation.parts.items():
            marker, colour, shift = marks[part]
            estimates = scores.estimates.classes[metric]
            found = np.array([estimates[code][:3] for code in drawn])
            value, low, high = found.T
            axes.errorbar(
                value,
                np.arange(num_classes) + (shift if len(evaluation.parts) > 1 else 0),
                xerr=np.array([value - low, high - value]),
                fmt=marker,
                color=colour,
                markersize=4.5,
                elinewidth=1.6,
                label="out of fold" if part == "oof" else "held-out test",
            )
        axes.set_title(metric_label(metric), loc="left")
        names = [shown_name(evaluation.classes[code]) for code in drawn]
        axes.set_yticks(range(num_classes), names)
        axes.set_ylim(num_classes - 0.5, -0.5)
        axes.set_xlim(right=1 + 0.02 * (1 - axes.get_xlim()[0]))
        axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10])
        axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
        axes.tick_params(axis="y", length=0)
    if len(evaluation.parts) > 1:
        handles, labels = panels.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure


def _pairs_figure(evaluation: Evaluation) -> "Figure":
    """Draw how often classes are confused, the most frequent pairs first."""
    from matplotlib.figure import Figure

    confusion = evaluation.parts["oof"].estimates.counts
    pairs = confusion.largest(_MAX_BARS)
    num_pairs = int((confusion.targets != confusion.predictions).sum())
    names = [
        f"{shown_name(evaluation.classes[a])} as {shown_name(evaluation.classes[p])}"
        for a, p, _ in pairs
    ]
    figure = Figure(figsize=(7.6, 1.2 + 0.24 * len(pairs)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(pairs)), [count for _, _, count in pairs], color=COLOURS[0])
    axes.set_yticks(range(len(pairs)), names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", integer=True)
    axes.grid(axis="x", color=GRID, alpha=0.35, linewidth=0.6)
    axes.set_title(f"{len(pairs)} of {num_pairs:,} confused pairs", loc="left")
    axes.set_xlabel("samples, out of fold")
    return figure


def _lowest_f1(evaluation: Evaluation) -> list[int]:
    """Return all classes in order, or, of too many, those of lowest F1, the lowest first."""
    if len(evaluation.classes) <= MAX_CLASSES:
        return list(range(len(evaluation.classes)))
    values = np.array([found.value for found in evaluation.parts["oof"].estimates.classes["f1"]])
    return [int(code) for code in np.argsort(values, kind="stable")[:MAX_CLASSES]]  # NaN last


def _label_cells(axes: "Axes", confusion: Any, share: Any) -> None:  # noqa: ANN401  (arrays)
    num_classes = len(confusion)
    size = 9 if num_classes <= _MAX_PERCENT_TEXT else 6.5
    for actual, predicted in np.ndindex(confusion.shape):
        count, part = int(confusion[actual, predicted]), float(share[actual, predicted])
        if count == 0:
            continue
        percent = f"\n{part:.0%}" if 0.005 <= part < 0.995 else f"\n{part:.1%}"
        axes.text(
            predicted,
            actual,
            f"{count}{percent if num_classes <= _MAX_PERCENT_TEXT else ''}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if part > 0.4 else "#10151a",
        )


def _named_classes(evaluation: Evaluation) -> list[int]:
    """Return the classes that a figure of curves names: all, or those that rank worst."""
    if evaluation.positive is not None:
        return [evaluation.positive]
    found = evaluation.parts["oof"].estimates.classes["average_precision"]
    worst = np.argsort([estimate.value for estimate in found], kind="stable")  # NaN last
    return sorted(int(code) for code in worst[:_MAX_CURVES])


def _line_style(position: int) -> dict[str, Any]:
    return {
        "color": COLOURS[position % len(COLOURS)],
        "linestyle": _LINES[position // len(COLOURS) % len(_LINES)],
        "linewidth": 1.6,
        "zorder": 3,
    }


def _curve_label(evaluation: Evaluation, code: int) -> str:
    # Numbers come first: a label that starts with an underscore is left out by the legend.
    found = evaluation.parts["oof"].estimates.classes
    values = (found["roc_auc"][code].value, found["average_precision"][code].value)
    return f"{values[0]:.4f}, {values[1]:.4f}, {shown_name(evaluation.classes[code])}"
