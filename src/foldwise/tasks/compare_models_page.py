"""The page of a comparison of models."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from foldwise.tasks.compare_models import ModelsComparison
from foldwise.tasks.compare_models_figure import (
    comparison_figure,
    data_set_figure,
    shown_pairs,
)
from foldwise.tasks.compare_models_summary import (
    best_sentence,
    over_sentences,
    pair_sentences,
    show_score,
)
from foldwise.tasks.compare_summary import format_difference, format_p
from foldwise.tasks.data_set_comparison import DataSetComparison
from foldwise.tasks.evaluation_summary import format_spread
from foldwise.tasks.fold_test_note import FOLD_TEST_NOTE
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable
from foldwise.tasks.sections_page import render_sections

_MAX_DATA_SETS = 10  # with a section of their own
_MAX_ROWS = 60  # of a table
_TESTS = {
    "folds": FOLD_TEST_NOTE,
    "samples": "There is one fold: a paired bootstrap over independent samples (bias-corrected "
    "and accelerated), which is blind to the randomness of training.",
}
_COLUMNS = (
    "The difference is the mean over the folds of the first model's score less the second one's, "
    "with the limits of its test; p (Holm) keeps the chance of any false discovery among all "
    "pairs at most {alpha:g}. Pooled: all out-of-fold predictions together, by a paired bootstrap "
    "over independent samples. {decisions}"
)
_DECISIONS = (
    "McNemar's test compares the decisions on single samples: how many the first or the second "
    "alone gets right (adjusted by Holm as well); it is about accuracy, whatever the metric."
)


def render_models_comparison(
    comparison: ModelsComparison, *, provenance: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        comparison: The scores and the differences.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
    """
    several = len(comparison.data_sets) > 1
    sections = [_over_section(comparison)] if several else []
    shown = comparison.data_sets[:_MAX_DATA_SETS]
    for number, of in enumerate(shown):
        suffix = f"-{number}" if several else ""
        prefix = f"{of.name}: " if several else ""
        if len(of.pairs):
            sections.append(_pairs_section(of, comparison, prefix, suffix))
        sections.append(_scores_section(of, comparison, prefix, suffix))
    notes = list(comparison.notes)
    if len(shown) < len(comparison.data_sets):
        left_out = len(comparison.data_sets) - len(shown)
        notes.append(f"{left_out} more data sets are in the tables, but not on this page.")
    return render_sections(
        "Comparison of models",
        sections,
        lead=_lead(comparison),
        notes=notes,
        provenance=provenance,
    )


def _lead(comparison: ModelsComparison) -> list[str]:
    of = comparison.data_sets[0]
    if len(comparison.data_sets) > 1:
        return [f"{len(comparison.data_sets)} data sets.", *over_sentences(comparison)]
    units = "" if of.num_units is None else f" ({of.num_units} independent units)"
    return [
        f"{len(of.models)} models on the same folds, {of.num_samples} out-of-fold samples{units}.",
        best_sentence(of),
    ]


def _pairs_section(
    of: DataSetComparison, comparison: ModelsComparison, prefix: str, suffix: str
) -> ReportSection:
    sentences = tuple(pair_sentences(of))
    rows = shown_pairs(of)
    shown = (
        f"; of {len(of.pairs)} pairs those with {of.models[0]}"
        if len(rows) < len(of.pairs)
        else ""
    )
    return ReportSection(
        f"differences{suffix}",
        f"{prefix}Differences of the {metric_label(of.metric)}",
        (*sentences[:_MAX_ROWS], _TESTS[of.basis]),
        (_pairs_table(of, comparison),),
        (
            ReportFigure(
                "Scores and differences",
                partial(data_set_figure, of, comparison.config.alpha),
                f"Left the score of each model, right the difference of each pair{shown}.",
                " ".join(sentences[:_MAX_ROWS]),
            ),
        ),
    )


