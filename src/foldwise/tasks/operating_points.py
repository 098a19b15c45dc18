"""Thresholds for each class: curves, and a point that is chosen where no score rests on.

S: rows, M: networks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Codes, Mask
from foldwise.metrics.intervals import Interval, ProportionMethod, proportion_interval
from foldwise.metrics.operating_points import (
    choose_threshold,
    metrics_at,
    thin_curve,
    threshold_curve,
)
from foldwise.tasks.abstention import per_unit
from foldwise.tasks.model_rows import PartsOfModels
from foldwise.tasks.operating_point_config import OperatingPointConfig
from foldwise.tasks.predictions_table import Scored

POINT_METRICS = ("precision", "recall", "specificity", "f1")
MAX_CLASSES = 100  # with curves and points; of more, those with the lowest F1
_CURVE_POINTS = 200  # per class
_CURVE_COLUMNS = ("class", "threshold", *POINT_METRICS, "called")
_POINT_COLUMNS = (
    *("part", "class", "threshold", "threshold_low", "threshold_high", "num_models"),
    *("num_without", "num_inner_positive", "is_reached"),
    *(
        f"{metric}{suffix}"
        for metric in POINT_METRICS
        for suffix in ("", "_low", "_high", "_method", "_of_plain_decision")
    ),
)


@dataclass(frozen=True)
class OperatingPoints:
    """Curves of out-of-fold predictions, and what the chosen thresholds do."""

    classes: tuple[int, ...]  # codes that curves and points are made for
    curves: pd.DataFrame  # out of fold: class, threshold, metrics, share that is called positive
    thresholds: pd.DataFrame  # repeat, fold, class, threshold (NaN: none), num_inner_positive
    points: pd.DataFrame  # one row per part and class; empty if none are asked for


def shown_classes(scored: Scored, positive: int | None, num_classes: int) -> tuple[int, ...]:
    """Return the classes that thresholds are looked at for: of two the positive one."""
    if positive is not None:
        return (positive,)
    if num_classes <= MAX_CLASSES:
        return tuple(range(num_classes))
    decided = scored.probabilities.argmax(axis=1)
    hits = np.bincount(decided[decided == scored.target], minlength=num_classes)
    both = np.bincount(scored.target, minlength=num_classes)
    present = np.flatnonzero(both)
    both = both + np.bincount(decided, minlength=num_classes)
    worst = present[np.argsort(hits[present] / both[present], kind="stable")]
    return tuple(sorted(int(code) for code in worst[:MAX_CLASSES]))


def operating_points(
    parts: PartsOfModels,
    classes: tuple[str, ...],
    codes: tuple[int, ...],
    config: OperatingPointConfig | None,
    units: dict[str, Codes | None],
    test: Scored | None,
    confidence: float,
    method: ProportionMethod,
) -> OperatingPoints:
    """Return the curves of classes, and the effect of thresholds that inner parts choose.

    Each network has its own threshold, from its own inner part, for the outer fold that it
    predicts; where there is none its decision stays the most probable class. The mean of the
    networks, on the held-out part, has the median of theirs.

    Args:
        parts: The rows of each network.
        classes: Names of all classes.
        codes: Those to look at.
        config: What is asked for; None: nothing.
        units: The independent units of the rows of `oof` and `test`.
        test: The held-out part as the mean of the networks predicts it.
        confidence: Of the intervals.
        method: Of the intervals.
    """
    curves = _curves(parts.oof.scored, classes, codes)
    if config is None or parts.inner is None:
        return OperatingPoints(codes, curves, _no_thresholds(), no_points())
    thresholds = _chosen(parts, classes, codes, config)
    of_part = {"oof": parts.oof.scored} | ({} if test is None else {"test": test})
    decided = {part: scored.probabilities.argmax(axis=1) for part, scored in of_part.items()}
    records = []
    for code in codes:
        of_class = thresholds[thresholds["class"] == classes[code]]
        chosen = of_class["threshold"].to_numpy(np.float64)
        head = _summary(of_class, classes[code])
        for part, scored in of_part.items():
            is_oof = part == "oof"
            wanted = chosen[parts.oof.model] if is_oof else np.array(head["threshold"])
            plain = decided[part] == code
            above = scored.probabilities[:, code] >= wanted
            called = np.where(np.isnan(wanted), plain, above)
            found = _point(scored.target == code, called, plain, units[part], confidence, method)
            reached = _is_reached(found, config)
            records.append({"part": part, **head, "is_reached": reached, **found})
    points = pd.DataFrame(records, columns=list(_POINT_COLUMNS))
    return OperatingPoints(codes, curves, thresholds, points)


def _no_thresholds() -> pd.DataFrame:
    return pd.DataFrame(columns=["repeat", "fold", "class", "threshold", "num_inner_positive"])


def no_curves() -> pd.DataFrame:
    """Return the table of curves without a row."""
    return pd.DataFrame(columns=list(_CURVE_COLUMNS))


def no_points() -> pd.DataFrame:
    """Return the table of chosen points without a row."""
    return pd.DataFrame(columns=list(_POINT_COLUMNS))


def _curves(scored: Scored, classes: tuple[str, ...], codes: tuple[int, ...]) -> pd.DataFrame:
    tables = []
    for code in codes:
        positive = scored.target == code
        if not positive.any():
            continue
        curve = thin_curve(threshold_curve(positive, scored.probabilities[:, code]), _CURVE_POINTS)
        tables.append(pd.DataFrame({"class": classes[code], **curve._asdict()}))
    if not tables:
        return no_curves()
    return pd.concat(tables, ignore_index=True)[list(_CURVE_COLUMNS)]


def _chosen(
    parts: PartsOfModels,
    classes: tuple[str, ...],
    codes: tuple[int, ...],
    config: OperatingPointConfig,
) -> pd.DataFrame:
    """Return the threshold of each network and class, from the inner part alone."""
    assert parts.inner is not None
    records = []
    for number, (repeat, fold) in enumerate(parts.models):
        rows = parts.inner.model == number
        target = parts.inner.scored.target[rows]
        probabilities = parts.inner.scored.probabilities[rows]
        for code in codes:
            positive = target == code
            threshold = choose_threshold(positive, probabilities[:, code], config.rule)
            records.append(
                {
                    "repeat": repeat,
                    "fold": fold,
                    "class": classes[code],
                    "threshold": np.nan if threshold is None else threshold,
                    "num_inner_positive": int(positive.sum()),
                }
            )
    return pd.DataFrame(records)


def _summary(of_class: pd.DataFrame, name: str) -> dict[str, Any]:
    chosen = of_class["threshold"].dropna()
    return {
        "class": name,
        "threshold": float(chosen.median()) if len(chosen) else float("nan"),
        "threshold_low": float(chosen.min()) if len(chosen) else float("nan"),
        "threshold_high": float(chosen.max()) if len(chosen) else float("nan"),
        "num_models": len(of_class),
        "num_without": int(of_class["threshold"].isna().sum()),
        "num_inner_positive": int(of_class["num_inner_positive"].sum()),
    }


def _point(
    positive: Mask,
    called: Mask,
    plain: Mask,
    units: Codes | None,
    confidence: float,
    method: ProportionMethod,
) -> dict[str, Any]:
    """Return the metrics of the decisions with intervals, and those of the plain decisions."""
    right = positive & called
    kinds = {
        "precision": (right, called),
        "recall": (right, positive),
        "specificity": (~positive & ~called, ~positive),
        "f1": (right, positive | called),
    }
    values, plain_values = metrics_at(positive, called), metrics_at(positive, plain)
    found: dict[str, Any] = {}
    for metric, (successes, among) in kinds.items():
        yes, trials = per_unit(successes[among], None if units is None else units[among])
        low, high, how = proportion_interval(yes, trials, confidence, method)
        if metric == "f1":
            low, high, how = _f1_limits(Interval(low, high, how))
        found[metric] = float(getattr(values, metric)[0])
        found |= {f"{metric}_low": low, f"{metric}_high": high, f"{metric}_method": how}
        found[f"{metric}_of_plain_decision"] = float(getattr(plain_values, metric)[0])
    return found


def _f1_limits(of_union: Interval) -> Interval:
    """Return the limits of F1 = 2 J / (1 + J) from those of J = hits / union (Lam et al. 2023)."""
    low, high = (2 * limit / (1 + limit) for limit in of_union[:2])
    return Interval(low, high, f"{of_union.method}, of hits / union")


def _is_reached(found: dict[str, Any], config: OperatingPointConfig) -> bool | None:
    """Tell whether what was demanded holds on these rows; None if nothing was."""
    least = config.rule.least
    if least is None:
        return None
    name, wanted = least
    value = found["recall"] + found["specificity"] - 1 if name == "youden" else found[name]
    return bool(value >= wanted)
