"""What a search has come to, in sentences and as a table for the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.metrics.estimate import Estimate
from foldwise.metrics.paired_tests import PairedTest
from foldwise.tasks.metric_label import metric_label
from foldwise.tasks.regression_summary import show_number
from foldwise.tasks.search.scores import SearchScores
from foldwise.tasks.search.trial import DEFAULTS, NESTED, OUTER_METHODS, WINNER
from foldwise.tasks.search.trial_metric import metric_name

if TYPE_CHECKING:
    from rich.table import Table

OBJECTIVES = {
    "val_f1": "macro F1",
    "val_accuracy": "accuracy",
    "val_loss": "loss",
    "val_mae": "MAE (of standardised targets)",
    "frechet": "Frechet distance",
    "latency_ms": "latency (ms)",
    "num_parameters": "number of parameters",
}
METHOD_NAMES = {
    WINNER: "best parameters",
    DEFAULTS: "defaults",
    NESTED: "search in each fold",
}
_SEEN = 1e-4  # of a score: a smaller difference is none, with the digits that are shown


def search_lines(scores: SearchScores) -> list[str]:
    """Return the verdict, the most important sentence first; every one carries its numbers."""
    lines = [_headline(scores), _gain(scores), _optimism(scores), _honest(scores)]
    test = scores.outer[WINNER].get("test")
    if test is not None:
        lines.append(
            f"On the held-out test part, which no choice has seen, the best parameters score "
            f"{show_estimate(test)}."
        )
    share = scores.main["saved_share"]
    if share and scores.main["counts"]["pruned"]:
        lines.append(f"Ending hopeless trials early has saved {share:.0%} of the epochs.")
    num_front = len(scores.main["front"])
    if len(scores.main["objectives"]) > 1:
        others = ", ".join(map(objective_label, scores.main["objectives"][1:]))
        lines.append(
            f"{num_front} {'trials are' if num_front > 1 else 'trial is'} beaten by no other in "
            f"all of score, {others}; the best parameters are those of the best score."
        )
    return [*lines, *scores.notes]


def search_table(scores: SearchScores) -> "Table":
    """Return the outer scores of winner, defaults and nested search, for 80 columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Search", box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.collapse_padding = False, True
    table.add_column("", overflow="fold")
    table.add_column("inner parts", justify="right")
    percent = f"{scores.confidence:.0%}"
    table.add_column(f"{outer_label(scores)}, outer folds ({percent})", justify="right")
    has_test = "test" in scores.outer[WINNER]
    if has_test:
        table.add_column("test", justify="right")
    for method in OUTER_METHODS:
        if method in scores.outer:
            inner = scores.main["inner"][scores.objective] if method == WINNER else None
            cells = [METHOD_NAMES[method], "" if inner is None else show_score(inner)]
            cells.append(show_estimate(scores.outer[method]["oof"]))
            if has_test:
                test = scores.outer[method].get("test")
                cells.append("" if test is None else show_estimate(test))
            table.add_row(*map(Text, cells))
    return table


def counts_text(counts: Mapping[str, int]) -> str:
    """Return how the trials have ended.

    >>> counts_text({"complete": 28, "pruned": 10, "failed": 0, "lost": 0})
    '28 completed, 10 pruned'
    """
    names = {"complete": "completed"}
    told = [f"{number} {names.get(state, state)}" for state, number in counts.items() if number]
    return ", ".join(told) or "none"


def objective_label(name: str) -> str:
    """Return what an objective is called for people."""
    return OBJECTIVES.get(name, name)


def outer_label(scores: SearchScores) -> str:
    """Return what the score of the outer folds is called for people."""
    return OBJECTIVES.get(scores.metric) or metric_label(scores.metric)


def show_score(value: float | None) -> str:
    """Return a score: of 0 to 1 with four decimals, of any size with four digits.

    >>> show_score(0.97123), show_score(12345.6), show_score(None)
    ('0.9712', '12346', 'undefined')
    """
    if value is None or not np.isfinite(value):
        return "undefined"
    return f"{value:.4f}" if 0.001 <= abs(value) <= 1 else show_number(value)


