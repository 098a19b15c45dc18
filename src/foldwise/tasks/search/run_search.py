"""Run the trials of all studies of a search."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Never

import optuna

from foldwise.tasks.events import (
    Observer,
    SearchFinished,
    SearchNotice,
    StudyFinished,
    StudyStarted,
    TrialFinished,
    ignore,
)
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.lost_trials import requeue_lost
from foldwise.tasks.search.num_workers import choose_num_workers
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.score_trial import open_scorer, studies_of
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.storage import losing_it_told
from foldwise.tasks.search.study import (
    finished_trials,
    num_failures_in_a_row,
    num_running,
    num_waiting,
    open_study,
)
from foldwise.tasks.search.study_result import quoted_errors, study_result
from foldwise.tasks.search.trial import (
    Problem,
    SearchError,
    StudyResult,
    StudySpec,
    TrialRecord,
)
from foldwise.tasks.search.trial_record import record_of
from foldwise.tasks.search.worker import Order, Setup, Worker, is_over
from foldwise.tasks.search.worker_pool import WorkerLost, WorkerPool

_POLL_S = 1.0  # while trials of other processes run


def run_search(
    problem: Problem, config: SearchConfig, folder: Path, observer: Observer = ignore
) -> list[StudyResult]:
    """Run all studies of a search, the main one first; go on where it was interrupted.

    A trial that fails is recorded with its error, and the search goes on. Ctrl-C ends it at once;
    finished trials are kept. Several processes that share a storage share the trials.

    Args:
        problem: What is searched.
        config: The space, and how it is searched.
        folder: Where the journal is, unless the storage is a database elsewhere.
        observer: Is told of what happens.

    Returns:
        The results; where the timeout came first, of the studies that have a winner by then.

    Raises:
        SearchError: It cannot begin; a study is of something else; too many trials have failed
            in a row; no trial of a study was completed; workers died again and again.
    """
    kind = "gan" if problem.family == "gan" else "network"
    modules = (f"foldwise.tasks.search.{kind}_trial",)
    setup = Setup(problem, config, folder, open_scorer, modules)
    return run_studies(studies_of(problem, config), setup, observer)


def run_studies(
    specs: Sequence[StudySpec], setup: Setup, observer: Observer = ignore
) -> list[StudyResult]:
    """Run studies one after another; see `run_search`."""
    with losing_it_told(setup.config.storage):
        return _run_studies(specs, setup, observer)


def _run_studies(
    specs: Sequence[StudySpec], setup: Setup, observer: Observer
) -> list[StudyResult]:
    config = setup.config
    space = Space(config.space, setup.problem.base)
    end = None if config.timeout is None else time.monotonic() + config.timeout
    with quiet_optuna():
        # All before any runs: what is refused is refused at once, and others can join all.
        studies = [open_study(spec, space, config, setup.folder) for spec in specs]
        for study in studies:
            requeue_lost(study)
        waiting = max(num_waiting(study) for study in studies)
        num_workers = choose_num_workers(setup.problem, config, waiting)
        try:
            by_name = {spec.name: study for spec, study in zip(specs, studies, strict=True)}
            with _terminable(), _workers(setup, by_name, num_workers) as workers:
                runs = [
                    _StudyRun(study, Order(spec, end), space, workers, num_workers, observer)
                    for study, spec in zip(studies, specs, strict=True)
                ]
                return _results(runs, config)
        except BaseException:
            for study in studies:
                requeue_lost(study)  # what our workers were at, for others to take at once
            raise
        finally:
            observer(SearchFinished())


class _InProcess:
    """Runs trials in this process, with the interface of a pool."""

    def __init__(self, setup: Setup, studies: Mapping[str, optuna.Study]) -> None:
        self._worker = Worker(setup, 0, studies)

    def trials(self, order: Order, _: int) -> Iterator[TrialRecord | WorkerLost]:
        return self._worker.trials(order)


class _StudyRun:
    """One study: its trials by the workers, until none is left on any machine."""

    def __init__(
        self,
        study: optuna.Study,
        order: Order,
        space: Space,
        workers: "_InProcess | WorkerPool",
        num_workers: int,
        observer: Observer,
    ) -> None:
        self.study, self.spec, self.space = study, order.spec, space
        self.deadline = order.deadline
        self._order, self._workers, self._observer = order, workers, observer
        self._num_workers = num_workers
        self._known: frozenset[int] = frozenset()  # numbers of trials that had ended before

    def run(self, config: SearchConfig) -> StudyResult:
        """Run what waits, wait for what others run, and return what has come of it."""
        self._start(config)
        told = 0
        while not is_over(self._order.deadline):
            self._run_waiting(config)
            requeue_lost(self.study)
            if num_waiting(self.study):
                continue
            running = num_running(self.study)
            if not running:
                break
            if running != told:
                trials = "1 trial" if running == 1 else f"{running} trials"
                self._say(f"Waiting for {trials} of {self.spec.name} at work elsewhere.")
                told = running
            time.sleep(_POLL_S)
        is_open = num_waiting(self.study) + num_running(self.study) > 0
        result = study_result(self.study, self.spec, self.space, was_interrupted=is_open)
        self._observer(StudyFinished(result))
        return result

    def _start(self, config: SearchConfig) -> None:
        finished = self._finished()
        self._known = frozenset(record.number for record in finished)
        total = len(finished) + num_waiting(self.study) + num_running(self.study)
        self._observer(StudyStarted(self.spec, config.sampler, total, finished, self._num_workers))

    def _run_waiting(self, config: SearchConfig) -> None:
        waiting = num_waiting(self.study)
        if not waiting:
            return
        for happened in self._workers.trials(self._order, waiting):
            if isinstance(happened, WorkerLost):
                requeue_lost(self.study)
                self._say(_told_loss(happened))
            else:
                self._take(happened, config.max_failures)

    def _take(self, record: TrialRecord, max_failures: int) -> None:
        self._observer(TrialFinished(record, self._num_done(record.number)))
        if record.state != "failed":
            return
        number = num_failures_in_a_row(self.study, self._known)
        if number >= max_failures:
            failed = self._finished()
            raise SearchError(
                f"{number} trials in a row have failed, and the search ends "
                f"(max_failures={max_failures}). The last errors:{quoted_errors(failed)}"
            )

    def _num_done(self, number: int) -> int:
        """Return how many trials had ended when this one did, on all machines."""
        ended = {trial.number: trial.datetime_complete for trial in finished_trials(self.study)}
        latest = ended.get(number)
        return sum(time <= latest for time in ended.values() if time and latest)

    def _finished(self) -> tuple[TrialRecord, ...]:
        name, trials = self.spec.name, finished_trials(self.study)
        return tuple(record_of(trial, name, self.space) for trial in trials)

    def _say(self, message: str) -> None:
        self._observer(SearchNotice(message))


def _results(runs: Sequence[_StudyRun], config: SearchConfig) -> list[StudyResult]:
    results: list[StudyResult] = []
    for run in runs:
        try:
            results.append(run.run(config))
        except SearchError:
            # A nested study that the timeout left no time for is left out.
            is_cut_off = is_over(run.deadline) and run.spec.nested
            if not is_cut_off:
                raise
    return results


def _told_loss(lost: WorkerLost) -> str:
    was_killed = lost.exit_code == -signal.SIGKILL
    how = f"exit code {lost.exit_code}" + (" (killed: want of memory?)" if was_killed else "")
    return f"A worker process of the search has ended with {how}. Its trial is tried again."


def _workers(
    setup: Setup, studies: Mapping[str, optuna.Study], number: int
) -> contextlib.AbstractContextManager["_InProcess | WorkerPool"]:
    if number == 1:
        return contextlib.nullcontext(_InProcess(setup, studies))
    return WorkerPool(setup, number)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM be an exit that ends workers too, where nobody else deals with it."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(signum: int, _: FrameType | None) -> Never:
    raise SystemExit(128 + signum)
