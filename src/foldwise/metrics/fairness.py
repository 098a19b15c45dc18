"""How far a proportion differs between groups, with limits.

G: groups, K: classes. A gap is the largest difference between two groups, and over the classes
where each is one against the rest; those that it was found at are named. A rate of fewer than ten
trials is not looked at. Because it was picked as the largest, its limits hold for all pairs of
groups (and classes) at once: Bonferroni's share of the error for each pair.

Sources:
    Hardt, M., Price, E., Srebro, N. (2016). Equality of opportunity in supervised learning.
        NeurIPS (equalised odds).
    Agarwal, A., Beygelzimer, A., Dudik, M., Langford, J., Wallach, H. (2018). A reductions
        approach to fair classification. ICML (demographic parity; differences as in fairlearn).
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions:
        comparison of eleven methods. Stat. Med. 17 (method 10: from Wilson's limits).
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes, Mask
from foldwise.metrics.effective_size import TrialSums, effective_sizes, unit_sums
from foldwise.metrics.intervals import wilson_interval

_MIN_TRIALS = 10
_METHOD = "Newcombe, for all pairs at once"


class Gap(NamedTuple):
    """A difference between two groups; NaN and -1 where fewer than two have enough trials."""

    value: float
    low: float
    high: float
    method: str
    highest: int  # number of the group with the highest proportion
    lowest: int
    code: int = -1  # class that it is about
    rate: str = "selection rate"  # proportion that it is about


NO_GAP = Gap(float("nan"), float("nan"), float("nan"), "undefined", -1, -1)


class Decisions(NamedTuple):
    """What was decided on whom."""

    target: Codes  # (N,)
    predicted: Codes  # (N,)
    num_classes: int  # K
    groups: Codes  # (N,), 0..G-1; -1: in none
    units: Codes  # (N,): what was drawn independently


def demographic_parity_difference(decisions: Decisions, classes: Codes, confidence: float) -> Gap:
    """Return the largest difference in how often a class is predicted, whatever is true.

    Args:
        decisions: The predictions.
        classes: Codes of the classes that are looked at, the positive one of a binary task.
        confidence: Of the limits.
    """
    return _largest_gap(decisions, ("selection rate",), classes, confidence)


def equalised_odds_difference(decisions: Decisions, classes: Codes, confidence: float) -> Gap:
    """Return the larger of the largest differences in recall and in the false-positive rate.

    Args:
        decisions: The predictions.
        classes: Codes of the classes that are looked at, the positive one of a binary task.
        confidence: Of the limits.
    """
    return _largest_gap(decisions, ("recall", "false-positive rate"), classes, confidence)


def _largest_gap(
    decisions: Decisions, names: tuple[str, ...], classes: Codes, confidence: float
) -> Gap:
    rates = {name: _rates(decisions, name)[:, classes] for name in names}  # each (G, K)
    defined = {name: np.isfinite(values).sum(axis=0) >= 2 for name, values in rates.items()}
    if not any(mask.any() for mask in defined.values()):
        return NO_GAP
    candidates = []
    for name, values in rates.items():
        if defined[name].any():
            of_classes = np.full(len(classes), -1.0)
            chosen = values[:, defined[name]]
            of_classes[defined[name]] = np.nanmax(chosen, axis=0) - np.nanmin(chosen, axis=0)
            column = int(of_classes.argmax())
            candidates.append((float(of_classes[column]), name, column))
    value, name, column = max(candidates, key=lambda candidate: candidate[0])
    num_pairs = len(rates[name]) * (len(rates[name]) - 1) // 2
    num_compared = num_pairs * sum(int(mask.sum()) for mask in defined.values())
    of_each = 1 - (1 - confidence) / num_compared
    of_groups = rates[name][:, column]
    highest, lowest = int(np.nanargmax(of_groups)), int(np.nanargmin(of_groups))
    successes, trials = _trials(decisions, name, int(classes[column]))
    above = _limits(decisions, successes, trials, highest, of_each)
    below = _limits(decisions, successes, trials, lowest, of_each)
    down = np.hypot(of_groups[highest] - above[0], below[1] - of_groups[lowest])
    up = np.hypot(above[1] - of_groups[highest], of_groups[lowest] - below[0])
    low, high = max(0.0, float(value - down)), min(1.0, float(value + up))
    return Gap(value, low, high, _METHOD, highest, lowest, int(classes[column]), name)


def _rates(decisions: Decisions, name: str) -> Array:
    """Return a rate of each group and class, (G, K); NaN with too few trials."""
    target, predicted, num_classes, groups, _ = decisions
    num_groups, known = int(groups.max()) + 1, groups >= 0

    def count(codes: Codes, mask: Mask) -> Array:
        cells = groups[mask] * num_classes + codes[mask]
        counts = np.bincount(cells, minlength=num_groups * num_classes)
        return counts.reshape(num_groups, num_classes).astype(np.float64)

    selected, positive = count(predicted, known), count(target, known)
    hits = count(target, known & (target == predicted))
    sizes = positive.sum(axis=1, keepdims=True)
    successes, trials = {
        "selection rate": (selected, np.broadcast_to(sizes, selected.shape)),
        "recall": (hits, positive),
        "false-positive rate": (selected - hits, sizes - positive),
    }[name]
    enough = trials >= _MIN_TRIALS
    return np.asarray(
        np.divide(successes, trials, out=np.full(trials.shape, np.nan), where=enough)
    )


def _trials(decisions: Decisions, name: str, code: int) -> tuple[Mask, Mask]:
    """Return the successes and trials of one class, each (N,)."""
    selected, positive = decisions.predicted == code, decisions.target == code
    if name == "selection rate":
        return selected, np.ones(len(selected), dtype=bool)
    trials = positive if name == "recall" else ~positive
    return selected & trials, trials


def _limits(
    decisions: Decisions, successes: Mask, trials: Mask, group: int, confidence: float
) -> tuple[float, float]:
    """Return Wilson's limits of the proportion of one group."""
    rows = decisions.groups == group
    units = np.unique(decisions.units[rows], return_inverse=True)[1]
    num_units = int(units.max()) + 1
    s, t = (
        unit_sums(units, mask[rows].astype(np.float64), num_units) for mask in (successes, trials)
    )
    sums = TrialSums.of(s, t)
    share = float(sums.successes[0] / sums.trials[0])
    return wilson_interval(share, float(effective_sizes(sums, confidence)[0]), confidence)
