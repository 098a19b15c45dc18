"""The outcome of a comparison for the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.tasks.compare_config import REFERENCE
from foldwise.tasks.compare_scores import Comparison
from foldwise.tasks.evaluation_summary import format_entry
from foldwise.tasks.metric_label import metric_label

if TYPE_CHECKING:
    from rich.table import Table


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the outcome as lines of plain text, the methods in their order."""
    metric = comparison.config.metric
    rows = {row["method"]: row for row in comparison.differences.to_dict("records")}
    lines = []
    for method, evaluation in comparison.evaluations.items():
        entry = evaluation.metrics["oof"][metric]
        line = f"{method}: {metric_label(metric)} {format_entry(entry)}"
        if method in rows:
            row = rows[method]
            line += f", {format_difference(row)} to {REFERENCE}, p {format_p(row['p_holm'])}"
        lines.append(line)
    return lines + [f"Note: {note}" for note in comparison.notes]


def comparison_table(comparison: Comparison) -> "Table":
    """Return the outcome as a table for a terminal of 80 columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    metric = comparison.config.metric
    rows = {row["method"]: row for row in comparison.differences.to_dict("records")}
    caption = Text("\n".join(comparison.notes)) if comparison.notes else None
    table = Table(title="Remedies", caption=caption, box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.collapse_padding = False, True
    level = f"{1 - comparison.config.alpha:.0%}"
    table.add_column("method", overflow="fold")
    table.add_column(metric_label(metric), justify="right")
    if any("test" in evaluation.parts for evaluation in comparison.evaluations.values()):
        table.add_column("test", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column(f"difference to {REFERENCE} ({level})", justify="right")
    table.add_column("p (Holm)", justify="right")
    for method, evaluation in comparison.evaluations.items():
        cells = [method, _short(evaluation.metrics["oof"][metric]["value"])]
        if "test" in evaluation.parts:
            cells.append(_short(evaluation.metrics["test"][metric]["value"]))
        cells.append(_seconds(comparison.costs[method].seconds))
        row = rows.get(method)
        cells += ["", ""] if row is None else [format_difference(row, 3), _p_cell(row)]
        # Texts, not strings: nothing in a name may be taken for markup.
        table.add_row(*map(Text, cells))
    return table


def format_difference(row: Mapping[Any, Any], digits: int = 4) -> str:
    """Return a difference with its interval.

    >>> format_difference({"difference": 0.05, "low": -0.01, "high": 0.11})
    '+0.0500 (-0.0100 to +0.1100)'
    """
    if not np.isfinite(row["difference"]):
        return "undefined"
    if not np.isfinite(row["low"]):
        return f"{row['difference']:+.{digits}f}"
    value, low, high = (f"{row[name]:+.{digits}f}" for name in ("difference", "low", "high"))
    return f"{value} ({low} to {high})"


def format_p(p_value: float | None) -> str:
    """Return a p-value.

    >>> format_p(0.00001), format_p(0.0456)
    ('< 0.001', '0.046')
    """
    if p_value is None or not np.isfinite(p_value):
        return "undefined"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _p_cell(row: Mapping[Any, Any]) -> str:
    return f"{format_p(row['p_holm'])}{' *' if row['is_significant'] else ''}"


def _seconds(seconds: float) -> str:
    return "unknown" if np.isnan(seconds) else f"{seconds:,.0f}"


def _short(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"
