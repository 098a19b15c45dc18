"""The section of the report about how the networks were fitted."""

from functools import partial

import numpy as np

from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable
from foldwise.tasks.training_curves import TrainingCurves
from foldwise.tasks.training_curves_figure import training_curves_figure

_MAX_ROWS = 20  # folds in the table
_COLUMNS = {
    "best_epoch": "kept epoch",
    "num_epochs": "epochs",
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "gap": "gap",
    "rise": "rise after the lowest point",
    "late_fall": "fall in the last fifth",
}
_NOTE = (
    "Losses at the kept epoch; the gap is the validation loss less the training loss. The rise is "
    "that of the smoothed validation loss from its lowest point to the end; the fall in the last "
    "fifth is a share of the whole fall. Above 5 % in most folds the first is called overfitting, "
    "the second underfitting."
)


def training_curves_section(curves: TrainingCurves) -> ReportSection:
    """Return the verdict on over- and underfitting, the curves, and the numbers of each fold."""
    title, anchor = "Training and validation", "training-curves"
    if curves.is_empty:
        return ReportSection(anchor, title, curves.sentences)
    figure = ReportFigure(
        "Loss and scores by epoch",
        partial(training_curves_figure, curves),
        "The validation part is the inner one, which chooses the epoch that is kept: no outer "
        "fold is looked at.",
        " ".join(curves.sentences),
    )
    return ReportSection(anchor, title, curves.sentences, (_table(curves),), (figure,))


def _table(curves: TrainingCurves) -> ReportTable:
    has_repeats = bool((curves.folds["repeat"] > 0).any())
    rows = []
    # Those that rise most come first where not all are shown.
    folds = curves.folds
    if len(folds) > _MAX_ROWS:
        folds = folds.sort_values("rise", ascending=False).head(_MAX_ROWS)
    for row in folds.to_dict("records"):
        name = f"fold {row['fold']}"
        name = f"repeat {row['repeat']}, {name}" if has_repeats else name
        rows.append((name, *(_cell(column, row[column]) for column in _COLUMNS)))
    left_out = len(curves.folds) - len(rows)
    more = f" {left_out} folds that rise less are left out." if left_out else ""
    return ReportTable("Each fold", ("fold", *_COLUMNS.values()), tuple(rows), _NOTE + more)


def _cell(column: str, value: float) -> str:
    if not np.isfinite(value):
        return "-"
    if column == "best_epoch":
        return str(int(value) + 1)
    if column == "num_epochs":
        return str(int(value))
    return f"{value:.1%}" if column in ("rise", "late_fall") else f"{value:.4g}"
