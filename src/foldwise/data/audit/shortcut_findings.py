"""What the scores of the properties mean, in words."""

from typing import Any

import pandas as pd

from foldwise.data.audit.shortcut_config import ShortcutsConfig
from foldwise.data.audit.shortcut_properties import Kind
from foldwise.data.audit.shortcuts import TOGETHER, Shortcuts
from foldwise.data.findings import Finding, Severity

SHORTCUT_CHECKS: dict[str, tuple[Kind, str]] = {
    "visible_shortcut": ("visible", "properties a model can see that alone tell the target"),
    "collection_shortcut": ("collected", "traces of the collecting that alone tell the target"),
    "row_order": ("order", "rows whose order tells the target"),
}
_MEANING: dict[Kind, tuple[str, str]] = {
    "visible": (
        "A model can take this from the samples themselves.",
        "If it is part of what makes the target, a model should score far above it. If not, even "
        "it out: crop, resize or normalise alike, match the classes on it, or collect anew.",
    ),
    "collected": (
        "No model reads this, but it says that samples of different targets were collected or "
        "stored in different ways, which may have left marks that a model can see.",
        "Find out where the difference comes from, declare that origin as the group, and test on "
        "samples of another origin.",
    ),
    "order": (
        "No model reads this: the source is sorted, or was recorded target by target.",
        "Never cut such a source by position; folds are shuffled. If neighbours belong together "
        "(one session, one patient), declare them as a group.",
    ),
}


def shortcut_findings(shortcuts: Shortcuts, config: ShortcutsConfig) -> list[Finding]:
    """Return one finding for each kind of property that predicts the target.

    Told is what lies above chance beyond doubt, all properties taken together, and by no less
    than `told_gain` of what there is to gain; from `warned_gain` on it is a warning. The order of
    the rows is never more than an information.
    """
    table = shortcuts.table
    told = table[(table["gain_low"] > 0) & (table["gain"] >= config.told_gain)]
    findings = []
    for check, (kind, _) in SHORTCUT_CHECKS.items():
        found = told[told["kind"] == kind]
        if len(found):
            findings.append(_finding(check, kind, found, shortcuts, config))
    return findings


def _finding(
    check: str, kind: Kind, found: pd.DataFrame, shortcuts: Shortcuts, config: ShortcutsConfig
) -> Finding:
    alone = found[found["property"] != TOGETHER]
    together = found[found["property"] == TOGETHER]
    best = (alone if len(alone) else together).iloc[0]
    message = f"{_subject(best, kind)} predicts the target: {_score(best, shortcuts)}."
    if best["by_target"] and kind != "order":
        message += f" Typical are {best['by_target']}."
    if len(alone) > 1:
        rest = alone.iloc[1:]
        others = [
            f"{name} ({score:.2f})" for name, score in rest[["property", "score"]].to_numpy()
        ]
        message += f" So {'does' if len(others) == 1 else 'do'} {', '.join(others)}."
    if len(alone) and len(together):
        message += f" Together they reach {together['score'].iloc[0]:.2f}."
    meaning, advice = _MEANING[kind]
    return Finding(
        check=check,
        severity=_severity(kind, float(found["gain"].max()), config),
        message=f"{message} {meaning}",
        advice=advice,
        values={
            "chance": shortcuts.chance,
            **{str(row["property"]): float(row["score"]) for _, row in found.iterrows()},
        },
    )


def _subject(best: Any, kind: Kind) -> str:  # noqa: ANN401  (a row of a table)
    if best["property"] != TOGETHER:
        return f"The {best['property']} alone"
    return f"No single property, but all that are {kind} together"


def _score(best: Any, shortcuts: Shortcuts) -> str:  # noqa: ANN401
    return (
        f"{shortcuts.metric} {best['score']:.2f} (from {best['low']:.2f} to {best['high']:.2f} at "
        f"{shortcuts.confidence:.0%}; chance {shortcuts.chance:.2f})"
    )


def _severity(kind: Kind, gain: float, config: ShortcutsConfig) -> Severity:
    return "warn" if gain >= config.warned_gain and kind != "order" else "info"
