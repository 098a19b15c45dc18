"""A study is a queue that is filled once and refused to what it is not of."""

import logging
import multiprocessing

import optuna
import pytest
from optuna.trial import TrialState
from study_cases import LR, SPEC, WIDTH, a_config, a_study, run_waiting

from foldwise.tasks.search import study as study_module
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.storage import open_storage
from foldwise.tasks.search.study import (
    FACTS,
    comparable_trials,
    finished_trials,
    num_failures_in_a_row,
    num_planned,
    num_waiting,
)
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.search.trial_attributes import EARLY, ERROR, PLAN


def test_the_plan_waits_in_order(tmp_path):
    study = a_study(tmp_path, a_config())
    assert num_planned(study) == num_waiting(study) == 6
    assert [trial.user_attrs[PLAN] for trial in study.trials] == list(range(6))


def test_many_that_open_a_study_at_once_make_one(tmp_path):
    fork = multiprocessing.get_context("fork")
    all_there = fork.Barrier(4)

    def join():
        all_there.wait()
        a_study(tmp_path, a_config())

    processes = [fork.Process(target=join) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    storage = open_storage("journal", tmp_path)
    assert optuna.get_all_study_names(storage) == [SPEC.name]
    assert num_waiting(a_study(tmp_path, a_config())) == 6


def test_a_creator_that_died_leaves_a_study_that_the_next_one_completes(tmp_path):
    whole = a_study(tmp_path / "whole", a_config())
    storage = open_storage("journal", tmp_path)
    with quiet_optuna():
        study = optuna.create_study(storage=storage, study_name=SPEC.name, directions=["maximize"])
    first = whole.trials[0].system_attrs["fixed_params"]
    study.enqueue_trial(first, user_attrs={PLAN: 0})
    joined = a_study(tmp_path, a_config())
    assert _points(joined) == _points(whole)


def test_on_a_shared_database_the_next_one_waits_for_the_creator_first(tmp_path, monkeypatch):
    config = a_config(storage=f"sqlite:///{tmp_path}/shared.db")
    with quiet_optuna():
        optuna.create_study(
            storage=open_storage(config.storage, tmp_path),
            study_name=SPEC.name,
            directions=["maximize"],
        )
    waited = []
    monkeypatch.setattr(study_module.time, "sleep", waited.append)
    monkeypatch.setattr(study_module, "_WAIT_SECONDS", 0.05)
    assert num_waiting(a_study(tmp_path, config)) == 6
    assert waited


def test_more_trials_are_added_and_fewer_are_withdrawn(tmp_path):
    run_waiting(a_study(tmp_path, a_config(n_trials=4)), a_config(n_trials=4), most=2)
    more = a_study(tmp_path, a_config(n_trials=7))
    assert (num_planned(more), num_waiting(more)) == (7, 5)
    fewer = a_study(tmp_path, a_config(n_trials=3))
    assert (num_planned(fewer), num_waiting(fewer)) == (3, 1)
    again = a_study(tmp_path, a_config(n_trials=7))
    run_waiting(again, a_config(n_trials=7))
    places = [trial.user_attrs[PLAN] for trial in finished_trials(again)]
    assert sorted(places) == list(range(7))
    whole = a_study(tmp_path / "whole", a_config(n_trials=7))
    run_waiting(whole, a_config(n_trials=7))
    by_place = {trial.user_attrs[PLAN]: trial.params for trial in finished_trials(again)}
    assert [by_place[i] for i in range(7)] == [trial.params for trial in finished_trials(whole)]


@pytest.mark.parametrize(
    ("changed", "spec", "told"),
    [
        ({}, {"fingerprint": "of others"}, "the samples, the folds, the base parameters"),
        ({}, {"folds": ((0, 0),)}, "the outer folds (repeat, fold): [[0, 0], [0, 1]], now"),
        ({"seed": 1}, {}, "the seed: 0, now 1"),
        ({"sampler": "qmc"}, {}, 'the sampler: "random", now "qmc"'),
        ({"early": {"trials": 2, "limit": 9}}, {}, "the early trials: "),
        ({"space": [LR]}, {}, "the space: train_cnn.width is not in it any more"),
        (
            {"space": [LR, {**WIDTH, "high": 5}]},
            {},
            "the space: train_cnn.width.high was 9, now 5",
        ),
        (
            {"objectives": ["latency_ms"]},
            {"objectives": ("val_f1", "latency_ms"), "directions": ("maximize", "minimize")},
            "the objectives: ",
        ),
    ],
)
def test_a_study_of_something_else_is_refused_and_left(tmp_path, changed, spec, told):
    before = a_study(tmp_path, a_config()).trials
    with pytest.raises(SearchError) as caught:
        a_study(tmp_path, a_config(**changed), **spec)
    assert told in str(caught.value)
    assert "search_cnn.on_change=restart" in str(caught.value)
    assert a_study(tmp_path, a_config()).trials == before


def test_what_values_do_not_depend_on_may_change(tmp_path):
    a_study(tmp_path, a_config())
    changed = a_config(pruner="none", timeout=3.0, workers=3, max_failures=1)
    assert num_waiting(a_study(tmp_path, changed)) == 6


def test_continue_keeps_what_was_tried_and_draws_the_rest_anew(tmp_path, caplog):
    run_waiting(a_study(tmp_path, a_config()), a_config(), most=2)
    tried = [trial.params for trial in finished_trials(a_study(tmp_path, a_config()))]
    changed = a_config(space=[LR, {**WIDTH, "high": 5}], seed=7, on_change="continue")
    with caplog.at_level(logging.WARNING):
        study = a_study(tmp_path, changed)
    assert "train_cnn.width.high was 9, now 5" in caplog.text
    run_waiting(study, changed)
    trials = finished_trials(study)
    assert [trial.params for trial in trials[:2]] == tried
    assert len(trials) == 6
    assert all(trial.params["train_cnn.width"] <= 5 for trial in trials[2:])
    caplog.clear()
    a_study(tmp_path, changed)  # it is of this now
    assert not caplog.text


def test_what_one_study_cannot_hold_is_not_continued(tmp_path):
    kind = {"path": "train_cnn.kind", "kind": "categorical", "choices": ["plain", "deep"]}
    a_study(tmp_path, a_config(space=[kind]))
    wider = a_config(space=[{**kind, "choices": ["plain", "wide"]}], on_change="continue")
    with pytest.raises(SearchError, match=r"(?s)choices was .*on_change=restart") as caught:
        a_study(tmp_path, wider)
    assert "on_change=continue" not in str(caught.value)


def test_choices_of_one_path_under_different_conditions_are_continued(tmp_path):
    kind = {"path": "train_cnn.kind", "kind": "categorical", "choices": ["plain", "deep"]}
    few, many = (
        {"path": "train_cnn.width", "kind": "categorical", "choices": choices, "when": when}
        for choices, when in (
            ([1, 2], {"train_cnn.kind": "plain"}),
            ([8, 9], {"train_cnn.kind": "deep"}),
        )
    )
    a_study(tmp_path, a_config(space=[kind, few, many]))
    changed = a_config(space=[kind, few, many], seed=1, on_change="continue")
    assert num_waiting(a_study(tmp_path, changed)) == 6


def test_what_is_early_is_said_by_the_parameters_of_now(tmp_path):
    lost = a_study(tmp_path, a_config()).ask()
    study = a_study(tmp_path, a_config())
    study.tell(lost.number, state=TrialState.FAIL)
    early = {"trials": 2, "limit": 9}
    study = a_study(tmp_path, a_config(early=early, on_change="continue"))
    waiting = study.get_trials(states=(TrialState.WAITING,))
    assert {t.user_attrs[PLAN] for t in waiting if t.user_attrs.get(EARLY)} == {0, 1}


def test_restart_begins_anew_and_keeps_the_old_study(tmp_path, caplog):
    old = a_study(tmp_path, a_config())
    run_waiting(old, a_config())
    changed = a_config(seed=1, on_change="restart")
    with caplog.at_level(logging.WARNING):
        new = a_study(tmp_path, changed)
    assert new.study_name == "digits_cnn_restart_2"
    assert "the seed: 0, now 1" in caplog.text
    assert num_waiting(new) == 6
    assert len(finished_trials(old)) == 6
    assert a_study(tmp_path, changed).study_name == new.study_name  # joined, not begun again
    newest = a_study(tmp_path, a_config(seed=2, on_change="restart"))
    assert newest.study_name == "digits_cnn_restart_3"


def test_the_size_of_a_grid_is_told_once_and_that_it_is_cut_off(tmp_path, caplog):
    widths = {"space": [WIDTH], "sampler": "grid"}
    with caplog.at_level(logging.INFO):
        a_study(tmp_path, a_config(**widths, n_trials=20))
        a_study(tmp_path, a_config(**widths, n_trials=20))
        a_study(tmp_path, a_config(**widths, n_trials=4))
    assert caplog.messages == [
        "The grid of digits_cnn has 9 points.",
        "The grid of digits_cnn has 9 points, of which n_trials=4 are tried, drawn by the seed.",
    ]


def test_the_space_can_be_read_in_the_study(tmp_path):
    facts = a_study(tmp_path, a_config()).user_attrs[FACTS]
    assert [parameter["path"] for parameter in facts["space"]] == [LR["path"], WIDTH["path"]]
    assert facts["space"][0]["low"] == 0.001


def test_early_trials_are_marked_and_cannot_win(tmp_path):
    config = a_config(early={"trials": 2, "max_epochs": 1})
    study = a_study(tmp_path, config)
    run_waiting(study, config)
    assert [bool(trial.user_attrs.get(EARLY)) for trial in finished_trials(study)] == (
        [True] * 2 + [False] * 4
    )
    assert [trial.number for trial in comparable_trials(study)] == [2, 3, 4, 5]


def test_a_search_of_early_trials_alone_is_refused(tmp_path):
    with pytest.raises(SearchError, match=r"early\.trials is 6 of 6 trials"):
        a_study(tmp_path, a_config(early={"trials": 6, "limit": 9}))


def test_failures_in_a_row_are_counted_since_the_last_success(tmp_path):
    study = a_study(tmp_path, a_config())
    for fails in (True, False, True, True):
        trial = study.ask()
        if fails:
            trial.set_user_attr(ERROR, "out of memory")
        study.tell(trial, None if fails else 1.0, state=TrialState.FAIL if fails else None)
    assert num_failures_in_a_row(study) == 2
    assert num_failures_in_a_row(study, frozenset({2})) == 1
    assert num_failures_in_a_row(study, frozenset(range(6))) == 0


def _points(study):
    points = {t.user_attrs[PLAN]: t.system_attrs["fixed_params"] for t in study.trials}
    return dict(sorted(points.items()))
