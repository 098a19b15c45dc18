"""Whether each remedy was worth it, in words: its difference, how sure it is, and its cost."""

import math
from collections.abc import Mapping
from typing import Any

from foldwise.tasks.compare_config import REFERENCE
from foldwise.tasks.compare_costs import MethodCost, format_seconds
from foldwise.tasks.compare_scores import Comparison
from foldwise.tasks.compare_summary import format_difference, format_p
from foldwise.tasks.metric_label import metric_label


def remedy_verdicts(comparison: Comparison) -> list[str]:
    """Return one sentence or more for each method but the reference."""
    metric = metric_label(comparison.config.metric)
    rows = comparison.differences.to_dict("records")
    return [
        " ".join([_difference(row, metric), *_cost(str(row["method"]), comparison)])
        for row in rows
    ]


def _difference(row: Mapping[Any, Any], metric: str) -> str:
    """Say whether the method helped; that nothing was shown is not that nothing is there."""
    told = f"{metric} {format_difference(row)} compared with {REFERENCE}"
    if not math.isfinite(row["p_value"]):
        return f"{row['method']}: whether it helps cannot be told ({told}, no p-value)."
    told += f", p {format_p(row['p_holm'])}"
    if row["is_significant"]:
        outcome = "it helped" if row["difference"] > 0 else "it did harm"
        return f"{row['method']}: {outcome} ({told})."
    return f"{row['method']}: no help was shown, nor that there is none ({told})."


def _cost(method: str, comparison: Comparison) -> list[str]:
    cost, reference = comparison.costs[method], comparison.costs[REFERENCE]
    return [*_made(cost), *_time(cost, reference)]


def _made(cost: MethodCost) -> list[str]:
    if not cost.wanted:
        return []
    return [
        f"Of {cost.wanted:,} samples that the training parts lacked, {cost.added:,} were made and "
        "kept."
    ]


def _time(cost: MethodCost, reference: MethodCost) -> list[str]:
    """Compare the times where both are known: `none` may have been trained before anyone timed."""
    if not math.isfinite(cost.seconds):
        return []
    told = f"It took {format_seconds(cost.seconds)} of training"
    if not math.isfinite(reference.seconds) or reference.seconds <= 0:
        return [f"{told}."]
    times = cost.seconds / reference.seconds
    than = f"{format_seconds(reference.seconds)} of {REFERENCE}"
    return [f"{told}, {times:.1f} times the {than}."]
