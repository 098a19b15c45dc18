"""One self-contained HTML page about a comparison."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from foldwise.tasks.compare_config import REFERENCE
from foldwise.tasks.compare_costs import format_seconds
from foldwise.tasks.compare_figure import comparison_figure
from foldwise.tasks.compare_scores import Comparison, class_scores, method_scores
from foldwise.tasks.compare_summary import format_difference, format_p
from foldwise.tasks.compare_verdicts import remedy_verdicts
from foldwise.tasks.evaluation_summary import format_spread
from foldwise.tasks.figure_style import inline_svg
from foldwise.tasks.fold_test_note import FOLD_TEST_NOTE
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.page import page_environment
from foldwise.tasks.predictions_table import PARTS

_TEMPLATE = "compare.html.j2"
_SCORES = ("macro_f1", "balanced_accuracy", "accuracy")
_TESTS = {
    "folds": f"{FOLD_TEST_NOTE} Several seeds are averaged within a fold.",
    "seeds and samples": "One fold, several seeds: a difference has to be more than the "
    "randomness of training (paired t-test over the seeds) and more than the luck of which "
    "samples were held out (paired bootstrap over independent samples). The larger p-value and "
    "the wider limits count.",
    "samples": "One fold, one seed: the paired bootstrap over independent samples alone. It is "
    "blind to the randomness of training.",
}


def render_comparison(
    comparison: Comparison, *, provenance: Mapping[str, Mapping[str, Any]]
) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        comparison: The scores and the differences.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
    """
    environment = page_environment()
    environment.filters |= {
        "label": metric_label,
        "score": lambda value: "undefined" if value is None else f"{value:.4f}",
        "limits": _limits,
        "difference": _difference,
        "signed": lambda value: "undefined" if value is None else f"{value:+.4f}",
        "signed_limits": _signed_limits,
        "p": format_p,
    }
    scores = _rows(method_scores(comparison))
    classes = _rows(class_scores(comparison))
    metric = comparison.config.metric
    return environment.get_template(_TEMPLATE).render(
        title="Which imbalance remedy works",
        comparison=comparison,
        metric=metric,
        reference=REFERENCE,
        oof=comparison.evaluations[REFERENCE].metrics["oof"],
        percent=f"{comparison.evaluations[REFERENCE].config.confidence:.0%}",
        level=f"{1 - comparison.config.alpha:.0%}",
        parts=PARTS,
        part_names=list(dict.fromkeys(row["part"] for row in scores)),
        metrics=list(dict.fromkeys((metric, *_SCORES))),
        class_metrics=("recall", "precision", "specificity", "f1"),
        scores=scores,
        classes=classes,
        differences=_rows(comparison.differences),
        verdicts=remedy_verdicts(comparison),
        costs={name: format_seconds(cost.seconds) for name, cost in comparison.costs.items()},
        spread=format_spread,
        test=_TESTS[comparison.basis],
        figure=inline_svg(comparison_figure(comparison), "Scores and differences"),
        provenance=provenance,
    )


def _rows(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return the rows of a table, undefined values as None."""
    plain = table.astype(object)
    return plain.where(plain.notna(), None).to_dict("records")


def _limits(row: Mapping[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low is None else f"{low:.4f} to {high:.4f}"


def _signed_limits(row: Mapping[str, Any], prefix: str = "") -> str:
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    return "" if low is None else f"{low:+.4f} to {high:+.4f}"


def _difference(row: Mapping[str, Any]) -> str:
    numbers = {name: row[name] for name in ("difference", "low", "high")}
    return format_difference(
        {name: float("nan") if n is None else n for name, n in numbers.items()}
    )
