"""The outcome of a comparison of models: a sentence for each pair, and all of it as JSON."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from foldwise.tasks.compare_models import ModelsComparison
from foldwise.tasks.compare_summary import format_p
from foldwise.tasks.data_set_comparison import DataSetComparison
from foldwise.tasks.json_number import json_cell, json_number
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.metric_label import metric_label

Row = Mapping[Any, Any]


def pair_sentences(data_set: DataSetComparison) -> list[str]:
    """Return a sentence for each pair, in the order of the models."""
    return [pair_sentence(row, data_set.metric) for row in data_set.pairs.to_dict("records")]


def pair_sentence(row: Row, metric: str) -> str:
    """Say who beats whom, by how much, and whether it may be chance.

    >>> row = {"model": "mlp", "against": "cnn", "difference": -0.021, "low": -0.034,
    ...        "high": -0.008, "p_holm": 0.004, "is_significant": True}
    >>> pair_sentence(row, "macro_f1")
    'cnn beats mlp by 0.021 macro F1 (0.008 to 0.034), p 0.004 after Holm.'
    """
    label = metric_label(metric)
    names = {1: (row["model"], row["against"]), -1: (row["against"], row["model"])}
    if not np.isfinite(row["difference"]):
        return f"The {label} of {row['model']} and {row['against']} cannot be compared: undefined."
    sign = -1 if (row["difference"] < 0) != (metric in LOWER_IS_BETTER) else 1
    better, worse = names[sign]
    # Seen from the better one: a gain is positive, and of an error so is what it lacks.
    turned = -1 if row["difference"] < 0 else 1
    gain = f"{abs(row['difference']):.3g}"
    limits = ""
    if np.isfinite(row["low"]):
        ends = sorted((turned * row["low"], turned * row["high"]))
        limits = f" ({ends[0]:.3g} to {ends[1]:.3g})"
    if not np.isfinite(row["p_holm"]):
        return f"{better} is ahead of {worse} by {gain} {label}{limits}; there is no test of it."
    chance = f"p {format_p(row['p_holm'])} after Holm"
    if row["is_significant"]:
        return f"{better} beats {worse} by {gain} {label}{limits}, {chance}."
    if row["difference"] == 0:
        return f"No difference between {row['model']} and {row['against']}: equal {label}."
    return (
        f"No difference beyond chance between {row['against']} and {row['model']}: {better} is "
        f"ahead by {gain} {label}{limits}, {chance}."
    )


def summary(comparison: ModelsComparison) -> list[str]:
    """Return the outcome in sentences: of each data set, then over them, then what to know."""
    lines = []
    for of in comparison.data_sets:
        where = f"{of.name}: " if len(comparison.data_sets) > 1 else ""
        lines.append(where + best_sentence(of))
        lines += [where + sentence for sentence in pair_sentences(of)]
    return lines + over_sentences(comparison) + [f"Note: {note}" for note in comparison.notes]


def best_sentence(data_set: DataSetComparison) -> str:
    """Say which model has the best score, and how many could be as good."""
    scores = data_set.scores.set_index("model")
    best = data_set.best
    row = scores.loc[best]
    text = f"Best: {best}, {metric_label(data_set.metric)} {show_score(row.to_dict())}"
    if not len(data_set.pairs):
        return f"{text}."
    of_best = data_set.pairs[(data_set.pairs[["model", "against"]] == best).any(axis=1)]
    open_ = [
        str(pair["against"] if pair["model"] == best else pair["model"])
        for pair in of_best.to_dict("records")
        if not _beats(best, pair, data_set.metric)
    ]
    if not open_:
        return f"{text}; it beats all others beyond chance."
    return f"{text}; not shown to be better than {', '.join(open_)}."


def _beats(model: str, pair: Row, metric: str) -> bool:
    """Tell whether a model of a pair is the better one beyond chance."""
    # The best pooled score need not be the best mean over the folds.
    gain = pair["difference"] if pair["model"] == model else -pair["difference"]
    return bool(pair["is_significant"] and (gain > 0) != (metric in LOWER_IS_BETTER))


def over_sentences(comparison: ModelsComparison) -> list[str]:
    """Return the outcome over data sets."""
    over = comparison.over
    if over is None or over.pairs.empty:
        return []
    ranked = ", ".join(f"{name} {rank:.2f}" for name, rank in over.ranks.sort_values().items())
    lines = [f"Average ranks over {len(over.scores)} data sets (1 is the best): {ranked}."]
    if np.isfinite(over.ranks_p):
        lines.append(f"That the ranks differ at all: p {format_p(over.ranks_p)} (Friedman).")
    for row in over.pairs.to_dict("records"):
        lower = comparison.metric in LOWER_IS_BETTER
        model_ahead = (row["mean_difference"] > 0) != lower
        better, worse = (
            (row["model"], row["against"]) if model_ahead else (row["against"], row["model"])
        )
        found = "beats" if row["is_significant"] else "is not shown to beat"
        lines.append(
            f"Over {row['num_data_sets']} data sets {better} {found} {worse}: mean difference "
            f"{abs(row['mean_difference']):.3g} {metric_label(comparison.metric)}, signed ranks "
            f"p {format_p(row['p_holm'])} after Holm."
        )
    return lines


def show_score(row: Row, prefix: str = "") -> str:
    """Return a score with its interval.

    >>> show_score({"value": 0.98123, "low": 0.97, "high": 0.99})
    '0.9812 (0.9700 to 0.9900)'
    """
    value, low, high = (row[f"{prefix}{name}"] for name in ("value", "low", "high"))
    if not np.isfinite(value):
        return "undefined"
    if not np.isfinite(low):
        return f"{value:.4f}"
    return f"{value:.4f} ({low:.4f} to {high:.4f})"


def comparison_json(comparison: ModelsComparison) -> dict[str, Any]:
    """Return scores and differences as JSON; `value` gives its parent's name in MLflow."""
    several = len(comparison.data_sets) > 1
    found: dict[str, Any] = {
        "info": {
            "metric": comparison.metric,
            "alpha": comparison.config.alpha,
            "data_sets": [_data_set_info(of) for of in comparison.data_sets],
            "sentences": summary(comparison),
            "notes": list(comparison.notes),
        }
    }
    for of in comparison.data_sets:
        entry = {"models": _models(of), "pairs": _pairs(of)}
        if several:
            found.setdefault("data_sets", {})[_key(of.name)] = entry
        else:
            found |= entry
    over = comparison.over
    if over is not None and not over.pairs.empty:
        found["over_data_sets"] = {
            "average_rank": {_key(str(name)): float(rank) for name, rank in over.ranks.items()},
            "friedman_p": json_number(over.ranks_p),
            "pairs": {
                _pair_key(row): {
                    "value": json_number(row["mean_difference"]),
                    "median": json_number(row["median_difference"]),
                    "p_value": json_number(row["p_value"]),
                    "p_holm": json_number(row["p_holm"]),
                }
                for row in over.pairs.to_dict("records")
            },
        }
    return found


