"""One self-contained HTML page about an evaluation."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from foldwise.metrics.classification import CLASS_METRICS, RANK_METRICS
from foldwise.tasks.evaluate import Evaluation
from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.evaluation_summary import format_spread
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.page import page_environment, versions
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.regression_report import regression_parts
from foldwise.tasks.report_audit import audit_section
from foldwise.tasks.report_data import class_counts_shown, data_facts
from foldwise.tasks.report_figures import class_figures_section
from foldwise.tasks.report_folds import folds_section
from foldwise.tasks.report_glossary import glossary_section
from foldwise.tasks.report_model_card import model_card_section
from foldwise.tasks.report_parts import ReportParts
from foldwise.tasks.report_section import ReportSection
from foldwise.tasks.report_size import within_size
from foldwise.tasks.report_verdict import (
    Risk,
    audit_risks,
    baseline_sentence,
    risk_sentence,
    score_risks,
    score_sentence,
    split_risks,
)

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
    "MOVER over the classes, doubled variance": "With too many classes and samples to resample "
    "ranks: the classes' own intervals, combined, with twice the variance.",
    "score, smoothed variance": "For losses where a bootstrap is blind to mistakes that did not "
    "occur: the variance is that of the losses with a few hits and misses added, and grows with "
    "the mean.",
    "Clopper-Pearson": "Exact binomial limits; hold at least as often as they say.",
    "of accuracy": "A rising function of the accuracy: its interval, transformed.",
    "folds": "Student's t over the folds. Folds share training samples, so it is a rough guide.",
}
_MAX_CLASSES = 40  # in a table of classes


def render_report(
    evaluation: Evaluation | RegressionEvaluation,
    *,
    title: str,
    card: Mapping[str, Any],
    network: Mapping[str, Any],
    split: Mapping[str, Any],
    provenance: Mapping[str, Mapping[str, Any]],
    baselines: Sequence[str] = (),
    audit: Mapping[str, Any] | None = None,
    training: ReportSection | None = None,
    sections: Sequence[ReportSection] = (),
    risks: Sequence[Risk] = (),
    looked_at: Sequence[str] = (),
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        evaluation: The scores.
        title: The heading.
        card: About the data: `classes` (name -> count) and what else `data_card` tells.
        network: About the networks; empty where the predictions come from elsewhere.
        split: `Folds.info`: how the samples were assigned to folds, and what was found.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
        baselines: Sentences on whether the model beats simple ones, the verdict first.
        audit: What the audit found in the samples: its record.
        training: How the networks were fitted.
        sections: What other tasks tell of the predictions and the networks, in order.
        risks: What they found against the score.
        looked_at: Where they looked for that, in words.
    """
    parts, classes = _parts_of(evaluation)
    found = [
        *split_risks(split.get("findings", [])),
        *audit_risks((audit or {}).get("findings", [])),
        *score_risks(
            evaluation.metrics["oof"],
            parts.headlines[0],
            len(classes),
            _never_predicted(evaluation),
        ),
        *risks,
    ]
    where = [*(["the audit"] if audit else []), "the split", "the scores", *looked_at]
    headlines = _headlines(evaluation, parts)
    before = [audit_section(audit), folds_section(split, classes)]
    if training is not None:
        before.append(training)
    after = [parts.figures, *within_size(sections)]
    if len(baselines) > 1:
        after.append(ReportSection("baselines", "Simple models beside it", tuple(baselines)))
    after.append(glossary_section(_metric_names(evaluation)))
    model_card = model_card_section(
        network,
        data=_data_sentence(card, split),
        validation=_validation_sentence(evaluation, split),
        scores=[_score_line(tile, parts) for tile in headlines],
        risks=found,
    )
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
        verdict=(
            _score_sentence(evaluation, parts),
            baseline_sentence(baselines),
            risk_sentence(found, where),
        ),
        headlines=headlines,
        scores=_scores(evaluation, parts),
        methods=parts.methods,
        card=data_facts(card),
        class_counts=class_counts_shown(card.get("classes") or {}),
        before=before,
        after=after,
        model_card=model_card,
        contents=_contents(before, parts.details, after, model_card),
        provenance=provenance,
        **parts.values,
    )


def _parts_of(
    evaluation: Evaluation | RegressionEvaluation,
) -> tuple[ReportParts, tuple[str, ...]]:
    """Return how the scores are shown, and the classes, none of a regression."""
    if isinstance(evaluation, RegressionEvaluation):
        return regression_parts(evaluation), ()
    return _class_parts(evaluation), evaluation.classes


def _never_predicted(evaluation: Evaluation | RegressionEvaluation) -> list[str]:
    """Return the classes that have samples and are never predicted, out of fold."""
    if isinstance(evaluation, RegressionEvaluation):
        return []
    _, targets, predicted = evaluation.parts["oof"].estimates.counts.margins()
    missed = (targets > 0) & (predicted == 0)
    return [name for name, is_missed in zip(evaluation.classes, missed, strict=True) if is_missed]


