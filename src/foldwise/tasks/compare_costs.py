"""What each method of a comparison has cost, over all its folds and seeds."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class MethodCost:
    """The cost of all networks of a method together."""

    seconds: float  # of training, whatever the remedy does before or after included; NaN: unknown
    wanted: int = 0  # samples that the training parts lacked
    added: int = 0  # of these, those that were made


def method_costs(costs: pd.DataFrame | None, methods: tuple[str, ...]) -> dict[str, MethodCost]:
    """Return the cost of each method.

    Args:
        costs: Columns `method`, `seconds`, `wanted` and `added`, a row for each network; None, or
            without a row: nobody knows.
        methods: Their names.
    """
    if costs is None or costs.empty:
        return {method: MethodCost(float("nan")) for method in methods}
    found = {}
    for method in methods:
        rows = costs[costs["method"] == method]
        # Of a method some of whose networks nobody timed, the rest is not the cost.
        seconds = float(rows["seconds"].sum(skipna=False)) if len(rows) else float("nan")
        found[method] = MethodCost(seconds, int(rows["wanted"].sum()), int(rows["added"].sum()))
    return found


def format_seconds(seconds: float) -> str:
    """Return a duration as a number of seconds.

    >>> format_seconds(12.34), format_seconds(1234.5), format_seconds(float("nan"))
    ('12.3 s', '1,234 s', 'unknown')
    """
    if seconds != seconds:  # NaN
        return "unknown"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"
