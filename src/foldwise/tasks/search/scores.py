"""What a search is worth on the outer folds, which no trial has seen.

The tables are read, so nothing is trained here. A method: `winner`, `defaults`, or `nested` (the
winners of searches within each outer fold).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.metrics.classification import Array
from foldwise.metrics.estimate import Estimate, Resampling
from foldwise.metrics.paired_tests import PairedTest, corrected_resampled_t
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.held_out_ratio import held_out_ratio
from foldwise.tasks.json_number import json_number
from foldwise.tasks.metric_choice import LOWER_IS_BETTER
from foldwise.tasks.paired_scores import Part, fold_scores, pair_differences, parts_of
from foldwise.tasks.regression_table import is_regression
from foldwise.tasks.search.axes import axes_of_record
from foldwise.tasks.search.result import distinct_values
from foldwise.tasks.search.standardised_error import STANDARDISED_ERROR
from foldwise.tasks.search.trial import DEFAULTS, NESTED, WINNER
from foldwise.tasks.search.trial_metric import metric_name

_FOLD_METHOD = "corrected resampled t (Nadeau and Bengio 2003)"
_SAMPLE_METHOD = "paired bootstrap over samples (BCa)"
_MEAN_METHOD = "t over folds"


@dataclass(frozen=True)
class SearchScores:
    """A search and what has come of it, as a page and JSON need it."""

    record: Mapping[str, Any]  # of the studies
    trials: pd.DataFrame
    metric: str  # of the outer folds
    lower_is_better: bool
    confidence: float
    outer: Mapping[str, Mapping[str, Estimate]]  # method -> part (oof, test) -> score
    folds: pd.DataFrame  # a column per method, indexed by repeat and fold
    difference: PairedTest | None  # winner less defaults
    difference_method: str
    optimism: PairedTest | None  # the winner's inner score less its outer one, fold by fold
    notes: tuple[str, ...]

    @property
    def main(self) -> Mapping[str, Any]:
        """The study whose winner is kept."""
        found: Mapping[str, Any] = self.record["studies"][0]
        return found

    @property
    def family(self) -> str:
        """Of networks, or `gan`."""
        return str(self.record["family"])

    @property
    def main_trials(self) -> pd.DataFrame:
        """The trials of that study."""
        is_main = self.trials["study"] == str(self.main["name"])
        return self.trials[is_main]

    @property
    def objective(self) -> str:
        """What trials are scored by, first of all."""
        return str(self.main["objectives"][0])

    @property
    def gain(self) -> PairedTest | None:
        """How much better the winner is than the defaults; more is better, whatever the metric."""
        found = self.difference
        if found is None or not self.lower_is_better:
            return found
        return found._replace(difference=-found.difference, low=-found.high, high=-found.low)


def search_scores(
    record: Mapping[str, Any],
    trials: pd.DataFrame,
    predictions: pd.DataFrame,
    folds: Folds,
    training_sizes: pd.Series | None,
    evaluation: EvaluateConfig,
) -> SearchScores:
    """Score winner and defaults on the outer folds, and the difference of the two.

    Args:
        record: Of the studies: see `studies_record`.
        trials: Of all studies: see `trials_table`.
        predictions: The predictions table with `method`; of generators `method, repeat, fold,
            score`.
        folds: Where samples were held out.
        training_sizes: Of each fold's training part, by repeat and fold.
        evaluation: Confidence, resamples and seed.
    """
    objective = str(record["studies"][0]["objectives"][0])
    tables = {
        str(name): table.drop(columns="method")
        for name, table in predictions.groupby("method", sort=False)
    }
    is_table = "sample_id" in predictions.columns
    metric = _outer_metric(objective, predictions) if is_table else objective
    seed = derive_seed(evaluation.seed, "search")
    resampling = Resampling(evaluation.confidence, evaluation.num_resamples, seed)
    of_folds = {
        name: fold_scores(table, metric)
        if is_table
        else table.set_index(["repeat", "fold"])["score"].sort_index()
        for name, table in tables.items()
    }
    if is_table:
        parts = {name: parts_of(table, folds.units) for name, table in tables.items()}
        outer = {
            name: {part: rows.estimates(resampling)[metric] for part, rows in of_method.items()}
            for name, of_method in parts.items()
        }
        ratio = held_out_ratio(tables[WINNER], training_sizes)
    else:
        parts, ratio = {}, _ratio(folds)
        outer = {
            name: {"oof": _fold_mean(scores, ratio, evaluation.confidence)}
            for name, scores in of_folds.items()
        }
    table = pd.DataFrame(of_folds)
    difference, method = _difference(table, parts, metric, ratio, resampling)
    of_winner = _as_trials(tables[WINNER], table[WINNER], objective)
    optimism = _optimism(record, trials, of_winner, ratio, resampling)
    return SearchScores(
        record=record,
        trials=trials,
        metric=metric,
        lower_is_better=metric in LOWER_IS_BETTER or not is_table,
        confidence=evaluation.confidence,
        outer=outer,
        folds=table,
        difference=difference,
        difference_method=method,
        optimism=optimism,
        notes=_notes(record, objective, metric, table, optimism),
    )


def search_metrics(scores: SearchScores) -> dict[str, Any]:
    """Return what the search has come to as JSON; what is undefined is null."""
    main = scores.main
    return {
        "metric": scores.metric,
        "objective": scores.objective,
        "inner": main["inner"],
        "outer": {
            name: {part: _entry(estimate) for part, estimate in parts.items()}
            | {"fold_mean": json_number(float(scores.folds[name].mean()))}
            for name, parts in scores.outer.items()
        },
        "difference": _test_entry(scores.difference, scores.difference_method),
        "optimism": _test_entry(scores.optimism, _FOLD_METHOD),
        "trials": main["counts"],
        "saved_share": main["saved_share"],
        "winner_number": main["winner_number"],
        "distinct_values": distinct_values(scores.main_trials, axes_of_record(scores.record)),
        "notes": list(scores.notes),
    }


def _outer_metric(objective: str, predictions: pd.DataFrame) -> str:
    """Return the metric of the outer folds; a loss has no interval, the usual score has one."""
    metric = metric_name(objective)
    if metric != "loss":
        return metric
    return "mae" if is_regression(predictions) else "macro_f1"


def _ratio(folds: Folds) -> float:
    """Return n_test / n_train of folds that partition the samples."""
    num_folds = folds.table["fold"].max() + 1
    return 1 / max(1, int(num_folds) - 1)


def _fold_mean(scores: pd.Series, ratio: float, confidence: float) -> Estimate:
    found = corrected_resampled_t(scores.to_numpy(np.float64), ratio, confidence)
    return Estimate(found.difference, found.low, found.high, _MEAN_METHOD)


def _difference(
    folds: pd.DataFrame,
    parts: Mapping[str, Mapping[str, Part]],
    metric: str,
    ratio: float,
    resampling: Resampling,
) -> tuple[PairedTest | None, str]:
    """Test winner less defaults over the folds; of one fold, over its samples."""
    if DEFAULTS not in folds:
        return None, _FOLD_METHOD
    pairs = (folds[WINNER] - folds[DEFAULTS]).dropna().to_numpy(np.float64)
    if len(pairs) > 1 or not parts:
        return corrected_resampled_t(pairs, ratio, resampling.confidence), _FOLD_METHOD
    both = [parts[DEFAULTS]["oof"], parts[WINNER]["oof"]]
    rng = numpy_generator(resampling.seed, "difference")
    ((_, _, found),) = pair_differences(
        both, metric, resampling.num_resamples, resampling.confidence, rng
    )
    return found, _SAMPLE_METHOD


def _as_trials(table: pd.DataFrame, folds: pd.Series, objective: str) -> pd.Series | None:
    """Return the outer scores in the unit of the trials; None where there is none, of losses."""
    if objective == "val_loss":
        return None
    if objective != "val_mae":
        return folds
    if STANDARDISED_ERROR not in table:
        return None
    oof = table[table["part"] == "oof"]
    means: pd.Series = oof.groupby(["repeat", "fold"])[STANDARDISED_ERROR].mean()
    return means


def _optimism(
    record: Mapping[str, Any],
    trials: pd.DataFrame,
    outer: pd.Series | None,
    ratio: float,
    resampling: Resampling,
) -> PairedTest | None:
    """Return the winner's inner score less its outer one, over the folds that trials used.

    None where the two are not the same number.
    """
    if outer is None:
        return None
    main = record["studies"][0]
    is_winner = (trials["study"] == main["name"]) & (trials["number"] == main["winner_number"])
    inner = _fold_means(json.loads(trials.loc[is_winner, "scores"].iloc[0]))
    pairs = (inner - outer.reindex(inner.index)).dropna().to_numpy(np.float64)
    return corrected_resampled_t(pairs, ratio, resampling.confidence) if len(pairs) else None


def _fold_means(scores: list[dict[str, Any]]) -> pd.Series:
    if not scores:
        return pd.Series(dtype=np.float64)
    means: pd.Series = pd.DataFrame(scores).groupby(["repeat", "fold"])["score"].mean()
    return means


def _notes(
    record: Mapping[str, Any],
    objective: str,
    metric: str,
    folds: pd.DataFrame,
    optimism: PairedTest | None,
) -> tuple[str, ...]:
    notes = []
    if any(study["was_interrupted"] for study in record["studies"]):
        notes.append(
            "The search was ended by its timeout: the same command goes on with the trials that "
            "are left."
        )
    if optimism is None:
        notes.append(
            "The optimism of the inner score is undefined: trials were scored by the loss, which "
            "predictions do not tell."
        )
    if metric_name(objective) == "loss":
        notes.append(f"Trials were scored by the loss, outer folds by {metric}.")
    if len(folds) == 1:
        notes.append("There is one outer fold: how much folds differ is unknown.")
    if NESTED in folds and folds[NESTED].isna().any():
        notes.append("The nested search covers some of the outer folds only.")
    if record.get("nested") and NESTED not in folds:
        notes.append(
            "The timeout left no time to search within the outer folds (nested): the same command "
            "does that."
        )
    return tuple(notes)


def _entry(estimate: Estimate) -> dict[str, Any]:
    limits = {name: json_number(getattr(estimate, name)) for name in ("value", "low", "high")}
    return {**limits, "method": estimate.method}


def _test_entry(found: PairedTest | None, method: str) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value": json_number(found.difference),
        "low": json_number(found.low),
        "high": json_number(found.high),
        "p_value": json_number(found.p_value),
        "num_pairs": found.num_pairs,
        "method": method if np.isfinite(found.low) else "none",
    }


def mean_and_spread(values: Array) -> tuple[float, float | None]:
    """Return mean and standard deviation over folds; of one fold, no deviation."""
    known = values[np.isfinite(values)]
    return float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else None