def _contents(
    before: Sequence[ReportSection],
    details: tuple[str, str],
    after: Sequence[ReportSection],
    model_card: ReportSection,
) -> list[tuple[str, str]]:
    """Return (anchor, title) of all sections, in order."""
    return [
        ("verdict", "Verdict"),
        ("data", "Data"),
        *((section.anchor, section.title) for section in before),
        ("scores", "Scores"),
        details,
        *((section.anchor, section.title) for section in after),
        ("reproduce", "Reproduce"),
        (model_card.anchor, model_card.title),
    ]


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
        figures=class_figures_section(evaluation),
        details=("classes", "Classes"),
        values={
            "positive": positive,
            "class_metrics": (*CLASS_METRICS, *RANK_METRICS),
            "per_class": _per_class(evaluation),
            "num_hidden_classes": max(0, len(evaluation.classes) - _MAX_CLASSES),
        },
    )


# -- sentences ------------------------------------------------------------------------------------


def _score_sentence(evaluation: Evaluation | RegressionEvaluation, parts: ReportParts) -> str:
    name, metrics = parts.headlines[0], evaluation.metrics
    oof, test = metrics["oof"][name], metrics.get("test", {}).get(name)
    shown = {
        "oof": parts.score(oof["value"]),
        "oof_interval": parts.interval(oof),
        "confidence": f"{evaluation.config.confidence:.0%}",
        "num_oof": f"{metrics['oof']['num_samples']:,}",
    }
    if test is not None:
        shown |= {
            "test": parts.score(test["value"]),
            "test_interval": parts.interval(test),
            "num_test": f"{metrics['test']['num_samples']:,}",
        }
    return score_sentence(_label_of(evaluation, name), oof, test, shown)


def _label_of(evaluation: Evaluation | RegressionEvaluation, name: str) -> str:
    """Return a metric's name, with the class that it is of where it is one class's."""
    if isinstance(evaluation, RegressionEvaluation) or evaluation.positive is None:
        return metric_label(name)
    if name not in evaluation.parts["oof"].estimates.classes:
        return metric_label(name)
    return f"{metric_label(name)} of {evaluation.classes[evaluation.positive]}"


def _score_line(tile: Mapping[str, Any], parts: ReportParts) -> str:
    label = metric_label(tile["name"])
    told = [f"{label} {_with_limits(tile['oof'], parts)} out of fold"]
    if tile["test"]:
        told.append(f"{_with_limits(tile['test'], parts)} held out")
    return ", ".join(told)


def _with_limits(entry: Mapping[str, Any], parts: ReportParts) -> str:
    limits = parts.interval(entry)
    return parts.score(entry["value"]) + (f" ({limits})" if limits else "")


def _data_sentence(card: Mapping[str, Any], split: Mapping[str, Any]) -> str:
    sizes = [part["size"] for part in split.get("training", {}).values()]
    total = card.get("num_samples")
    text = "samples whose number is not known" if total is None else f"{total:,} samples"
    if not sizes:
        return f"parts of {text}."
    low, high = min(sizes), max(sizes)
    span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"parts of {text}: {len(sizes)} networks, each on {span}."


def _validation_sentence(
    evaluation: Evaluation | RegressionEvaluation, split: Mapping[str, Any]
) -> str:
    models = evaluation.parts["oof"].models
    scheme = str(split.get("scheme", "made elsewhere")).replace("_", " ")
    text = f"{len(models)} folds ({scheme})"
    if "test" in evaluation.parts:
        held_out = evaluation.metrics["test"]["num_samples"]
        text += f", and {held_out:,} samples that no network was fitted or chosen with"
    units = evaluation.metrics["oof"].get("num_independent_units")
    if units:
        text += f"; intervals over {units:,} independent units"
    return f"{text}."


# -- tables ---------------------------------------------------------------------------------------


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


def _metric_names(evaluation: Evaluation | RegressionEvaluation) -> list[str]:
    """Return the names of all metrics on the page."""
    oof = evaluation.metrics["oof"]
    names = [name for name, entry in oof.items() if isinstance(entry, dict)]
    if isinstance(evaluation, RegressionEvaluation):
        return names
    return [*names, *evaluation.parts["oof"].estimates.classes]


def _per_class(evaluation: Evaluation) -> dict[str, list[dict[Hashable, Any]]]:
    """Return the rows of each part, undefined values as None; of many classes, of lowest F1."""
    tables = evaluation.per_class
    shown = {}
    for part in evaluation.parts:
        table = tables[tables["part"] == part]
        if len(table) > _MAX_CLASSES:
            table = table.sort_values("f1", kind="stable").head(_MAX_CLASSES)  # NaN last
        objects = table.astype(object)
        shown[part] = objects.where(objects.notna(), None).to_dict("records")
    return shown


def _score(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(entry: Mapping[str, Any], prefix: str = "") -> str:
    low, high = entry.get(f"{prefix}low"), entry.get(f"{prefix}high")
    return "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
