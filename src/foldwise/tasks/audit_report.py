"""One self-contained HTML page about an audit."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from foldwise.data.audit.audit import Audit, severity_counts
from foldwise.data.audit.duplicates_figure import duplicates_figure
from foldwise.data.audit.shortcuts import TOGETHER, Shortcuts
from foldwise.data.bad_input import listing
from foldwise.data.card import Card, data_card
from foldwise.data.samples import Samples
from foldwise.tasks.audit_examples import examples_of
from foldwise.tasks.audit_figures import class_figure, shortcuts_figure
from foldwise.tasks.figure_style import inline_svg
from foldwise.tasks.page import facts, page_environment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = "audit_report.html.j2"
_WORDS = {"error": "error", "warn": "warning", "info": "note"}
_HEADINGS = {"error": "Errors", "warn": "Warnings", "info": "Notes"}
_MODALITIES = {"image": "images", "series": "series", "table": "rows", "tokens": "texts"}
_MAX_FEATURES = 100  # in the table of values
_MAX_SKIPPED = 100
_SUMMARIES = ("min", "lower_quartile", "median", "upper_quartile", "max")


def render_audit_report(
    audit: Audit,
    samples: Samples,
    skipped_files: pd.DataFrame,
    *,
    provenance: Mapping[str, Mapping[str, Any]],
    title: str = "Audit of the samples",
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        audit: What was looked for and found.
        samples: What was audited; the examples are taken from it.
        skipped_files: Columns `path` and `reason`.
        provenance: Heading -> name -> value, for whoever wants to get the same audit again.
        title: The heading.
    """
    card = data_card(samples, skipped_files)
    counts = severity_counts(audit.findings)
    environment = page_environment()
    environment.filters["number"] = _number
    return environment.get_template(_TEMPLATE).render(
        title=title,
        verdict=_verdict(counts),
        counts=[(level, _counted(counts[level], _WORDS[level])) for level in counts],
        what=_what(samples, audit.summary),
        facts=_facts(card, audit.summary),
        sections=_sections(audit, samples),
        words=_WORDS,
        is_classification=bool(samples.classes),
        spread=inline_svg(class_figure(samples), "Samples by target"),
        duplicates=_duplicates(audit, samples),
        shortcuts=audit.shortcuts,
        together=TOGETHER,
        left_out=listing(list(audit.shortcuts.left_out), 10) if audit.shortcuts else "",
        shortcuts_svg=_shortcuts_svg(audit.shortcuts),
        values=_values(card),
        hidden_values=max(0, len(samples.features) - _MAX_FEATURES),
        checks=_checks(audit),
        skipped=skipped_files[["path", "reason"]].head(_MAX_SKIPPED).to_dict("records"),
        num_skipped=len(skipped_files),
        provenance=provenance,
    )


def _verdict(counts: Mapping[str, int]) -> str:
    if counts["error"]:
        return "Do not split these samples before the errors are mended or waived."
    if counts["warn"]:
        return "No error. Look at the warnings before you believe any score on these samples."
    if counts["info"]:
        return "Nothing stands in the way of a split."
    return "Nothing was found."


def _counted(count: int, word: str, many: str | None = None) -> str:
    return f"{count:,} {word if count == 1 else many or f'{word}s'}"


def _what(samples: Samples, summary: Mapping[str, Any]) -> str:
    parts = [f"{len(samples):,} {_MODALITIES[samples.modality]}"]
    if samples.classes:
        parts.append(_counted(len(samples.classes), "class", "classes"))
    else:
        parts.append(_counted(len(samples.target_names), "target"))
    if summary["num_groups"]:
        parts.append(_counted(summary["num_groups"], "group"))
    if samples.table["official_split"].notna().any():
        parts.append("with an official split")
    return ", ".join(parts)