def show_estimate(found: Estimate) -> str:
    """Return a score with its interval."""
    if not np.isfinite(found.low):
        return show_score(found.value)
    return f"{show_score(found.value)} ({show_score(found.low)} to {show_score(found.high)})"


def show_difference(found: PairedTest) -> str:
    """Return a difference with its interval and sign."""
    if not np.isfinite(found.difference):
        return "undefined"
    if not np.isfinite(found.low):
        return _signed(found.difference)
    limits = f"{_signed(found.low)} to {_signed(found.high)}"
    return f"{_signed(found.difference)} ({limits})"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) < 10 else f"{value:+.4g}"


def _headline(scores: SearchScores) -> str:
    main = scores.main
    num_trials = sum(main["counts"].values())
    label = f"the {outer_label(scores)}" if scores.metric == "frechet" else outer_label(scores)
    inner = show_score(main["inner"][scores.objective])
    if metric_name(scores.objective) != scores.metric or scores.objective == "val_mae":
        inner = f"{objective_label(scores.objective)} {inner}"
    return (
        f"With the best parameters of {num_trials} {'trials' if num_trials > 1 else 'trial'} "
        f"({counts_text(main['counts'])}) {label} is "
        f"{show_estimate(scores.outer['winner']['oof'])} on the outer folds, which no trial was "
        f"scored on; on the inner parts it was {inner}."
    )


def _gain(scores: SearchScores) -> str:
    gain = scores.gain
    if gain is None:
        return "What the defaults score is unknown, and so is what the search has gained."
    score = scores.outer[WINNER]["oof"].value
    if scores.difference is not None and abs(scores.difference.difference) < _SEEN * abs(score):
        if _is_same(scores):
            return "The best parameters score as the defaults do in every fold: nothing is gained."
        return f"Over the defaults nothing is gained: {show_difference(gain)}."
    percent = f"{scores.confidence:.0%}"
    word = "better" if gain.difference > 0 else "worse"
    told = f"That is {word} than the defaults, {show_estimate(scores.outer['defaults']['oof'])}: "
    told += f"the difference is {show_difference(scores.difference)}"  # type: ignore[arg-type]
    if not np.isfinite(gain.p_value):
        return f"{told}; how sure that is cannot be said from these folds."
    if gain.low > 0:
        return f"{told}, at {percent} more than chance."
    if gain.high < 0:
        return f"{told}: keep the defaults, train_{scores.family}.use_best=false."
    return f"{told}, which may be chance: the {percent} interval holds 0."


def _is_same(scores: SearchScores) -> bool:
    return bool(np.allclose(scores.folds[WINNER], scores.folds[DEFAULTS], rtol=0, atol=1e-12))


def _optimism(scores: SearchScores) -> str:
    found = scores.optimism
    if found is None:
        return "How much too good the inner score is cannot be said in one unit."
    sign = -1 if scores.lower_is_better else 1
    too_good = sign * found.difference
    value = show_difference(found)
    if too_good > 0:
        return (
            f"Optimism: the inner score of the winner is better than its outer one by {value} "
            "(inner less outer). The best of many trials is partly the luckiest."
        )
    return f"Optimism: none was found; inner less outer score is {value}."


def _honest(scores: SearchScores) -> str:
    if NESTED in scores.outer:
        return (
            "The honest score of searching and then training, each outer fold searched without "
            f"its own samples (nested): {show_estimate(scores.outer['nested']['oof'])}."
        )
    if len(scores.folds) == 1:
        return (
            "There is one outer fold, and no trial has seen its samples: its score is honest, but "
            "of few samples."
        )
    return (
        "What is held out of one fold is trained on in the others, and the parameters were chosen "
        "over all of them: the outer score is a little kind still. "
        f"search_{scores.family}.nested=true gives the honest score of searching and then "
        "training, for one more search per fold."
    )


def inner_of(study: Mapping[str, Any]) -> str:
    """Return the winner's values in a study, each with its name where there are several."""
    values = study["inner"]
    if len(values) == 1:
        return show_score(next(iter(values.values())))
    return ", ".join(f"{objective_label(name)} {show_score(v)}" for name, v in values.items())
