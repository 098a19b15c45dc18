"""The running of a search in one process: which trials run, what is kept, when it ends."""

from pathlib import Path

import fake_scorers as fake
import optuna
import pytest

from foldwise.tasks.events import (
    SearchFinished,
    StudyFinished,
    StudyStarted,
    TrialFinished,
)
from foldwise.tasks.search import run_search as module
from foldwise.tasks.search import worker
from foldwise.tasks.search.run_search import run_search, run_studies
from foldwise.tasks.search.storage import open_storage
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.search.worker import Setup


class Search:
    """A search in a folder by a fake scorer; what was observed of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.events = folder, []

    def run(self, scorer=fake.FakeScorer, *specs, **config):
        self.events = []
        setup = Setup(fake.problem(self.folder), fake.config(**config), self.folder, scorer)
        return run_studies(specs or [fake.spec()], setup, self.events.append)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def search(tmp_path):
    return Search(tmp_path)


def test_all_trials_are_run_and_the_best_one_wins(search):
    (result,) = search.run(n_trials=6, pruner="none")
    assert [trial.state for trial in result.trials] == ["complete"] * 6
    rates = [trial.params[fake.LR] for trial in result.trials]
    assert [trial.values for trial in result.trials] == [(rate,) for rate in rates]
    assert result.inner == (max(rates),)
    assert result.winner.values == {fake.LR: max(rates)}
    assert result.winner.parameters["train_cnn"].fit.optimizer.lr == max(rates)
    assert result.trials[result.winner_number].params == result.winner.values
    assert not result.was_interrupted


def test_a_smaller_value_wins_where_it_is_to_be_minimized(search):
    spec = fake.spec(directions=("minimize",), objectives=("val_loss",))
    (result,) = search.run(fake.FakeScorer, spec)
    rates = [trial.params[fake.LR] for trial in result.trials]
    assert result.inner == (min(rates),)


def test_what_happens_is_told_in_order(search):
    search.run(n_trials=3, pruner="none")
    kinds = [type(event) for event in search.events]
    assert kinds == [StudyStarted, *[TrialFinished] * 3, StudyFinished, SearchFinished]
    (started,) = search.of(StudyStarted)
    assert (started.num_trials, started.finished, started.num_workers) == (3, (), 1)
    assert [event.num_done for event in search.of(TrialFinished)] == [1, 2, 3]
    parts = search.of(TrialFinished)[0].record.parts
    assert [(part.fold, len(part.history)) for part in parts] == [(0, 3), (1, 3)]


def test_a_search_that_is_done_runs_nothing_again(search):
    (before,) = search.run()
    (after,) = search.run(fake.AlwaysFails)
    assert search.of(TrialFinished) == []
    assert search.of(StudyStarted)[0].finished == after.trials
    assert after == before


def test_a_search_may_be_continued_with_more_trials(search):
    search.run(n_trials=4)
    (result,) = search.run(n_trials=7)
    assert len(search.of(TrialFinished)) == 3
    assert len(result.trials) == 7


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(search):
    (result,) = search.run(fake.FailsAbove, n_trials=8)
    for trial in result.trials:
        rate = trial.params[fake.LR]
        assert trial.state == ("failed" if rate > 0.05 else trial.state)
        if rate > 0.05:
            assert trial.error.startswith(f"ValueError: no rate of {rate} (fake_scorers.py, line")
    states = {trial.state for trial in result.trials}
    assert {"failed", "complete"} <= states
    assert result.inner[0] <= 0.05


def test_a_score_that_is_no_number_is_a_failure(search):
    (result,) = search.run(fake.NoNumber, n_trials=8)
    errors = {trial.error for trial in result.trials if trial.state == "failed"}
    assert errors == {"The score is no number: (nan,)."}


def test_too_many_failures_in_a_row_end_the_search_and_are_quoted(search):
    with pytest.raises(SearchError, match="3 trials in a row") as found:
        search.run(fake.AlwaysFails, n_trials=10, max_failures=3)
    assert "it is broken" in str(found.value)
    assert len(search.of(TrialFinished)) == 3
    assert search.of(SearchFinished)


def test_failures_of_an_earlier_start_do_not_count(search):
    with pytest.raises(SearchError):
        search.run(fake.AlwaysFails, max_failures=2, n_trials=4)
    (result,) = search.run(max_failures=2, n_trials=4)
    assert [trial.state for trial in result.trials] == ["failed"] * 2 + ["complete"] * 2


def test_a_search_without_a_completed_trial_quotes_what_went_wrong(search):
    with pytest.raises(SearchError, match="No trial of the study fake_cnn was completed") as found:
        search.run(fake.AlwaysFails, n_trials=2)
    assert "2 failed" in str(found.value)
    assert "it is broken" in str(found.value)


def test_ctrl_c_keeps_what_is_finished_and_the_next_start_goes_on(search):
    fake.Interrupted.num = 0
    with pytest.raises(KeyboardInterrupt):
        search.run(fake.Interrupted, n_trials=5, pruner="none")
    assert search.of(SearchFinished)
    (result,) = search.run(n_trials=5, pruner="none")
    assert len(search.of(StudyStarted)[0].finished) == 2
    assert len(search.of(TrialFinished)) == 3
    (whole,) = Search(search.folder / "whole").run(n_trials=5, pruner="none")
    assert sorted(t.values for t in result.trials) == sorted(t.values for t in whole.trials)


def test_no_trial_begins_after_the_timeout(search, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])

    class Clock(fake.FakeScorer):
        def act(self, rate):
            now[0] += 10

    (result,) = search.run(Clock, n_trials=9, timeout=25, pruner="none")
    assert len(result.trials) == 3
    assert result.was_interrupted
    (result,) = search.run(n_trials=9, pruner="none")
    assert len(result.trials) == 9
    assert not result.was_interrupted


def test_a_timeout_before_the_first_trial_is_done_says_so(search, monkeypatch):
    times = iter([0.0, *[100.0] * 99])
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(times))
    with pytest.raises(SearchError, match="the timeout came first"):
        search.run(timeout=1)


def test_nested_studies_follow_and_those_without_time_are_left_out(search, monkeypatch):
    nested = [
        fake.spec(f"fake_cnn_repeat_0_fold_{k}", folds=((0, k),), nested=True) for k in (0, 1)
    ]
    specs = [fake.spec(), *nested]
    results = search.run(fake.FakeScorer, *specs, n_trials=2)
    assert [result.spec.name for result in results] == [spec.name for spec in specs]

    now = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])

    class Clock(fake.FakeScorer):
        def act(self, rate):
            now[0] += 10

    again = Search(search.folder / "again")
    results = again.run(Clock, *specs, n_trials=2, timeout=25)
    assert [result.spec.name for result in results] == [spec.name for spec in specs[:2]]
    assert [result.was_interrupted for result in results] == [False, True]


def test_early_trials_are_given_less_and_cannot_win(search):
    seen = []

    class Seen(fake.FakeScorer):
        def __call__(self, candidate, fidelity, on_epoch):
            seen.append((fidelity.max_epochs, fidelity.limit))
            # What was given less scores best here.
            found = super().__call__(candidate, fidelity, on_epoch)
            return found if fidelity.limit is None else fake.TrialScore((1.0,), found.parts)

    early = {"trials": 2, "max_epochs": 1, "limit": 50}
    (result,) = search.run(Seen, n_trials=5, early=early, pruner="none")
    assert seen == [(1, 50)] * 2 + [(None, None)] * 3
    assert [trial.is_early for trial in result.trials] == [True] * 2 + [False] * 3
    assert result.winner_number >= 2
    assert result.inner[0] < 1


def test_the_front_of_two_objectives_has_the_best_of_the_first_one(search):
    spec = fake.spec(directions=("maximize", "minimize"), objectives=("val_f1", "num_parameters"))
    (result,) = search.run(fake.TwoObjectives, spec, objectives=["num_parameters"], n_trials=5)
    assert set(result.front) == set(range(5))  # a better score is always a larger network
    assert result.inner == max(trial.values for trial in result.trials)
    spec = fake.spec("other", directions=("maximize",) * 2, objectives=spec.objectives)
    (result,) = search.run(fake.TwoObjectives, spec, objectives=["num_parameters"], n_trials=5)
    assert result.front == (result.winner_number,)


def test_a_pruner_sees_the_mean_over_parts_at_each_epoch(search):
    spec = fake.spec(num_parts=2)
    (result,) = search.run(fake.FakeScorer, spec, n_trials=1, pruner="median")
    rate = result.trials[0].params[fake.LR]
    steps = [(step, pytest.approx(rate * (step % 3 + 1) / 3)) for step in range(6)]
    assert list(result.trials[0].reported) == steps
    assert result.trials[0].num_epochs == 6


def test_the_wilcoxon_pruner_sees_the_scores_of_parts(search):
    spec = fake.spec(num_parts=5)
    (result,) = search.run(fake.FakeScorer, spec, n_trials=1, pruner="wilcoxon")
    rate = result.trials[0].params[fake.LR]
    assert list(result.trials[0].reported) == [(part, pytest.approx(rate)) for part in range(5)]


def test_a_pruned_trial_says_how_far_it_came(search):
    (result,) = search.run(n_trials=30, pruner="median")
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert 0 < trial.num_epochs < 6
        assert len(trial.reported) == trial.num_epochs
        assert len(trial.parts) == trial.num_epochs // 3
        assert trial.values == ()


def test_a_grid_is_finished_when_all_its_points_are_tried(search):
    space = [{"path": fake.LR, "kind": "float", "low": 0.01, "high": 0.04, "step": 0.01}]
    (result,) = search.run(space=space, sampler="grid", n_trials=100)
    assert sorted(trial.params[fake.LR] for trial in result.trials) == [0.01, 0.02, 0.03, 0.04]
    assert search.of(StudyStarted)[0].num_trials == 4


def test_a_sampler_that_learns_draws_the_same_with_one_worker(search):
    space = [{"path": fake.LR, "kind": "float", "low": 0.001, "high": 0.1}]
    (one,) = search.run(space=space, sampler="tpe", n_trials=12, pruner="none")
    (two,) = Search(search.folder / "two").run(
        space=space, sampler="tpe", n_trials=12, pruner="none"
    )
    assert [trial.values for trial in one.trials] == [trial.values for trial in two.trials]
    assert len({trial.values for trial in one.trials}) == 12


def test_optuna_is_as_talkative_afterwards_as_before(search):
    before = optuna.logging.get_verbosity()
    search.run(n_trials=1)
    assert optuna.logging.get_verbosity() == before


def test_a_study_of_other_samples_is_refused_before_any_trial(search):
    search.run(n_trials=2)
    with pytest.raises(SearchError, match="there already"):
        search.run(fake.FakeScorer, fake.spec(fingerprint="other"), n_trials=2)
    assert search.events == [] or [type(event) for event in search.events] == [SearchFinished]


def test_run_search_takes_the_studies_and_the_scorer_of_the_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "studies_of", lambda problem, config: [fake.spec()])
    monkeypatch.setattr(module, "open_scorer", fake.FakeScorer)
    (result,) = run_search(fake.problem(), fake.config(n_trials=2), tmp_path)
    assert len(result.trials) == 2
    assert optuna.get_all_study_names(open_storage("journal", tmp_path)) == ["fake_cnn"]
