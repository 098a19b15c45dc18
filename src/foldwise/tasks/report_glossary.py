"""The section of the report that says what each of its metrics means."""

from collections.abc import Iterable

from foldwise.tasks.glossary import GlossaryEntry, glossary_entries
from foldwise.tasks.report_section import ReportSection


def glossary_section(names: Iterable[str]) -> ReportSection:
    """Return definition, formula, range and pitfalls of these metrics.

    Args:
        names: Of metrics; one that stands for an average is explained by metric and average.
    """
    entries = glossary_entries(dict.fromkeys(names))
    return ReportSection(
        "glossary",
        "What the metrics mean",
        (
            "Of one class, TP are its hits, FN its other samples, FP what else is called the "
            "class, TN all the rest, n all samples.",
        ),
        facts=tuple((entry.label, _text(entry)) for entry in entries),
    )


def _text(entry: GlossaryEntry) -> str:
    also = f" Also called {', '.join(entry.synonyms)}." if entry.synonyms else ""
    return (
        f"{entry.definition} Formula: {entry.formula}. Range: {entry.range}. It misleads: "
        f"{entry.misleads[:1].lower()}{entry.misleads[1:]}{also}"
    )