def _data_set_info(of: DataSetComparison) -> dict[str, Any]:
    return {
        "name": of.name,
        "models": list(of.models),
        "best": of.best,
        "test": of.basis,
        "num_samples": of.num_samples,
        "num_independent_units": of.num_units,
        "folds_hash": of.folds_hash,
    }


def _models(of: DataSetComparison) -> dict[str, Any]:
    found = {}
    for row in of.scores.to_dict("records"):
        parts = {"oof": ""} | ({"test": "test_"} if "test_value" in row else {})
        entry = {
            part: {
                of.metric: {
                    key: json_number(row[f"{prefix}{key}"]) for key in ("value", "low", "high")
                }
                | {"method": row[f"{prefix}interval"]}
            }
            for part, prefix in parts.items()
        }
        spread = {key: json_number(row[key]) for key in ("fold_mean", "fold_std")}
        entry["oof"][of.metric] |= spread
        found[_key(str(row["model"]))] = entry
    return found


def _pairs(of: DataSetComparison) -> dict[str, Any]:
    dropped = ("model", "against", "difference")
    return {
        _pair_key(row): {"value": json_number(row["difference"])}
        | {str(key): json_cell(value) for key, value in row.items() if key not in dropped}
        for row in of.pairs.to_dict("records")
    }


def _pair_key(row: Row) -> str:
    return f"{_key(row['model'])} minus {_key(row['against'])}"


def _key(name: str) -> str:
    """Return a name that can stand in the name of a metric of MLflow.

    >>> _key("baseline:knn"), _key("/tmp/a b.parquet")
    ('baseline_knn', '/tmp/a b.parquet')
    """
    return re.sub(r"[^\w ./-]", "_", name)
