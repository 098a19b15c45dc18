"""Four processes work on one study, and one of them is killed."""

import functools
import multiprocessing
import os
import signal
import time
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path

import fake_scorers
import optuna
import pytest
from optuna.trial import TrialState
from postgres_server import PASSWORD, running_postgres
from study_cases import EndsTheDatabase, a_config, a_study, score

from foldwise.tasks.search import study as study_module
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.lost_trials import requeue_lost
from foldwise.tasks.search.quiet import experiments_expected, quiet_optuna
from foldwise.tasks.search.run_search import run_studies
from foldwise.tasks.search.storage import open_storage
from foldwise.tasks.search.study import finished_trials, num_running, num_waiting
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.search.trial_attributes import LOSSES, PLAN, is_lost, is_surplus
from foldwise.tasks.search.worker import Setup

_NUM_TRIALS = 40
_LATEST_S = 60.0


def test_a_killed_worker_of_a_journal_loses_no_trial(tmp_path):
    _kill_one_of_four(a_config(n_trials=_NUM_TRIALS), tmp_path)


@pytest.mark.slow
def test_a_killed_worker_of_sqlite_loses_no_trial(tmp_path):
    open_storage("sqlite", tmp_path / "warm")  # what a process imports for it, before it is forked
    _kill_one_of_four(a_config(n_trials=_NUM_TRIALS, storage="sqlite"), tmp_path)


@pytest.mark.slow
def test_a_killed_worker_of_postgresql_loses_no_trial(tmp_path, monkeypatch):
    quick = functools.partial(open_storage, heartbeat_seconds=1)
    monkeypatch.setattr(study_module, "open_storage", quick)
    with running_postgres() as url:
        _kill_one_of_four(a_config(n_trials=_NUM_TRIALS, storage=url), tmp_path, own_folders=True)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_database_that_goes_away_is_told(tmp_path, workers):
    with running_postgres() as url:
        (tmp_path / "url").write_text(url)
        searched = fake_scorers.config(storage=url, workers=workers)
        setup = Setup(fake_scorers.problem(tmp_path), searched, tmp_path, EndsTheDatabase)
        with pytest.raises(SearchError, match="cannot be reached any more") as caught:
            run_studies([fake_scorers.spec()], setup)
    assert "Start the database, then the search." in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert "cret" not in str(caught.value)


def _kill_one_of_four(config: SearchConfig, folder: Path, *, own_folders: bool = False) -> None:
    """Check that each place of the plan is run to its end once, and the killed one again."""
    fork = multiprocessing.get_context("fork")  # the others import everything anew, for seconds
    log, all_there = folder / "log", fork.Barrier(4)
    folders = [folder / str(i) if own_folders else folder for i in range(4)]  # as on machines
    for each in folders:
        each.mkdir(exist_ok=True)
    workers = [
        fork.Process(target=_work, args=(i, config, folders[i], log, all_there)) for i in range(4)
    ]
    for worker in workers:
        worker.start()
    _wait_for(log, "hangs 0")
    os.kill(workers[0].pid, signal.SIGKILL)
    for worker in workers:
        worker.join(_LATEST_S)
    assert [worker.exitcode for worker in workers] == [-signal.SIGKILL, 0, 0, 0]

    study = a_study(folders[1], config)
    trials = study.get_trials(deepcopy=False)
    told = Counter(log.read_text().splitlines())
    (lost,) = (trial for trial in trials if is_lost(trial))
    (again,) = (trial for trial in trials if trial.user_attrs.get(LOSSES))
    place = lost.user_attrs[PLAN]
    assert again.user_attrs[PLAN] == place
    assert again.params == lost.params
    assert [trial.state for trial in finished_trials(study)] == [TrialState.COMPLETE] * _NUM_TRIALS
    assert {t.user_attrs[PLAN] for t in finished_trials(study)} == set(range(_NUM_TRIALS))
    assert [told[f"ended {i}"] for i in range(_NUM_TRIALS)] == [1] * _NUM_TRIALS
    assert [told[f"begun {i}"] for i in range(_NUM_TRIALS)] == [
        1 + (i == place) for i in range(_NUM_TRIALS)
    ]
    assert sum(bool(told[f"worker {i}"]) for i in range(4)) > 2
    assert num_waiting(study) == num_running(study) == 0
    counted = [trial for trial in trials if not is_surplus(trial)]
    assert len(counted) == _NUM_TRIALS + 1


def _work(number: int, config: SearchConfig, folder: Path, log: Path, all_there: Barrier) -> None:
    study = a_study(folder, config)  # one of the four makes it
    all_there.wait(_LATEST_S)

    def objective(trial: optuna.Trial) -> float:
        value = score(trial, config)
        place = trial.user_attrs[PLAN]
        _tell(log, f"begun {place}\nworker {number}\n")
        if number == 0 and trial.number > 4:
            _tell(log, "hangs 0\n")
            time.sleep(_LATEST_S)
        time.sleep(0.02)
        _tell(log, f"ended {place}\n")
        return value

    with quiet_optuna(), experiments_expected():
        while num_waiting(study) or num_running(study):
            if num_waiting(study):
                study.optimize(objective, n_trials=1, catch=(Exception,))
            elif not requeue_lost(study):
                time.sleep(0.05)


def _tell(log: Path, text: str) -> None:
    with log.open("a") as file:  # one write, which the system appends as a whole
        file.write(text)


def _wait_for(log: Path, line: str) -> None:
    end = time.monotonic() + _LATEST_S
    while not (log.exists() and line in log.read_text().splitlines()):
        assert time.monotonic() < end, "no worker has come so far"
        time.sleep(0.01)
