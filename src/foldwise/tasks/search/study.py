"""Studies as queues: who makes one plans its trials, all others join."""

import contextlib
import logging
import re
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from foldwise.atomic import one_at_a_time
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.lost_trials import enqueue_again, lost_places, requeue
from foldwise.tasks.search.plan import Plan, draw_plan
from foldwise.tasks.search.pruners import build_pruner
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.samplers import build_sampler
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.storage import open_storage, presence_folder
from foldwise.tasks.search.study_facts import changes, is_continuable, study_facts
from foldwise.tasks.search.trial import SearchError, StudySpec
from foldwise.tasks.search.trial_attributes import EARLY, PLAN, PLANNED, SURPLUS, holders

_LOG = logging.getLogger(__name__)
FACTS = "facts"  # user attribute of a study, what it is of: see `study_facts`
_RESTART = "_restart_"
_WAIT_SECONDS = 30.0  # for another machine to plan what it has created
_POLL_SECONDS = 0.2


def open_study(spec: StudySpec, space: Space, config: SearchConfig, folder: Path) -> optuna.Study:
    """Make a study and enqueue its trials, or join the one that is there.

    Exactly one process creates it. Others wait until its plan is complete, and complete it where
    its creator has died or more trials are wanted now; with fewer, those that wait are withdrawn.

    Args:
        spec: The study.
        space: What is suggested.
        config: The search; `on_change` says what is done where the study is of something else.
        folder: The workspace of the search on this machine.

    Raises:
        SearchError: The storage cannot be reached, the study is of something else, or the space
            has no grid.
    """
    _require_comparable(config)
    pruner = build_pruner(config, spec.num_parts, spec.max_epochs)
    plan = draw_plan(config, space)
    facts = study_facts(spec, space, config)
    storage = open_storage(config.storage, folder, on_stale=requeue)
    with one_at_a_time(folder), quiet_optuna():
        study = _settled(
            _opened(storage, _newest_name(storage, spec.name), spec),
            spec,
            facts,
            config,
            space.search,
        )
        _complete(study, plan, config)
    study.sampler, study.pruner = build_sampler(config, 0, 0), pruner
    return study


def num_planned(study: optuna.Study) -> int:
    """Return how many trials the study has in all."""
    return int(study.user_attrs[PLANNED])


def num_waiting(study: optuna.Study) -> int:
    """Return how many trials nobody has begun."""
    return _count(study, TrialState.WAITING)


def num_running(study: optuna.Study) -> int:
    """Return how many trials have begun and not ended, those of the dead included."""
    return _count(study, TrialState.RUNNING)


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that have ended, in order: one per place in the plan."""
    found = holders(study.get_trials(deepcopy=False)).values()
    return sorted((t for t in found if t.state.is_finished()), key=lambda trial: trial.number)


def comparable_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the completed trials that can win: early ones were given less.

    Their scores are of fewer epochs or samples. They are there to show where to look, and a
    sampler that learns does learn from them.
    """
    return [
        trial
        for trial in finished_trials(study)
        if trial.state == TrialState.COMPLETE and not trial.user_attrs.get(EARLY)
    ]


def num_failures_in_a_row(study: optuna.Study, known: frozenset[int] = frozenset()) -> int:
    """Return how many trials have failed since the last one that did not, over all workers.

    Args:
        study: The study.
        known: Numbers of trials that do not count: those that had ended before this start.
    """
    ended = [trial for trial in finished_trials(study) if trial.number not in known]
    ended.sort(key=lambda trial: trial.datetime_complete or datetime.min)
    count = 0
    for trial in reversed(ended):
        if trial.state != TrialState.FAIL:
            break
        count += 1
    return count


def _count(study: optuna.Study, state: TrialState) -> int:
    return len(study.get_trials(deepcopy=False, states=(state,)))


def _require_comparable(config: SearchConfig) -> None:
    if config.early.trials >= config.n_trials:
        raise SearchError(
            f"early.trials is {config.early.trials} of {config.n_trials} trials (n_trials), and "
            "those cannot win, because they are given less. Allowed: fewer than n_trials."
        )


def _newest_name(storage: BaseStorage, name: str) -> str:
    """Return the name of the last study that was begun under a name."""
    pattern = re.compile(rf"{re.escape(name)}(?:{_RESTART}(\d+))?")
    matches = (pattern.fullmatch(known) for known in optuna.get_all_study_names(storage))
    numbers = [int(match[1] or 1) for match in matches if match]
    return f"{name}{_RESTART}{max(numbers)}" if max(numbers, default=1) > 1 else name


