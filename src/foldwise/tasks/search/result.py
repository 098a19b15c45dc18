"""What a search has come to, as a table and as JSON that pages are made from; free of Optuna."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldwise.tasks.json_number import json_number
from foldwise.tasks.search.axes import Axis, axes_of
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import StudyResult, TrialRecord

STATES = ("complete", "pruned", "failed", "lost")
_SHOWN_ERROR = 500  # characters


def trials_table(results: Sequence[StudyResult], config: SearchConfig) -> pd.DataFrame:
    """Return one row per trial of all studies, in order.

    Columns: study, number, state, one per objective (undefined where a trial failed), one per
    axis of the space under its path (empty where it does not exist), seconds, num_epochs (of all
    fits), is_early (it was given less), scores (of each part) and reported (what the pruner saw by
    step), both as JSON, and error.
    """
    axes = axes_of(config)
    rows = [_row(result, trial, axes) for result in results for trial in result.trials]
    columns = ["study", "number", "state", *results[0].spec.objectives]
    columns += [axis.path for axis in axes]
    columns += ["seconds", "num_epochs", "is_early", "scores", "reported", "error"]
    table = pd.DataFrame(rows, columns=columns)
    kinds: dict[str, Any] = {axis.path: _column_type(axis) for axis in axes}
    kinds |= {"state": str, "scores": str, "reported": str, "error": object}
    return table.astype(kinds)


def studies_record(
    family: str, results: Sequence[StudyResult], config: SearchConfig, storage: str
) -> dict[str, Any]:
    """Return what is to be told of the studies beside their trials, as JSON.

    Args:
        family: Of networks, or `gan`.
        results: The main study first.
        config: The space, and how it was searched.
        storage: Where the studies lie, without a password.
    """
    axes = axes_of(config)
    table = trials_table(results, config)
    return {
        "family": family,
        "sampler": config.sampler,
        "pruner": config.pruner,
        "seed": config.seed,
        "n_trials": config.n_trials,
        "nested": config.nested,  # asked for; a timeout may have left no time for it
        "storage": storage,
        "early": config.early.model_dump(mode="json"),
        "axes": [axis.model_dump(mode="json") for axis in axes],
        "studies": [_study(result, table, axes) for result in results],
    }


def saved_share(trials: pd.DataFrame) -> float:
    """Return the share of the epochs that pruning has saved; NaN where no trial was completed.

    A pruned trial would have run as many epochs as a completed one has on average.
    """
    trials = trials[~trials["is_early"]]
    complete = trials.loc[trials["state"] == "complete", "num_epochs"]
    pruned = trials.loc[trials["state"] == "pruned", "num_epochs"]
    if complete.empty or not complete.sum():
        return float("nan")
    planned = complete.mean() * (len(complete) + len(pruned))
    return float(max(0.0, 1 - (complete.sum() + pruned.sum()) / planned))


def distinct_values(trials: pd.DataFrame, axes: Sequence[Axis]) -> dict[str, int]:
    """Return how many different values of each axis were tried, by its path."""
    return {axis.path: int(trials[axis.path].nunique()) for axis in axes}


def best_trials(
    trials: pd.DataFrame, objectives: Sequence[str], directions: Sequence[str]
) -> pd.DataFrame:
    """Return the completed trials, best first: by the first objective, then by the others.

    Those that were given less are left out: their scores are of another kind.
    """
    complete = trials[(trials["state"] == "complete") & ~trials["is_early"]]
    rising = [direction == "minimize" for direction in directions]
    keys = [*objectives, "number"]
    return complete.sort_values(keys, ascending=[*rising, True], kind="stable")


def _row(result: StudyResult, trial: TrialRecord, axes: Sequence[Axis]) -> dict[str, Any]:
    values = trial.values or (np.nan,) * len(result.spec.objectives)
    scores = [
        {"repeat": p.repeat, "fold": p.fold, "inner": p.inner, "score": json_number(p.score)}
        for p in trial.parts
    ]
    params = {
        axis.path: axis.cell(trial.params[axis.path]) for axis in axes if axis.path in trial.params
    }
    error = trial.error
    return {
        "study": result.spec.name,
        "number": trial.number,
        "state": trial.state,
        **dict(zip(result.spec.objectives, values, strict=True)),
        **params,
        "seconds": trial.seconds,
        "num_epochs": trial.num_epochs,
        "is_early": trial.is_early,
        "scores": json.dumps(scores),
        "reported": json.dumps([[step, json_number(score)] for step, score in trial.reported]),
        "error": None if error is None else " ".join(error.split())[:_SHOWN_ERROR],
    }


def _column_type(axis: Axis) -> str:
    if axis.kind == "int" or (axis.choices and all(isinstance(c, int) for c in axis.choices)):
        return "Int64"
    if axis.kind == "float" or not any(isinstance(choice, str) for choice in axis.choices):
        return "float64"
    return "object"


def _study(result: StudyResult, table: pd.DataFrame, axes: Sequence[Axis]) -> dict[str, Any]:
    spec = result.spec
    trials = table[table["study"] == spec.name]
    counts = trials["state"].value_counts()
    return {
        "name": spec.name,
        "nested": spec.nested,
        "folds": [list(key) for key in spec.folds],
        "num_parts": spec.num_parts,
        "max_epochs": spec.max_epochs,
        "objectives": list(spec.objectives),
        "directions": list(spec.directions),
        "fingerprint": spec.fingerprint,
        "counts": {state: int(counts.get(state, 0)) for state in STATES},
        "num_epochs": int(trials["num_epochs"].sum()),
        "seconds": float(trials["seconds"].sum()),
        "saved_share": json_number(saved_share(trials)),
        "distinct_values": distinct_values(trials, axes),
        "winner_number": result.winner_number,
        "winner": dict(result.winner.values),
        "inner": dict(zip(spec.objectives, map(json_number, result.inner), strict=True)),
        "front": list(result.front),
        "was_interrupted": result.was_interrupted,
    }
