"""Who runs a trial, kept with it, so that others see when that process dies."""

import os
import platform

import optuna

from foldwise.tasks.search.presence import present
from foldwise.tasks.search.storage import presence_folder
from foldwise.tasks.search.trial import SearchError, SurplusTrialError
from foldwise.tasks.search.trial_attributes import (
    ERROR,
    LOSSES,
    PLAN,
    SURPLUS,
    WORKER,
    holders,
)

# A trial over which so many processes have died is not tried again.
MAX_LOSSES = 3


def claim(trial: optuna.Trial) -> None:
    """Begin a trial that the queue has given out, in the process that runs it.

    Raises:
        SurplusTrialError: It has no place in the plan, or another trial has that place.
        SearchError: Too many processes have died over it.
    """
    attributes = trial.user_attrs
    place = attributes.get(PLAN)
    if place is None or not _holds(trial, place):
        trial.set_user_attr(SURPLUS, True)
        raise SurplusTrialError
    losses = attributes.get(LOSSES, 0)
    if losses >= MAX_LOSSES:
        error = f"The process that ran it has died {losses} times; it is not tried again."
        trial.set_user_attr(ERROR, error)
        raise SearchError(error)
    folder = presence_folder(trial.storage)
    name = None if folder is None else present(folder)
    worker = {"name": name, "host": platform.node(), "pid": os.getpid()}
    trial.set_user_attr(WORKER, worker)


def _holds(trial: optuna.Trial, place: int) -> bool:
    holder = holders(trial.study.get_trials(deepcopy=False)).get(place)
    return holder is None or holder.number == trial.number
