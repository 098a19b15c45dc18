"""The training and validation loss of each epoch, and the validation scores.

No meaning rests on colour alone: what differs in colour differs in its dashes.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.training_curves import LOSSES, TrainingCurves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = (("-", COLOURS[0]), ("--", COLOURS[1]))
_LABELS = {
    "train_loss": "training",
    "val_loss": "validation",
    "val_f1": "macro F1",
    "val_accuracy": "accuracy",
    "val_mae": "mean absolute error",
}
_MAX_FOLDS = 20  # with a line of its own


@in_style
def training_curves_figure(curves: TrainingCurves) -> "Figure":
    """Draw the mean over folds with its deviation, and each fold as a thin line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    if curves.is_empty:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.annotate("No networks", (0.5, 0.5), xycoords="axes fraction", ha="center")
        return figure
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    _draw(left, curves, LOSSES)
    _mark_best(left, curves)
    left.set_title("loss; band: one standard deviation between folds", loc="left")
    _draw(right, curves, curves.scores)
    what = "error, of standardised targets" if "val_mae" in curves.scores else "score"
    right.set_title(f"validation {what}", loc="left")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(color=GRID, alpha=0.35, linewidth=0.6)
        axes.legend(frameon=False)
    return figure


def _draw(axes: "Axes", curves: TrainingCurves, names: tuple[str, ...]) -> None:
    table = curves.epochs()
    epoch = table["epoch"].to_numpy(np.float64) + 1
    for name, (dashes, colour) in zip(names, _LOOKS, strict=False):
        mean, deviation = (
            table[f"{name}_{kind}"].to_numpy(np.float64) for kind in ("mean", "std")
        )
        label = _LABELS.get(name, metric_label(name))
        # One epoch alone is a point.
        marker = "o" if len(epoch) == 1 else ""
        axes.plot(epoch, mean, dashes, color=colour, label=label, marker=marker, linewidth=1.8)
        axes.fill_between(
            epoch, mean - deviation, mean + deviation, color=colour, alpha=0.15, linewidth=0
        )
        if len(curves.folds) <= _MAX_FOLDS:
            for _, fold in curves.history.groupby(["repeat", "fold"]):
                axes.plot(fold["epoch"] + 1, fold[name], color=colour, alpha=0.35, linewidth=0.6)


def _mark_best(axes: "Axes", curves: TrainingCurves) -> None:
    best = curves.folds
    axes.plot(
        best["best_epoch"] + 1,
        best["val_loss"],
        linestyle="none",
        marker="v",
        markersize=5,
        color=COLOURS[2],
        label="kept epoch of each fold",
    )
