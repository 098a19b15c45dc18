"""What a report says first: the score, the best simple model beside it, the biggest risk.

Pure functions of what other tasks have found; every sentence carries its numbers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from foldwise.metrics.estimates import MIN_UNITS

Finding = Mapping[str, Any]  # check, severity, message, ...: JSON of data.findings.Finding

_MAX_MESSAGE = 320  # characters of what others found
_MAX_NAMES = 5  # of classes
_MAX_WIDTH = 0.1  # of the interval of a score from 0 to 1, above which it says little

# What each check of the audit puts at risk. Duplicates, groups and overlapping windows are not
# among them: the split keeps them together, and says itself where it could not.
_OF_THE_SCORE = ("target_leak", "collection_shortcut", "row_order", "undeclared_group")
_OF_ITS_MEANING = (
    "visible_shortcut",
    "label_conflicts",
    "official_split_against_time",
    "class_in_few_groups",
    "dominant_group",
    "missing_by_class",
    "similar_class_names",
    "missing_labels",
)


class Gravity(IntEnum):
    """What would be wrong if a risk came true, the least first."""

    USE = 1  # the score holds, but more could be had, or its probabilities mislead
    MEANING = 2  # the score holds for these samples, but not for all, or not elsewhere
    SCORE = 3  # the score itself is too good


class Risk(NamedTuple):
    """Something that may be wrong with a model or its score, in one sentence with its numbers."""

    gravity: Gravity
    source: str  # who found it: the split, the audit, ...
    text: str


def score_sentence(
    label: str, oof: Mapping[str, Any], test: Mapping[str, Any] | None, shown: Mapping[str, str]
) -> str:
    """Return the score with its intervals.

    Args:
        label: The metric's name.
        oof: Its entry: value, low, high, method.
        test: The same of the held-out part, if there is one.
        shown: Texts `oof`, `test` (values), `oof_interval`, `test_interval`, `confidence`,
            `num_oof`, `num_test`.
    """
    if oof["value"] is None:
        text = f"{label} is undefined on the {shown['num_oof']} out-of-fold samples"
        text = text[0].upper() + text[1:]
    else:
        limits = ""
        if shown["oof_interval"]:
            limits = f" ({shown['confidence']} interval {shown['oof_interval']}, {oof['method']})"
        text = (
            f"On {shown['num_oof']} samples that the predicting network had not seen, {label} is "
            f"{shown['oof']}{limits}"
        )
    if test is not None and test["value"] is not None:
        limits = f" ({shown['test_interval']})" if shown["test_interval"] else ""
        text += f"; on the {shown['num_test']} held-out ones it is {shown['test']}{limits}"
    return f"{text}."


def baseline_sentence(summary: Sequence[str]) -> str:
    """Return what is known of simple models beside the network; the first line is the verdict."""
    if not summary:
        return (
            "No baseline was fitted beside these predictions: whether a simple model would do as "
            "well is not known."
        )
    return summary[0]


def risk_sentence(risks: Sequence[Risk], looked_at: Sequence[str]) -> str:
    """Return the biggest risk and how many more there are.

    Of risks of one gravity the first is taken, so whoever lists them decides.

    Args:
        risks: What was found.
        looked_at: Where it was looked for, in words.
    """
    where = _listed(looked_at)
    if not risks:
        return (
            f"No risk was found by {where}; none of them can tell whether new samples will be "
            "like these."
        )
    biggest = max(risks, key=lambda risk: risk.gravity)
    more = len(risks) - 1
    others = f" ({more} more below)" if more else ""
    return f"The biggest risk, found by {biggest.source}{others}: {biggest.text}"


def split_risks(findings: Iterable[Finding]) -> list[Risk]:
    """Return what the split could not prevent; samples that it set aside are no risk."""
    risks = []
    for finding in findings:
        if finding["check"] in ("tied_to_test", "purged_before_test", "inner_part_cuts_unit"):
            continue
        if finding["severity"] == "error":  # a leak that split.on_leak=warn lets pass
            risks.append(Risk(Gravity.SCORE, "the split", first_sentence(finding["message"])))
        elif finding["severity"] == "warn":
            risks.append(Risk(Gravity.MEANING, "the split", first_sentence(finding["message"])))
    return risks


def audit_risks(findings: Iterable[Finding]) -> list[Risk]:
    """Return what the audit found in the samples that no split mends."""
    risks = []
    for finding in findings:
        gravity = _gravity(finding)
        if gravity is not None:
            risks.append(Risk(gravity, "the audit", first_sentence(finding["message"])))
    return risks


def score_risks(
    metrics: Mapping[str, Any], name: str, num_classes: int, never_predicted: Sequence[str] = ()
) -> list[Risk]:
    """Return what the scores themselves say against the score.

    Args:
        metrics: Of the out-of-fold predictions: `num_samples`, perhaps `num_independent_units`,
            and the entry of each metric.
        name: The score that the verdict is about.
        num_classes: 0 of a regression, whose scores have a unit and so no width to judge.
        never_predicted: Classes that have samples and are never predicted.
    """
    source, risks = "the scores", []
    if never_predicted:
        named = ", ".join(repr(name) for name in never_predicted[:_MAX_NAMES])
        more = len(never_predicted) - _MAX_NAMES
        text = (
            f"{len(never_predicted)} of {num_classes} classes are never predicted out of fold "
            f"({named}{f' and {more} more' if more > 0 else ''})."
        )
        risks.append(Risk(Gravity.MEANING, source, text))
    units = metrics.get("num_independent_units")
    if units is not None and units < MIN_UNITS:
        text = (
            f"the {metrics['num_samples']} samples come from only {units} independent units, and "
            f"intervals over fewer than {MIN_UNITS} are rough."
        )
        risks.append(Risk(Gravity.MEANING, source, text))
    low, high = (metrics[name].get(limit) for limit in ("low", "high"))
    if num_classes and low is not None and high is not None and high - low > _MAX_WIDTH:
        text = (
            f"the score is not known well, because its interval from {low:.3f} to {high:.3f} is "
            f"wider than {_MAX_WIDTH:g}."
        )
        risks.append(Risk(Gravity.USE, source, text))
    return risks + _coverage_risks(metrics)


def _coverage_risks(metrics: Mapping[str, Any]) -> list[Risk]:
    """Return which prediction intervals hold too few of the targets, beyond chance."""
    risks = []
    for name, entry in metrics.items():
        kind, _, percent = name.partition("_")
        if (
            kind == "coverage"
            and entry["high"] is not None
            and entry["high"] < float(percent) / 100
        ):
            text = (
                f"the {percent} % intervals of its predictions hold only {entry['value']:.1%} of "
                f"the targets ({entry['low']:.1%} to {entry['high']:.1%})."
            )
            risks.append(Risk(Gravity.USE, "the scores", text))
    return risks


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, cut where it is very long.

    >>> first_sentence("0.7 % of 42 are twins. Look at them.")
    '0.7 % of 42 are twins.'
    """
    first = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text.strip(), maxsplit=1)[0]
    return first if len(first) <= _MAX_MESSAGE else f"{first[: _MAX_MESSAGE - 1].rstrip()}…"


def _gravity(finding: Finding) -> Gravity | None:
    if finding["severity"] == "info":
        return None
    if finding["check"] in _OF_THE_SCORE:
        return Gravity.SCORE
    if finding["check"] in _OF_ITS_MEANING:
        return Gravity.MEANING
    return None


def _listed(names: Sequence[str]) -> str:
    """Return names as a list in words.

    >>> _listed(["the audit", "the split", "the slices"])
    'the audit, the split and the slices'
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
