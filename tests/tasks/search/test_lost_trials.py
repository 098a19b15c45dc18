"""Trials whose process has died, or was asked to end."""

import contextlib
import multiprocessing
import os
import signal

import optuna
import pytest
from fake_scorers import FakeScorer, config, problem, spec
from optuna.trial import TrialState
from study_cases import a_config, a_study, run_waiting, score

from foldwise.tasks.search import lost_trials, objective
from foldwise.tasks.search.claim import MAX_LOSSES, claim
from foldwise.tasks.search.lost_trials import requeue_lost
from foldwise.tasks.search.presence import present
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.study import finished_trials, num_running, num_waiting, open_study
from foldwise.tasks.search.trial import SurplusTrialError
from foldwise.tasks.search.trial_attributes import (
    ERROR,
    INTERRUPTED,
    LOSSES,
    PLAN,
    is_lost,
    is_surplus,
)
from foldwise.tasks.search.worker import Order, Setup, Worker

_FORK = multiprocessing.get_context("fork")  # the others import everything anew, for seconds


def test_the_trial_of_a_dead_process_is_tried_again_with_the_same_parameters(tmp_path):
    study = a_study(tmp_path, a_config())
    _die_over_a_trial(tmp_path, a_config())
    (lost,) = study.get_trials(states=(TrialState.RUNNING,))

    assert requeue_lost(study) == 1
    assert requeue_lost(study) == 0

    assert num_waiting(study) == 6
    run_waiting(study, a_config())
    done = {trial.user_attrs[PLAN]: trial.params for trial in finished_trials(study)}
    assert sorted(done) == list(range(6))
    assert done[lost.user_attrs[PLAN]] == lost.params


def test_what_a_living_process_runs_is_not_lost(tmp_path):
    study = a_study(tmp_path, a_config())
    trial = study.ask()
    claim(trial)
    assert requeue_lost(a_study(tmp_path, a_config())) == 0
    assert num_running(study) == 1


def test_a_trial_that_kills_its_process_again_and_again_is_told_failed(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=1))
    for _ in range(MAX_LOSSES):
        _die_over_a_trial(tmp_path, a_config(n_trials=1))
        assert requeue_lost(study) == 1
    run_waiting(study, a_config(n_trials=1))

    (failed,) = finished_trials(study)
    assert failed.state == TrialState.FAIL
    assert "has died 3 times" in failed.user_attrs[ERROR]
    assert requeue_lost(study) == num_waiting(study) == 0


def test_a_process_that_was_asked_to_end_is_not_held_against_the_trial(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=1))
    _die_over_a_trial(tmp_path, a_config(n_trials=1), {INTERRUPTED: True})
    requeue_lost(study)
    (again,) = study.get_trials(states=(TrialState.WAITING,))
    assert again.user_attrs[LOSSES] == 0


def test_a_trial_that_ctrl_c_has_ended_is_tried_again_when_all_else_is_done(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=2))

    def interrupted(trial):
        claim(trial)
        raise KeyboardInterrupt

    with quiet_optuna(), pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_trials=1)
    assert requeue_lost(study) == 0  # another trial waits
    run_waiting(study, a_config(n_trials=2))
    assert requeue_lost(study) == 1
    run_waiting(study, a_config(n_trials=2))
    assert {trial.user_attrs[PLAN] for trial in finished_trials(study)} == {0, 1}
    assert [is_lost(trial) for trial in study.trials] == [True, False, False]


def test_a_trial_that_is_not_planned_any_more_is_not_tried_again(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=2))
    for _ in range(2):
        study.tell(study.ask(), state=TrialState.FAIL)  # as Ctrl-C leaves them
    fewer = a_study(tmp_path, a_config(n_trials=1))
    run_waiting(fewer, a_config(n_trials=1))
    assert requeue_lost(fewer) == 0
    assert [trial.user_attrs[PLAN] for trial in finished_trials(fewer)] == [0]


def test_a_process_that_died_before_it_said_who_it_is_loses_its_trial_too(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=1))
    study.ask()  # begun, but not claimed; nobody else is there
    assert requeue_lost(study) == 1


