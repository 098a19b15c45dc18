"""The section of a page about what more data would bring."""

from functools import partial

from foldwise.tasks.evaluation_summary import format_spread
from foldwise.tasks.json_number import json_number
from foldwise.tasks.learning_curve import LearningCurve
from foldwise.tasks.learning_curve_figure import learning_curve_figure
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable

_BUDGETS = {
    "steps": "as many steps of the optimiser",
    "epochs": "as many epochs, so that fewer samples were trained on for a shorter time",
}


def learning_curve_section(curve: LearningCurve) -> ReportSection:
    """Return what more data would bring, the curve, and its numbers."""
    how = (
        "The same folds and recipe, but each training part is cut to a fraction: classes keep "
        "their shares, samples that belong together stay together, and a larger fraction holds "
        f"the smaller ones. Each was trained for {_BUDGETS[curve.budget]}; the inner validation "
        "part, which chooses the epoch, stays whole."
    )
    figure = ReportFigure(
        "Score against training samples",
        partial(learning_curve_figure, curve),
        "The law is fitted to the means over the folds (Hestness et al. 2017); its limits come "
        "from leaving out each fold, and folds share training samples: a rough guide.",
        " ".join(curve.sentences),
    )
    return ReportSection(
        "learning-curve",
        "What more data would bring",
        (*curve.sentences, how),
        (_table(curve),),
        (figure,),
    )


def _table(curve: LearningCurve) -> ReportTable:
    rows = []
    for row in curve.table.to_dict("records"):
        limits = f" ({row['low']:.4g} to {row['high']:.4g})" if row["low"] == row["low"] else ""
        rows.append(
            (
                f"{row['fraction']:g}",
                f"{row['num_training']:.0f}",
                f"{row['value']:.4g}{limits}",
                format_spread(row["fold_mean"], json_number(row["fold_std"])),
                format_spread(row["train_mean"], json_number(row["train_std"])),
            )
        )
    label = metric_label(curve.metric)
    columns = (
        "fraction",
        "training samples of a fold",
        f"{label}, out of fold",
        "folds: mean ± sd",
        "on training samples: mean ± sd",
    )
    return ReportTable("", columns, tuple(rows), f"Intervals at {curve.confidence:.0%}.")
