"""Whether the network is worth it, in plain sentences and as JSON."""

from typing import Any, Literal

import numpy as np

from foldwise.tasks.baseline_compare import NETWORK, BaselineComparison
from foldwise.tasks.compare_summary import format_p
from foldwise.tasks.json_number import json_number
from foldwise.tasks.metric_label import metric_label

Verdict = Literal["worth it", "not shown to be worth it", "not worth it", "unknown"]

NAIVE = ("naive_last", "naive_seasonal")
_NAMES = {"naive_last": "the last value", "naive_seasonal": "the value one season ago"}


def verdict(comparison: BaselineComparison) -> Verdict:
    """Judge the network by its difference to the best baseline.

    Worth it: better, and by more than chance. Not worth it: not better. In between: better, but
    perhaps by chance.
    """
    if comparison.best is None:
        return "unknown"
    row = comparison.row(comparison.best)
    if not _gain(comparison, row) > 0:
        return "not worth it"
    return "worth it" if row["is_significant"] else "not shown to be worth it"


def summary(comparison: BaselineComparison) -> list[str]:
    """Return sentences on whether the network is worth it, the verdict first."""
    if not comparison.is_enabled:
        return [
            "No baseline was fitted, because baseline.enabled is false: whether the network is "
            "worth it is not known."
        ]
    sentences = [_on_the_best(comparison)]
    naive = [name for name in NAIVE if name in set(comparison.table["model"])]
    sentences += [_on_a_naive_forecast(comparison, name) for name in naive]
    notes = {row["model"]: row["note"] for row in comparison.baselines.to_dict("records")}
    limited = [str(name) for name, note in notes.items() if "baseline.max_samples" in note]
    if limited:
        sentences.append(
            f"Fitted on a part of the training rows only (baseline.max_samples): "
            f"{', '.join(limited)}."
        )
    if comparison.left_out:
        reasons = "; ".join(f"{name} ({why})" for name, why in comparison.left_out.items())
        sentences.append(f"Left out: {reasons}.")
    return sentences


def comparison_json(comparison: BaselineComparison) -> dict[str, Any]:
    """Return the scores and differences as JSON; `value` gives its parent's name in MLflow."""
    best = comparison.best
    found: dict[str, Any] = {}
    for row in comparison.table.to_dict("records"):
        entry: dict[str, Any] = {"oof": {comparison.metric: _entry(row, "")}}
        if "test_value" in row:
            entry["test"] = {comparison.metric: _entry(row, "test_")}
        if row["model"] != NETWORK:
            entry["network_minus_it"] = {
                "value": json_number(row["difference"]),
                "low": json_number(row["difference_low"]),
                "high": json_number(row["difference_high"]),
                "p_value": json_number(row["p_value"]),
                "p_holm": json_number(row["p_holm"]),
            }
        found[str(row["model"])] = entry
    return {
        "baselines": found,
        "info": {
            "metric": comparison.metric,
            "alpha": comparison.alpha,
            "test": comparison.basis,
            "best_baseline": best,
            "verdict": verdict(comparison),
            "left_out": comparison.left_out,
        },
    }


def _on_the_best(comparison: BaselineComparison) -> str:
    best, decision = comparison.best, verdict(comparison)
    if best is None:
        return "No baseline could be fitted: whether the network is worth it is not known."
    row, label = comparison.row(best), metric_label(comparison.metric)
    scores = (
        f"the best baseline, {best}, scores {label} {_score(row)}, the network "
        f"{_score(comparison.row(NETWORK))}"
    )
    if not np.isfinite(row["difference"]):
        return f"The network is {decision}: {scores}, and their difference is undefined."
    text = f"The network is {decision}: {scores}, difference {_difference(row)}"
    if not np.isfinite(row["p_holm"]):
        return f"{text}, for which there is no test."
    chance = ", which may be chance" if decision == "not shown to be worth it" else ""
    found = "significant" if row["is_significant"] else "not significant"
    return f"{text} (p {format_p(row['p_holm'])}, {found}){chance}."


def _on_a_naive_forecast(comparison: BaselineComparison, name: str) -> str:
    row, label = comparison.row(name), metric_label(comparison.metric)
    scores = f"{label} {_score(comparison.row(NETWORK))} against {_score(row)}"
    forecast = f"the naive forecast ({_NAMES[name]})"
    if not _gain(comparison, row) > 0:
        return f"It does not beat {forecast}: {scores}."
    if not row["is_significant"]:
        return f"It is not shown to beat {forecast}: {scores}, which may be chance."
    return f"It beats {forecast}: {scores}."


def _gain(comparison: BaselineComparison, row: dict[str, Any]) -> float:
    """Return by how much the network is better than a baseline."""
    difference = float(row["difference"])
    return -difference if comparison.lower_is_better else difference


def _score(row: dict[str, Any]) -> str:
    """Return a score with its interval, to four digits.

    >>> _score({"value": 0.98123, "low": 0.97, "high": 0.99})
    '0.9812 [0.97, 0.99]'
    """
    if not np.isfinite(row["value"]):
        return "undefined"
    if not np.isfinite(row["low"]):
        return f"{row['value']:.4g}"
    return f"{row['value']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"


def _difference(row: dict[str, Any]) -> str:
    value = f"{row['difference']:+.3g}"
    if not np.isfinite(row["difference_low"]):
        return value
    return f"{value} [{row['difference_low']:+.3g}, {row['difference_high']:+.3g}]"


def _entry(row: dict[Any, Any], prefix: str) -> dict[str, float | None]:
    return {name: json_number(row[f"{prefix}{name}"]) for name in ("value", "low", "high")}
