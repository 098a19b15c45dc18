"""Trials whose process has died are told failed, and their places in the plan filled again."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from foldwise.atomic import one_at_a_time
from foldwise.tasks.search.presence import is_anyone_present, is_present
from foldwise.tasks.search.quiet import experiments_expected
from foldwise.tasks.search.storage import presence_folder
from foldwise.tasks.search.trial_attributes import (
    EARLY,
    INTERRUPTED,
    LOSSES,
    LOST,
    PLAN,
    PLANNED,
    WORKER,
    holders,
    is_lost,
    is_surplus,
)

# A process that has taken a trial says at once that it is its; after so long it never will.
_UNCLAIMED_SECONDS = 60.0
_ADOPTION_SECONDS = 1.0
_SEEN = "seen_unclaimed"  # when a trial was first seen without that, in seconds since 1970


def requeue_lost(study: optuna.Study) -> int:
    """Fill the places of trials whose process has died; return how many there were.

    A journal and a file of SQLite know the dead by their locks, databases by their heartbeats
    (those are then called by `study.optimize` too). The same parameters are tried again. A trial
    that Ctrl-C has ended is filled in again when nothing else is left to do.
    """
    folder = presence_folder(study._storage)
    with contextlib.nullcontext() if folder is None else one_at_a_time(folder):
        before = _num_trials(study)
        if folder is None:
            with experiments_expected():
                fail_stale_trials(study)
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if _is_dead(study, trial, folder) and _end(study, trial):
                requeue(study, trial)
        _adopt(study, folder)
        return _num_trials(study) - before


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Enqueue a trial again whose process has died; also Optuna's callback for stale trials."""
    if not is_surplus(trial):
        was_asked = trial.user_attrs.get(INTERRUPTED, False)
        enqueue_again(study, trial, new_losses=0 if was_asked else 1)


def enqueue_again(
    study: optuna.Study,
    trial: FrozenTrial,
    *,
    new_losses: int = 0,
    params: Mapping[str, Any] | None = None,
    is_early: bool | None = None,
) -> None:
    """Enqueue a trial in the place of a lost one, by default with the same parameters.

    Args:
        study: The study.
        trial: The lost one.
        new_losses: How many more processes have died over it.
        params: Other parameters.
        is_early: Whether it is given less; None: as the lost one was.
    """
    if params is None:
        params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    known = trial.user_attrs
    attributes = {PLAN: known[PLAN]}
    if known.get(EARLY, False) if is_early is None else is_early:
        attributes[EARLY] = True
    attributes[LOSSES] = known.get(LOSSES, 0) + new_losses
    study.enqueue_trial(dict(params), user_attrs=attributes)


def _num_trials(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False))


def _is_dead(study: optuna.Study, trial: FrozenTrial, folder: Path | None) -> bool:
    worker = trial.user_attrs.get(WORKER)
    if worker is not None:  # without a folder its heartbeat tells
        return folder is not None and not is_present(folder, worker["name"])
    if folder is not None and not is_anyone_present(folder):
        return True
    seen = trial.user_attrs.get(_SEEN)
    if seen is None:
        with contextlib.suppress(UpdateFinishedTrialError):  # it has ended just now
            study._storage.set_trial_user_attr(trial._trial_id, _SEEN, time.time())
        return False
    return time.time() - float(seen) > _UNCLAIMED_SECONDS


def _end(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Tell a trial failed; False where another process has done so."""
    storage = study._storage
    try:
        storage.set_trial_user_attr(trial._trial_id, LOST, True)
        return storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return False


def _adopt(study: optuna.Study, folder: Path | None) -> None:
    """Fill the places that nobody holds when nothing else is left to do.

    Ctrl-C has ended their trials, or who found them lost has died before it filled them.
    """
    orphans = _orphans(study)
    if orphans and folder is None:
        time.sleep(_ADOPTION_SECONDS)  # another machine may be about to
        orphans = _orphans(study)
    for trial in orphans:
        enqueue_again(study, trial)


def _orphans(study: optuna.Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    if any(trial.state in (TrialState.WAITING, TrialState.RUNNING) for trial in trials):
        return []
    num_planned = study.user_attrs.get(PLANNED, len(trials))  # fewer, perhaps, than before
    return [trial for place, trial in lost_places(trials).items() if place < num_planned]


def lost_places(trials: list[FrozenTrial]) -> Mapping[int, FrozenTrial]:
    """Return the last lost trial of each place in the plan that no other trial holds."""
    held = holders(trials)
    lost = {trial.user_attrs[PLAN]: trial for trial in trials if is_lost(trial)}
    return {place: trial for place, trial in lost.items() if place not in held}
