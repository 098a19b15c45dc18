import pytest
from progress_screen import Screen

from foldwise.tasks.events import (
    SearchFinished,
    SearchNotice,
    StudyFinished,
    StudyStarted,
    TrialFinished,
)
from foldwise.tasks.search.trial import Candidate, StudyResult, StudySpec, TrialRecord

SPEC = StudySpec("digits_cnn", ((0, 0),), False, 5, 10, ("maximize",), ("val_f1",), "f")


def trial(number, *values, state="complete", **more):
    more = {"seconds": 10.0, **more}
    return TrialRecord("digits_cnn", number, state, values, {}, (), **more)


@pytest.fixture
def log(monkeypatch):
    """What the display does where there is no terminal."""
    return Screen(monkeypatch, is_terminal=False)


@pytest.fixture
def terminal(monkeypatch):
    screen = Screen(monkeypatch, is_terminal=True)
    yield screen
    screen.display(SearchFinished())


def start(screen, num_trials=40, finished=(), spec=SPEC, sampler="tpe", num_workers=1):
    return screen.after(0, StudyStarted(spec, sampler, num_trials, finished, num_workers))


def test_each_trial_gets_a_line_with_the_best_so_far_and_the_time_left(log):
    assert start(log) == "Searching digits_cnn: 40 trials (tpe), of 5 fits each.\n"
    line = log.after(10, TrialFinished(trial(0, 0.9), 1))
    assert (
        line == "Trial 1 of 40: val_f1 0.9 (10.0 s); best so far val_f1 0.9 (trial 0); 6:30 left\n"
    )
    line = log.after(30, TrialFinished(trial(1, 0.8, seconds=30.0), 2))
    assert "val_f1 0.8 (30.0 s); best so far val_f1 0.9 (trial 0); 12:40 left" in line


def test_the_time_left_does_not_count_what_came_before_the_first_trial(log):
    start(log, num_trials=3)
    line = log.after(500, TrialFinished(trial(0, 0.9, seconds=10.0), 1))
    assert line.endswith("0:20 left\n")


def test_trials_of_before_and_of_other_machines_count(log):
    line = start(log, finished=(trial(0, 0.7), trial(1, 0.95)), num_workers=2)
    assert "40 trials (tpe), 2 of them done before, of 5 fits each, 2 side by side." in line
    # Others have ended two more in the meantime.
    line = log.after(30, TrialFinished(trial(4, 0.5, seconds=30.0), 5))
    assert line.startswith("Trial 5 of 40: ")
    assert "best so far val_f1 0.95 (trial 1); 5:50 left" in line


def test_what_is_to_be_small_is_best_where_it_is_smallest(log):
    spec = StudySpec(
        "d", ((0, 0),), False, 1, 3, ("minimize", "minimize"), ("val_mae", "latency_ms"), "f"
    )
    start(log, spec=spec)
    log.after(1, TrialFinished(trial(0, 0.5, 2.0), 1))
    line = log.after(1, TrialFinished(trial(1, 0.7, 1.0), 2))
    assert "best so far val_mae 0.5, latency_ms 2 (trial 0)" in line


def test_pruned_failed_and_early_trials_are_told_as_such(log):
    start(log)
    line = log.after(1, TrialFinished(trial(0, state="pruned", num_epochs=7), 1))
    assert line.startswith("Trial 1 of 40: pruned after 7 epochs; ")
    line = log.after(1, TrialFinished(trial(1, state="failed", error="[red]no[/red]"), 2))
    assert line.startswith("Trial 2 of 40: failed: [red]no[/red]; ")
    line = log.after(1, TrialFinished(trial(2, 0.99, is_early=True), 3))
    assert "with less than a whole fit" in line
    assert "best so far" not in line


def test_a_terminal_redraws_one_line_and_prints_failures_only(terminal):
    assert "Trial 0 of 40" in start(terminal)
    line = terminal.after(10, TrialFinished(trial(0, 0.9), 1))
    assert "Trial 1 of 40" in line
    assert "best so far val_f1 0.9 (trial 0), 6:30 left" in line
    assert "\n" not in line.rstrip("\r\n")
    line = terminal.after(10, TrialFinished(trial(1, state="failed", error="it is broken"), 2))
    assert "Trial 1 has failed: it is broken\n" in line


def test_notices_and_the_end_are_told(log):
    start(log, sampler="grid", num_trials=3)
    assert log.after(0, SearchNotice("Waiting.")) == "Waiting.\n"
    trials = (trial(0, 0.5), trial(1, 0.75), trial(2, state="failed"))
    result = StudyResult(SPEC, trials, Candidate({}, {}), 1, (0.75,), (1,), was_interrupted=True)
    assert log.after(0, StudyFinished(result)) == (
        "digits_cnn: 2 complete, 1 failed; the best is trial 1 with val_f1 0.75. The timeout came "
        "before the last of them.\n"
    )


def test_a_grid_says_how_many_points_it_has(log):
    assert "48 points of a grid, of 5 fits each." in start(log, sampler="grid", num_trials=48)