def test_a_trial_of_nobody_is_left_to_a_living_process_for_a_minute(tmp_path, monkeypatch):
    study = a_study(tmp_path, a_config(n_trials=2))
    study.ask()
    with _another_process_present(tmp_path):
        assert requeue_lost(study) == requeue_lost(study) == 0
        monkeypatch.setattr(lost_trials, "_UNCLAIMED_SECONDS", 0.0)
        assert requeue_lost(study) == 1


def test_a_place_that_two_have_filled_is_run_once(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=2))
    (first, _) = study.get_trials()
    study.enqueue_trial(first.system_attrs["fixed_params"], user_attrs={PLAN: 0})
    run_waiting(study, a_config(n_trials=2))
    assert [trial.number for trial in finished_trials(study)] == [0, 1]
    assert is_surplus(study.trials[2])


def test_a_trial_that_nobody_planned_is_surplus(tmp_path):
    study = a_study(tmp_path, a_config(n_trials=1))
    run_waiting(study, a_config(n_trials=1))
    unplanned = study.ask()
    with pytest.raises(SurplusTrialError):
        claim(unplanned)
    study.tell(unplanned, state=TrialState.FAIL)
    assert len(finished_trials(study)) == 1


def test_a_worker_goes_on_after_a_trial_that_others_took_for_lost(tmp_path):
    searched, what = config(n_trials=3), spec()
    space = Space(searched.space, problem().base)
    others = open_study(what, space, searched, tmp_path)

    class SleepsOnce(FakeScorer):
        has_slept = False

        def act(self, rate):
            if not SleepsOnce.has_slept:
                SleepsOnce.has_slept = True
                (running,) = others.get_trials(states=(TrialState.RUNNING,))
                others._storage.set_trial_state_values(running._trial_id, TrialState.FAIL)
                lost_trials.requeue(others, running)

    worker = Worker(Setup(problem(), searched, tmp_path, SleepsOnce), 0)
    records = list(worker.trials(Order(what, None)))
    assert [record.state for record in records] == ["complete"] * 3
    assert len(finished_trials(others)) == 3


def test_the_first_workers_of_two_machines_draw_different_values(tmp_path):
    searched, what = config(n_trials=2, sampler="tpe"), spec()
    of_other = []

    class BesideAnother(FakeScorer):
        def act(self, rate):
            if not of_other:
                of_other.append(None)
                another = Worker(Setup(problem(), searched, tmp_path, FakeScorer), 0)
                of_other[:] = another.trials(Order(what, None))

    worker = Worker(Setup(problem(), searched, tmp_path, BesideAnother), 0)
    (mine,) = worker.trials(Order(what, None))
    assert mine.params != of_other[0].params


def test_a_trial_that_cannot_be_claimed_fails_and_is_not_tried_for_ever(tmp_path, monkeypatch):
    def refused(trial):
        raise PermissionError("workers")

    monkeypatch.setattr(objective, "claim", refused)
    searched, what = config(n_trials=2), spec()
    worker = Worker(Setup(problem(), searched, tmp_path, FakeScorer), 0)
    assert [record.state for record in worker.trials(Order(what, None))] == ["failed"] * 2
    study = open_study(what, Space(searched.space, problem().base), searched, tmp_path)
    assert (requeue_lost(study), num_waiting(study)) == (0, 0)


def _die_over_a_trial(folder, searched, attributes=None):
    """Begin a trial in a process that is killed then."""

    def die():
        study = a_study(folder, searched)

        def killed(trial: optuna.Trial) -> float:
            score(trial, searched)
            for name, value in (attributes or {}).items():
                trial.set_user_attr(name, value)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        with quiet_optuna():
            study.optimize(killed, n_trials=1)

    process = _FORK.Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@contextlib.contextmanager
def _another_process_present(folder):
    there, end = _FORK.Event(), _FORK.Event()

    def stay():
        present(folder)
        there.set()
        end.wait()

    process = _FORK.Process(target=stay)
    process.start()
    there.wait()
    try:
        yield
    finally:
        end.set()
        process.join()