def _facts(card: Card, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is known of the samples, one line each."""
    known: Card = {
        name: card[name]
        for name in ("num_samples", "num_distinct_samples", "modality", "task", "shape")
    }
    known["size_policy"] = card.get("size_policy")
    names = ("num_classes", "largest", "smallest", "imbalance_ratio", "effective_classes")
    renamed = {"largest": "largest_class", "smallest": "smallest_class"}
    if (card["official_splits"] or {}).get("test"):  # as `label_summary` counts
        renamed = {
            name: f"{renamed.get(name, name)},_test_part_left_out"
            for name in ("largest", "smallest", "imbalance_ratio", "effective_classes")
        }
    known |= {renamed.get(name, name): _rounded(summary.get(name)) for name in names}
    known["num_groups"] = card["num_groups"] or "none declared"
    split = card["official_splits"] or {}
    parts = [f"{name} {split[name]:,}" for name in ("train", "val", "test") if name in split]
    known["official_split"] = ", ".join(parts) or "none"
    if card["time"]:
        known["time"] = " to ".join(time.removesuffix(" 00:00:00") for time in card["time"])
    for name in ("length", "original_size"):
        known[name] = _ranges(card.get(name))
    known["num_distinct_tokens"] = card.get("num_distinct_tokens")
    known["num_skipped_files"] = card["num_skipped_files"]
    return facts(known)


def _rounded(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _ranges(value: Mapping[str, Any] | None) -> str | None:
    """Return ranges such as `3 to 17`, or `height 8 to 9, width 3 to 17`."""
    if value is None:
        return None
    if "min" in value:
        low, high = value["min"], value["max"]
        return str(low) if low == high else f"{low} to {high}"
    return ", ".join(f"{name} {_ranges(inner)}" for name, inner in value.items())


def _sections(audit: Audit, samples: Samples) -> list[dict[str, Any]]:
    """Return the findings by severity, each with its examples."""
    sections = []
    for level, heading in _HEADINGS.items():
        found = [finding for finding in audit.findings if finding.severity == level]
        items = [{"finding": f, "examples": examples_of(f, samples)} for f in found]
        if items:
            sections.append({"level": level, "heading": heading, "items": items})
    return sections


def _duplicates(audit: Audit, samples: Samples) -> str | None:
    """Return the picture of near pairs, if there are any, as a data URI."""
    if not len(audit.duplicates.near):
        return None
    return _png(duplicates_figure(samples, audit.duplicates))


def _png(figure: "Figure") -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _shortcuts_svg(shortcuts: Shortcuts | None) -> str | None:
    if shortcuts is None or shortcuts.table.empty:
        return None
    return inline_svg(shortcuts_figure(shortcuts), "Score of each property alone")


def _values(card: Card) -> list[dict[str, Any]]:
    """Return one row per feature, channel or target: name, quantiles or categories, missing."""
    described: Card = {
        f"target: {n}" if n != "target" else n: v for n, v in card.get("targets", {}).items()
    }
    for name in ("channels_description_only", "features_description_only"):
        described |= dict(list(card.get(name, {}).items())[:_MAX_FEATURES])
    rows = []
    for name, values in described.items():
        numbers = [values.get(summary) for summary in _SUMMARIES]
        categories = values.get("categories")
        rows.append(
            {
                "name": name,
                "numbers": numbers,
                "missing": values["num_missing"],
                "categories": None if categories is None else _most_frequent(categories),
            }
        )
    return rows


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if 1e5 <= abs(value) < 1e12 else f"{value:.5g}"


def _most_frequent(categories: Mapping[str, int], shown: int = 4) -> str:
    order = sorted(categories, key=lambda name: -categories[name])
    listed = ", ".join(f"{name} {categories[name]:,}" for name in order[:shown])
    more = len(order) - shown
    return f"{listed} and {more} more" if more > 0 else listed


def _checks(audit: Audit) -> dict[str, list[Any]]:
    """Return the checks by what became of them, in the order in which they were made."""
    outcomes: dict[str, list[Any]] = {"nothing found": [], "off": [], "does not apply": []}
    for result in audit.results:
        if result.outcome in outcomes:
            outcomes[result.outcome].append(result.check)
    return outcomes