def _pairs_table(of: DataSetComparison, comparison: ModelsComparison) -> ReportTable:
    records = of.pairs.head(_MAX_ROWS).to_dict("records")
    has_decisions, has_test = "mcnemar_p" in of.pairs, "test_difference" in of.pairs
    rows = []
    for row in records:
        cells = [
            f"{row['model']} - {row['against']}",
            format_difference(row),
            str(row["num_pairs"]),
            format_p(row["p_value"]),
            format_p(row["p_holm"]),
            "yes" if row["is_significant"] else "no",
            format_difference(_with_prefix(row, "pooled_")),
        ]
        cells += [format_difference(_with_prefix(row, "test_"))] if has_test else []
        if has_decisions:
            cells += [
                f"{row['only_model_right']} / {row['only_against_right']}",
                f"{format_p(row['mcnemar_p_holm'])} ({row['mcnemar_method']})",
            ]
        rows.append(tuple(cells))
    columns = ["pair", "mean difference", "pairs", "p", "p (Holm)", "beyond chance", "pooled"]
    columns += ["held-out test"] if has_test else []
    columns += ["right alone: first / second", "McNemar, p (Holm)"] if has_decisions else []
    decisions = _DECISIONS if has_decisions else "Decisions (McNemar) are of classes alone."
    note = _COLUMNS.format(alpha=comparison.config.alpha, decisions=decisions)
    if len(of.pairs) > len(records):
        note += f" {len(of.pairs) - len(records)} more pairs are in the table of pairs (CSV)."
    return ReportTable("Each pair", tuple(columns), tuple(rows), note)


def _with_prefix(row: Mapping[Any, Any], prefix: str) -> dict[str, float]:
    return {name: row[f"{prefix}{name}"] for name in ("difference", "low", "high")}


def _scores_section(
    of: DataSetComparison, comparison: ModelsComparison, prefix: str, suffix: str
) -> ReportSection:
    has_test = "test_value" in of.scores
    fixed = {"model", "metric", "fold_mean", "fold_std"}
    others = [
        name
        for name in map(str, of.scores.columns)
        if name not in fixed and name.removeprefix("test_") not in _VALUES
    ]
    rows = []
    for row in of.scores.head(_MAX_ROWS).to_dict("records"):
        mean, deviation = (
            None if np.isnan(row[key]) else float(row[key]) for key in ("fold_mean", "fold_std")
        )
        cells = [str(row["model"]), show_score(row), format_spread(mean, deviation)]
        cells += [show_score(row, "test_")] if has_test else []
        cells += ["undefined" if np.isnan(row[name]) else f"{row[name]:.4f}" for name in others]
        rows.append(tuple(cells))
    columns = ["model", f"{metric_label(of.metric)}, out of fold", "folds: mean ± sd"]
    columns += ["held-out test"] if has_test else []
    columns += [metric_label(name) for name in others]
    methods = ", ".join(dict.fromkeys(map(str, of.scores["interval"])))
    note = f"Intervals at {comparison.confidence:.0%}: {methods}."
    if has_test:
        note += " No choice is to be made by the held-out test."
    table = ReportTable("", tuple(columns), tuple(rows), note)
    return ReportSection(f"scores{suffix}", f"{prefix}Scores", tables=(table,))


_VALUES = ("value", "low", "high", "interval")


def _over_section(comparison: ModelsComparison) -> ReportSection:
    over = comparison.over
    figure = ReportFigure(
        "Mean scores",
        partial(comparison_figure, comparison),
        "Each data set counts once.",
        " ".join(over_sentences(comparison)),
    )
    title, anchor = "Over data sets", "data-sets"
    if over is None or over.pairs.empty:
        return ReportSection(anchor, title, figures=(figure,))
    ranks = ReportTable(
        "Mean score over the folds, and average rank",
        ("data set", *map(str, over.scores.columns)),
        (
            *(
                (str(name), *(f"{value:.4f}" for value in row))
                for name, row in zip(over.scores.index, over.scores.to_numpy(), strict=True)
            ),
            ("average rank", *(f"{rank:.2f}" for rank in over.ranks)),
        ),
        "Rank 1 is the best; equal scores share their ranks.",
    )
    pairs = ReportTable(
        "Each pair",
        ("pair", "mean difference", "median", "data sets", "p", "p (Holm)", "beyond chance"),
        tuple(
            (
                f"{row['model']} - {row['against']}",
                f"{row['mean_difference']:+.4f}",
                f"{row['median_difference']:+.4f}",
                str(row["num_data_sets"]),
                format_p(row["p_value"]),
                format_p(row["p_holm"]),
                "yes" if row["is_significant"] else "no",
            )
            for row in over.pairs.to_dict("records")
        ),
        "Wilcoxon's signed-rank test over data sets, as Demšar (2006) recommends.",
    )
    return ReportSection(
        anchor, title, tuple(over_sentences(comparison)), (ranks, pairs), (figure,)
    )
