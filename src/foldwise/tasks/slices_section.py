"""What the slices say, for the report: in words, as tables and as a figure."""

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.regression_summary import show_number
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable
from foldwise.tasks.slices import Slices
from foldwise.tasks.slices_figure import shown_metrics, slices_figure

_MAX_ROWS = 20
_CORRECTIONS = {"holm": "Holm", "benjamini_hochberg": "Benjamini and Hochberg"}


def slices_section(slices: Slices) -> ReportSection:
    """Return the worst slices, the fairness gaps, and what they mean in a sentence."""
    tables = []
    if slices.num_slices:
        tables.append(_worst_table(slices))
    if len(slices.fairness):
        tables.append(_fairness_table(slices))
    figures = []
    if slices.num_slices:
        figures.append(
            ReportFigure(
                "The worst slices",
                partial(slices_figure, slices),
                "The line and the band are the score of all samples and its interval; in brackets "
                "the samples of a slice. Filled diamonds differ from the rest by more than chance "
                "allows.",
                alt=slices_sentence(slices),
            )
        )
    return ReportSection(
        anchor="slices",
        title="Slices",
        paragraphs=(slices_sentence(slices), *_explanations(slices), *_left_out(slices)),
        tables=tuple(tables),
        figures=tuple(figures),
    )


def slices_sentence(slices: Slices) -> str:
    """Return what was found, in one sentence or two."""
    if not slices.num_slices:
        return "No column of the samples cuts them into slices that could be compared."
    failures = slices.failures
    if failures.empty:
        better = (slices.table["p_corrected"] < slices.level).any()
        text = f"Of {slices.num_slices} slices none differs from the rest more than chance allows."
        if better:
            text = (
                f"Of {slices.num_slices} slices none is worse than the rest by more than chance "
                "allows, though some are better."
            )
        return text
    number = len(failures.drop_duplicates(["column", "slice"]))
    are = "is" if number == 1 else "are"
    return (
        f"{number} of {slices.num_slices} slices {are} worse than the rest by more than chance "
        f"allows. The worst: {_worst(failures)}."
    )


def biggest_risk(slices: Slices | None) -> str | None:
    """Return the slice that fails most, as a sentence; None if no slice does."""
    if slices is None or slices.failures.empty:
        return None
    return f"the model fails on a part of the samples: {_worst(slices.failures)}."


def _worst(failures: pd.DataFrame) -> str:
    """Return the first slice with its score, limits, and the score of the rest."""
    row: Mapping[Hashable, Any] = failures.to_dict("records")[0]
    metric = str(row["metric"])
    value, low, high, rest = (
        _number(float(row[name]), metric) for name in ("value", "low", "high", "rest")
    )
    limits = f" ({low} to {high})" if np.isfinite(row["low"]) else ""
    return (
        f"{row['slice']}: {metric_label(metric)} {value}{limits} against {rest} of the rest "
        f"({_p(float(row['p_corrected']))} after correction, {row['num_samples']} samples)"
    )


def _explanations(slices: Slices) -> list[str]:
    if not slices.num_slices:
        return []
    method = _CORRECTIONS[slices.config.correction]
    num_tests = int(slices.table["p_value"].notna().sum())
    texts = [
        "Each slice is compared with all other samples, out of fold. Samples of one independent "
        f"unit count together. The p-values of all {num_tests} tests are corrected together "
        f"(method of {method}), so that many slices do not make a finding."
    ]
    if not set(slices.metrics) & set(LOWER_IS_BETTER):
        texts.append(
            "Accuracy, precision and F1 also move with the shares of the classes in a slice; "
            "recall, specificity and balanced accuracy do not."
        )
    return texts


def _left_out(slices: Slices) -> list[str]:
    texts = []
    if slices.num_small:
        size = slices.config.min_size
        are = "1 slice is" if slices.num_small == 1 else f"{slices.num_small} slices are"
        texts.append(f"{are} not shown: fewer than {size} samples (evaluate.slices.min_size).")
    if slices.notes:
        texts.append(" ".join(slices.notes))
    if len(slices.config.sensitive) and slices.fairness.empty:
        texts.append("Fewer than two groups are large enough to compare how they are treated.")
    return texts


def _worst_table(slices: Slices) -> ReportTable:
    metrics = shown_metrics(slices)
    rows: list[tuple[str, ...]] = []
    for _, members in slices.table.groupby(["column", "slice"], sort=False):
        if len(rows) == _MAX_ROWS:
            break
        of_metric = {row["metric"]: row for row in members.to_dict("records")}
        first = of_metric[metrics[0]]
        cells = [_cell(of_metric[metric], metric) for metric in metrics]
        p, rest = _finding(members)
        rows.append((str(first["slice"]), str(first["num_samples"]), p, *cells, rest))
    hidden = slices.num_slices - len(rows)
    note = "p is the least of a slice's metrics, corrected."
    if hidden:
        note += f" These are the {len(rows)} worst of {slices.num_slices}; slices.csv has all."
    labels = [metric_label(metric) for metric in metrics]
    columns = ("slice", "samples", "p", *labels, "the rest, where it differs most")
    return ReportTable("Slices, the worst first", columns, tuple(rows), note)


def _finding(members: pd.DataFrame) -> tuple[str, str]:
    """Return the least p-value of a slice, and the rest's score of that metric."""
    defined = members[members["p_value"].notna()]
    if defined.empty:
        return "-", "nothing to compare with"
    order = defined.sort_values(["p_corrected", "p_value"], kind="stable")
    row: Mapping[Hashable, Any] = order.to_dict("records")[0]
    metric = str(row["metric"])
    rest = f"{metric_label(metric)} {_number(float(row['rest']), metric)}"
    return _p(float(row["p_corrected"])).removeprefix("p "), rest


def _fairness_table(slices: Slices) -> ReportTable:
    rows = []
    for row in slices.fairness.to_dict("records"):
        metric = LOWER_IS_BETTER[0] if set(slices.metrics) & set(LOWER_IS_BETTER) else ""
        rows.append(
            (str(row["column"]), str(row["measure"]), _cell(row, metric), str(row["detail"]))
        )
    return ReportTable(
        "Fairness",
        ("column", "measure", "value", "where"),
        tuple(rows),
        "Demographic parity is about how often a class is predicted, whatever is true; equalised "
        "odds about how often it is recognised, and how often taken for it falsely. The limits of "
        "a difference hold for all pairs of groups at once, those of a worst group for that group "
        "alone. Which of them has to be small is a question of the use, not of the data.",
    )


def _cell(row: Mapping[Hashable, Any], metric: str) -> str:
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    if not np.isfinite(value):
        return "undefined"
    limits = f" ({_number(low, metric)} to {_number(high, metric)})" if np.isfinite(low) else ""
    return f"{_number(value, metric)}{limits}"


def _number(value: float, metric: str) -> str:
    if metric in LOWER_IS_BETTER:
        return show_number(value, 3)
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def _p(value: float) -> str:
    """Return a p-value.

    >>> _p(0.00021), _p(0.0213), _p(1.0)
    ('p < 0.001', 'p 0.021', 'p 1')
    """
    return "p < 0.001" if value < 0.001 else f"p {value:.2g}"
