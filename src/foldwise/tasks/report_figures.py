"""The section of the report with the figures of classes; of very many classes, tables instead."""

from functools import partial

from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluation_figures import (
    MAX_CLASSES,
    confusion_figure,
    curves_figure,
    per_class_figure,
)
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable

_MAX_PAIRS = 30


def class_figures_section(evaluation: Evaluation) -> ReportSection:
    """Return the confusions, each class with its intervals, and the curves."""
    num_classes = len(evaluation.classes)
    has_many = num_classes > MAX_CLASSES
    some = f" The {MAX_CLASSES} classes of lowest F1." if has_many else ""
    confusion = ReportFigure(
        "Confusion matrix",
        partial(confusion_figure, evaluation),
        "Out of fold. Rows are actual classes; the percentage is the share of the row.",
        _confusions_in_words(evaluation),
    )
    per_class = ReportFigure(
        "Each class with its interval",
        partial(per_class_figure, evaluation),
        f"The axes differ: each starts where its lowest interval does.{some}",
        _classes_in_words(evaluation),
    )
    curves = ReportFigure(
        "ROC and precision-recall curves",
        partial(curves_figure, evaluation),
        "Out of fold, pooled over the fold models, each class against the rest."
        + (" Only the classes that rank worst." if has_many else ""),
        _curves_in_words(evaluation),
    )
    return ReportSection(
        "figures",
        "Confusions and curves",
        tables=(confused_pairs(evaluation),) if has_many else (),
        figures=(per_class, curves) if has_many else (confusion, per_class, curves),
    )


def confused_pairs(evaluation: Evaluation) -> ReportTable:
    """Return the pairs of classes that are confused most often, out of fold."""
    confusion = evaluation.parts["oof"].estimates.counts
    hits, totals, _ = confusion.margins()
    rows = tuple(
        (
            evaluation.classes[actual],
            evaluation.classes[predicted],
            f"{count:,}",
            f"{count / totals[actual]:.1%}",
        )
        for actual, predicted, count in confusion.largest(_MAX_PAIRS)
    )
    num_pairs = int((confusion.targets != confusion.predictions).sum())
    note = (
        f"{num_pairs - len(rows):,} further pairs are left out: a matrix of "
        f"{len(evaluation.classes):,} classes cannot be read. There are "
        f"{int(totals.sum() - hits.sum()):,} errors."
    )
    columns = ("actual class", "predicted class", "samples", "of the actual class")
    return ReportTable("Most frequent confusions", columns, rows, note)


def _confusions_in_words(evaluation: Evaluation) -> str:
    confusion = evaluation.parts["oof"].estimates.counts
    hits, totals, _ = confusion.margins()
    right, total = int(hits.sum()), int(totals.sum())
    text = f"{right:,} of {total:,} predictions are right (on the diagonal)."
    named = [
        f"{evaluation.classes[actual]} called {evaluation.classes[predicted]} ({count:,})"
        for actual, predicted, count in confusion.largest(3)
    ]
    return f"{text} The most frequent confusions: {', '.join(named)}." if named else text


def _classes_in_words(evaluation: Evaluation) -> str:
    table = evaluation.per_class
    oof = table[table["part"] == "oof"].dropna(subset=["f1"]).sort_values("f1")
    if oof.empty:
        return "F1 is undefined of all classes."
    worst, best = oof.iloc[0], oof.iloc[-1]
    return (
        f"Recall, precision, specificity and F1 of each class. F1 is lowest of {worst['class']} "
        f"({worst['f1']:.3f}) and highest of {best['class']} ({best['f1']:.3f})."
    )


def _curves_in_words(evaluation: Evaluation) -> str:
    found = evaluation.parts["oof"].estimates.averages
    values = [found[name].value for name in ("macro_roc_auc", "macro_average_precision")]
    return (
        f"Mean area under the ROC curves {values[0]:.3f}, mean average precision "
        f"{values[1]:.3f}. The numbers of each class stand in the legend and the tables."
    )