def _opened(storage: BaseStorage, name: str, spec: StudySpec) -> optuna.Study:
    """Create a study or load it; wait while another machine plans what it has just created."""
    if name not in optuna.get_all_study_names(storage):
        with contextlib.suppress(DuplicatedStudyError):
            return optuna.create_study(
                storage=storage, study_name=name, directions=list(spec.directions)
            )
    study = optuna.load_study(storage=storage, study_name=name)
    if presence_folder(storage) is None:  # else the lock on the folder has made it wait
        _wait_for_plan(study)
    return study


def _wait_for_plan(study: optuna.Study) -> None:
    """Wait until a study is planned, or until its plan has not grown for a while."""
    num_trials, end = -1, 0.0
    while PLANNED not in study.user_attrs:
        if len(study.get_trials(deepcopy=False)) > num_trials:
            num_trials = len(study.get_trials(deepcopy=False))
            end = time.monotonic() + _WAIT_SECONDS
        if time.monotonic() > end:
            return
        time.sleep(_POLL_SECONDS)


def _settled(
    study: optuna.Study,
    spec: StudySpec,
    facts: Mapping[str, Any],
    config: SearchConfig,
    search: str,
) -> optuna.Study:
    """Return the study if it is of what is searched now, or what `on_change` puts in its place."""
    known = study.user_attrs.get(FACTS)
    if known is None:  # new, or its creator has died before it said so
        study.set_user_attr(FACTS, facts)
        return study
    changed = changes(known, facts)
    if not changed:
        return study
    told = "\n".join(f"  {line}" for line in changed)
    if config.on_change == "restart":
        return _settled(_restarted(study, spec, told), spec, facts, config, search)
    can_go_on = is_continuable(known, facts)
    if config.on_change == "error" or not can_go_on:
        raise SearchError(_told_changed(study, told, search, can_go_on=can_go_on))
    _LOG.warning(
        "The study %s goes on, although its earlier trials are of something else, so that their "
        "scores may not be comparable:\n%s",
        study.study_name,
        told,
    )
    _withdraw(study, 0)  # what is still to be tried is drawn anew
    study.set_user_attr(FACTS, facts)
    return study


def _restarted(study: optuna.Study, spec: StudySpec, told: str) -> optuna.Study:
    number = study.study_name.removeprefix(spec.name).removeprefix(_RESTART)
    name = f"{spec.name}{_RESTART}{int(number or 1) + 1}"
    _LOG.warning(
        "The study %s is of something else and is kept; a new one begins, %s. What has "
        "changed:\n%s",
        study.study_name,
        name,
        told,
    )
    return _opened(study._storage, name, spec)


def _told_changed(study: optuna.Study, told: str, search: str, *, can_go_on: bool) -> str:
    go_on = f"{search}.on_change=continue, which goes on all the same, " if can_go_on else ""
    return (
        f"The study {study.study_name} is there already, and something has changed since:\n"
        f"{told}\n"
        f"Allowed: what it was before, {go_on}or {search}.on_change=restart, which begins a new "
        "study and keeps this one."
    )


def _complete(study: optuna.Study, plan: Plan, config: SearchConfig) -> None:
    """Enqueue the trials of all places that no trial holds; withdraw those beyond the plan."""
    is_new = study.user_attrs.get(PLANNED) != len(plan.points)
    if is_new:
        _tell_size(study, plan)
    trials = study.get_trials(deepcopy=False)
    held, lost = holders(trials), lost_places(trials)
    for place, point in enumerate(plan.points):
        is_early = place < config.early.trials
        if place in lost:
            enqueue_again(study, lost[place], params=point or None, is_early=is_early)
        elif place not in held:
            attributes = {PLAN: place, **({EARLY: True} if is_early else {})}
            study.enqueue_trial(point, user_attrs=attributes)
    if is_new:
        _withdraw(study, len(plan.points))
        study.set_user_attr(PLANNED, len(plan.points))


def _withdraw(study: optuna.Study, first: int) -> None:
    """Take waiting trials out of the queue, from a place in the plan on."""
    storage = study._storage
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if trial.user_attrs.get(PLAN, first) < first:
            continue
        with contextlib.suppress(UpdateFinishedTrialError):
            if storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
                storage.set_trial_user_attr(trial._trial_id, SURPLUS, True)
                storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def _tell_size(study: optuna.Study, plan: Plan) -> None:
    name, size, tried = study.study_name, plan.grid_size, len(plan.points)
    if plan.is_capped:
        told = "The grid of %s has %d points, of which n_trials=%d are tried, drawn by the seed."
        _LOG.warning(told, name, size, tried)
    elif size is not None:
        _LOG.info("The grid of %s has %d points.", name, size)
