"""The main scores of an evaluation for the terminal."""

from typing import TYPE_CHECKING, Any

from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.regression_summary import regression_headlines, show_entry, show_spread

if TYPE_CHECKING:
    from rich.table import Table

_HEADLINES = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_specificity",
    "macro_f1",
    "macro_roc_auc",
    "macro_average_precision",
)
_OF_POSITIVE = ("precision", "recall", "specificity", "f1", "roc_auc", "average_precision")


def summary_lines(evaluation: Evaluation | RegressionEvaluation) -> list[str]:
    """Return the main scores as lines of plain text."""
    lines = []
    for part, name in headline_metrics(evaluation):
        entry = evaluation.metrics[part][name]
        line = f"{PARTS[part]} {metric_label(name)}: {_entry(evaluation, entry)}"
        mean, deviation = (entry.get(f"fold_{kind}") for kind in ("mean", "std"))
        if mean is not None and deviation is not None:
            line += f", folds {_spread(evaluation, mean, deviation)}"
        lines.append(line)
    return lines + [f"Note: {note}" for note in evaluation.notes]


def summary_table(evaluation: Evaluation | RegressionEvaluation) -> "Table":
    """Return the main scores as a table for a terminal of 80 columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    percent = f"{evaluation.config.confidence:.0%}"
    # Texts, not strings: a class name in brackets must not be taken for markup.
    caption = Text("\n".join(evaluation.notes)) if evaluation.notes else None
    table = Table(title="Scores", caption=caption, box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.collapse_padding = False, True
    table.add_column("metric")
    table.add_column(f"out of fold ({percent})", justify="right")
    table.add_column("mean ± sd of folds", justify="right", max_width=13)
    if "test" in evaluation.parts:
        table.add_column(f"test, ensemble ({percent})", justify="right")
    for name in dict.fromkeys(name for _, name in headline_metrics(evaluation)):
        entry = evaluation.metrics["oof"][name]
        spread = _spread(evaluation, entry["fold_mean"], entry["fold_std"], digits=3)
        label = metric_label(name).replace("average precision", "AP")
        cells = [Text(label), Text(_entry(evaluation, entry, digits=3)), Text(spread)]
        if "test" in evaluation.parts:
            test = evaluation.metrics["test"][name]
            cells.append(Text(_entry(evaluation, test, digits=3)))
        table.add_row(*cells)
    return table


def headline_metrics(evaluation: Evaluation | RegressionEvaluation) -> list[tuple[str, str]]:
    """Return the (part, metric) pairs that a summary shows, in order."""
    if isinstance(evaluation, RegressionEvaluation):
        names = regression_headlines(evaluation)
    else:
        names = [*_HEADLINES]
        if evaluation.positive is not None:
            names[2:2] = _OF_POSITIVE
    return [(part, name) for part in evaluation.parts for name in names]


def format_entry(entry: dict[str, Any]) -> str:
    """Return a metric with its interval, or `undefined`.

    >>> format_entry({"value": 0.91234, "low": 0.9, "high": 0.93})
    '0.9123 (0.9000-0.9300)'
    """
    if entry["value"] is None:
        return "undefined"
    if entry["low"] is None:
        return f"{entry['value']:.4f}"
    return f"{entry['value']:.4f} ({entry['low']:.4f}-{entry['high']:.4f})"


def format_spread(mean: float | None, deviation: float | None, digits: int = 4) -> str:
    """Return mean and standard deviation, or a dash."""
    if mean is None:
        return "-"
    shown = f"{mean:.{digits}f}"
    return shown if deviation is None else f"{shown} ± {deviation:.{digits}f}"


def _entry(
    evaluation: Evaluation | RegressionEvaluation, entry: dict[str, Any], digits: int = 4
) -> str:
    """Return a metric with its interval; a score of classes always has four decimals."""
    if isinstance(evaluation, RegressionEvaluation):
        return show_entry(entry, digits)
    return format_entry(entry)


def _spread(
    evaluation: Evaluation | RegressionEvaluation,
    mean: float | None,
    deviation: float | None,
    digits: int = 4,
) -> str:
    if isinstance(evaluation, RegressionEvaluation):
        return show_spread(mean, deviation, digits)
    return format_spread(mean, deviation, digits)
