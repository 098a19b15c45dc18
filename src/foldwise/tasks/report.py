"""One self-contained HTML page about an evaluation."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from foldwise.metrics.classification import CLASS_METRICS, RANK_METRICS
from foldwise.tasks.evaluate import Evaluation, metric_label
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.evaluation_figures import (
    confusion_figure,
    curves_figure,
    per_class_figure,
)
from foldwise.tasks.evaluation_summary import format_spread
from foldwise.tasks.page import facts, page_environment, versions
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.regression_report import regression_parts
from foldwise.tasks.report_parts import ReportParts
from foldwise.tasks.report_section import ReportFigure, ReportSection

__all__ = ["render_report", "versions"]

_TEMPLATE = "report.html.j2"
_METHODS = {
    "Wilson": "Wilson's score interval of a proportion of independent samples.",
    "Wilson, design effect": "Wilson's interval at the number of independent samples that the "
    "grouped ones are worth (design effect, with a t quantile for few groups).",
    "of hits / union": "F1 is a rising function of hits / (samples that are or are called the "
    "class): Wilson's interval of that proportion, transformed.",
    "BCa bootstrap": "Resamples of samples, or of groups where there are groups; bias-corrected "
    "and accelerated.",
    "Wilson, smoothed variance": "Taken where a bootstrap is blind, because a class has (nearly) "
    "no errors: Wilson's interval at the size that gives the variance of smoothed counts.",
    "Newcombe score": "Score interval of a ROC AUC, where too few samples are ranked wrongly for "
    "a bootstrap.",
    "Wilson, on the positives": "The same for average precision: Wilson's interval at the number "
    "of positives.",
    "MOVER over the classes": "The classes' own intervals, combined.",
    "BCa bootstrap, widened by MOVER": "The bootstrap, no narrower than the classes' own "
    "intervals combined, some of which were too scarce for it.",
    "folds": "Student's t over the folds. Folds share training samples, so it is a rough guide.",
}
# Of the network; not on the page.
_DETAILS = ("layers", "flops", "weights_per_first_neuron", "dense_weights_per_neuron")
_FIGURES = (
    (
        "Confusion matrix",
        confusion_figure,
        "Out of fold. Rows are actual classes; the percentage is the share of the row.",
    ),
    (
        "Each class with its interval",
        per_class_figure,
        "The axes differ: each starts where its lowest interval does.",
    ),
    (
        "ROC and precision-recall curves",
        curves_figure,
        "Out of fold, pooled over the fold models, each class against the rest.",
    ),
)


def render_report(
    evaluation: Evaluation | RegressionEvaluation,
    *,
    title: str,
    card: Mapping[str, Any],
    network: Mapping[str, Any],
    split: Mapping[str, Any],
    provenance: Mapping[str, Mapping[str, Any]],
    verdicts: Sequence[str] = (),
    sections: Sequence[ReportSection] = (),
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        evaluation: The scores.
        title: The heading.
        card: About the data: `classes` (name -> count) and any other facts, shown as they are.
        network: About the networks: facts that are shown as they are, but for details.
        split: `Folds.info`: how the samples were assigned to folds, and the audit's findings.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
        verdicts: Sentences on whether the model beats its references; they stand at the top.
        sections: What other tasks tell of the predictions and the networks, in order.
    """
    if isinstance(evaluation, RegressionEvaluation):
        parts = regression_parts(evaluation)
    else:
        parts = _class_parts(evaluation)
    environment = page_environment()
    environment.filters |= {
        "label": metric_label,
        "score": parts.score,
        "interval": parts.interval,
    }
    return environment.get_template(parts.template).render(
        title=title,
        evaluation=evaluation,
        oof=evaluation.metrics["oof"],
        test=evaluation.metrics.get("test"),
        percent=f"{evaluation.config.confidence:.0%}",
        parts=PARTS,
        verdicts=verdicts,
        headlines=_headlines(evaluation, parts),
        scores=_scores(evaluation, parts),
        methods=parts.methods,
        figures=parts.figures,
        sections=sections,
        card=facts(card),
        network=_network(network),
        class_counts=card.get("classes", {}),
        split=facts({name: value for name, value in split.items() if name != "findings"}),
        findings=split.get("findings", []),
        fold_counts=split.get("counts", {}),
        fold_targets=split.get("targets", {}),
        provenance=provenance,
        **parts.values,
    )


def _class_parts(evaluation: Evaluation) -> ReportParts:
    names, positive = ["macro_f1", "balanced_accuracy", "accuracy"], None
    if evaluation.positive is not None:
        names, positive = ["f1", "recall", "specificity"], evaluation.classes[evaluation.positive]
    return ReportParts(
        template=_TEMPLATE,
        headlines=names,
        score=_score,
        interval=_interval,
        spread=format_spread,
        methods=_METHODS,
        figures=[
            ReportFigure(name, partial(draw, evaluation), note) for name, draw, note in _FIGURES
        ],
        values={
            "positive": positive,
            "class_metrics": (*CLASS_METRICS, *RANK_METRICS),
            "per_class": _per_class(evaluation),
        },
    )


def _network(network: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the facts about the networks, the name first."""
    named = {"name": network.get("name"), **network}
    return facts({name: value for name, value in named.items() if name not in _DETAILS})


def _headlines(
    evaluation: Evaluation | RegressionEvaluation, parts: ReportParts
) -> list[dict[str, Any]]:
    """Return the scores that stand at the top."""
    tiles = []
    for name in parts.headlines:
        oof = evaluation.metrics["oof"][name]
        test = evaluation.metrics.get("test", {}).get(name)
        folds = parts.spread(oof["fold_mean"], oof["fold_std"])
        tiles.append({"name": name, "oof": oof, "folds": folds, "test": test})
    return tiles


def _scores(
    evaluation: Evaluation | RegressionEvaluation, parts: ReportParts
) -> list[dict[str, Any]]:
    """Return one row per metric, with the entry of each part."""
    rows = []
    for name, entry in evaluation.metrics["oof"].items():
        if not isinstance(entry, dict):
            continue
        row = {"name": name, "oof": entry, "test": evaluation.metrics.get("test", {}).get(name)}
        row["folds"] = parts.spread(entry["fold_mean"], entry["fold_std"])
        row["fold_limits"] = {
            "value": entry["fold_mean"],
            "low": entry["fold_low"],
            "high": entry["fold_high"],
        }
        if row["test"]:
            row["singles"] = parts.spread(
                row["test"]["single_model_mean"], row["test"]["single_model_std"]
            )
        rows.append(row)
    return rows


def _per_class(evaluation: Evaluation) -> dict[str, list[dict[Hashable, Any]]]:
    """Return the rows of the per-class table of each part, undefined values as None."""
    table = evaluation.per_class.astype(object)
    table = table.where(table.notna(), None)
    rows = table.to_dict("records")
    return {part: [row for row in rows if row["part"] == part] for part in evaluation.parts}


def _score(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(entry: Mapping[str, Any], prefix: str = "") -> str:
    low, high = entry.get(f"{prefix}low"), entry.get(f"{prefix}high")
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
