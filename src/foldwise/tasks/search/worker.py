"""Runs the trials of a study until none is waiting: in this process, or in one of several."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Never

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from foldwise.errors import UserError
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.objective import Objective
from foldwise.tasks.search.quiet import experiments_expected, quiet_optuna
from foldwise.tasks.search.samplers import build_sampler
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.storage import losing_it_told
from foldwise.tasks.search.study import num_waiting, open_study
from foldwise.tasks.search.trial import Problem, Scorer, StudySpec, TrialRecord
from foldwise.tasks.search.trial_attributes import is_surplus
from foldwise.tasks.search.trial_record import record_of

OpenScorer = Callable[[Problem, StudySpec], Scorer]
_BEGUN = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Setup:
    """What every worker of a search needs; it is handed over once."""

    problem: Problem
    config: SearchConfig
    folder: Path  # where the storage is, unless it is a database elsewhere
    open_scorer: OpenScorer
    modules: tuple[str, ...] = ()  # that trials need; importing them may take ten seconds


@dataclass(frozen=True)
class Order:
    """A study whose trials are to be run."""

    spec: StudySpec
    deadline: float | None  # no trial begins after it; of the monotonic clock, which all share


@dataclass(frozen=True)
class Idle:
    """No trial is waiting any more, or the deadline has passed."""


@dataclass(frozen=True)
class Broken:
    """A worker cannot go on; this is not about a single trial."""

    message: str
    is_of_user: bool  # a `UserError`


class Worker:
    """Runs trials one after another; data are loaded once for each study."""

    def __init__(
        self, setup: Setup, number: int, studies: Mapping[str, optuna.Study] | None = None
    ) -> None:
        """Take the number of the worker, which its sampler is seeded by, and what is open here."""
        self._setup, self._number, self._studies = setup, number, studies or {}
        self._space = Space(setup.config.space, setup.problem.base)

    @property
    def storage(self) -> str:
        """Where the trials are kept."""
        return self._setup.config.storage

    def trials(self, order: Order) -> Iterator[TrialRecord]:
        """Yield each trial that this worker has run, when it has ended."""
        setup, spec = self._setup, order.spec
        with quiet_optuna(), experiments_expected():
            study = self._studies.get(spec.name)
            if study is None:
                study = open_study(spec, self._space, setup.config, setup.folder)
            scorer = setup.open_scorer(setup.problem, spec)
            objective = Objective(spec, self._space, setup.config, scorer)
            while num_waiting(study) and not is_over(order.deadline):
                record = self._run_trial(study, objective)
                if record is not None:
                    yield record

    def _run_trial(self, study: optuna.Study, objective: Objective) -> TrialRecord | None:
        # Those that run, too: the worker of this number on another machine draws differently.
        num_begun = len(study.get_trials(deepcopy=False, states=_BEGUN))
        study.sampler = build_sampler(self._setup.config, self._number, num_begun)
        begun: list[int] = []
        ended: list[FrozenTrial] = []

        def run(trial: optuna.Trial) -> float | tuple[float, ...]:
            begun.append(trial.number)
            return objective(trial)

        try:
            study.optimize(
                run,
                n_trials=1,
                catch=(Exception,),
                callbacks=[lambda _, trial: ended.append(trial)],
            )
        except (ValueError, UpdateFinishedTrialError):
            # Others have told it lost, and try it again: this machine slept, or was cut off.
            if begun and study.get_trials(deepcopy=False)[begun[0]].state == TrialState.FAIL:
                return None
            raise
        trial = ended[0]
        if is_surplus(trial):
            return None
        return record_of(trial, objective.spec.name, self._space, objective.scorer.finished)


def is_over(deadline: float | None) -> bool:
    """Tell whether a moment of the monotonic clock has passed; None never does."""
    return deadline is not None and time.monotonic() >= deadline


def serve(connection: Connection, setup: Setup, number: int) -> None:
    """Take orders until there are no more, or until the process that gives them is gone."""
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):
        worker = None
        while (order := connection.recv()) is not None:
            worker = worker or Worker(setup, number)
            for answer in _answers(worker, order):
                connection.send(answer)


def _answers(worker: Worker, order: Order) -> Iterator[TrialRecord | Idle | Broken]:
    try:
        with losing_it_told(worker.storage):
            yield from worker.trials(order)
    except UserError as error:
        yield Broken(str(error), is_of_user=True)
    except Exception:  # it is raised again by who gave the order
        yield Broken(traceback.format_exc(), is_of_user=False)
    else:
        yield Idle()


def _leave(signum: int, _: FrameType | None) -> Never:
    # An exception, not an end on the spot: what holds a lock on the storage gives it back.
    raise SystemExit(128 + signum)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
