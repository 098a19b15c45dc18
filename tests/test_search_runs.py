"""What MLflow is told of a search, on a real SQLite store."""

import pytest

from foldwise.search_runs import SearchRuns
from foldwise.tasks.events import SearchFinished, StudyFinished, StudyStarted, TrialFinished
from foldwise.tasks.search.trial import (
    Candidate,
    PartScore,
    StudyResult,
    StudySpec,
    TrialRecord,
)
from foldwise.tracking import prepare_store

LR = "train_cnn.fit.optimizer.lr"


@pytest.fixture
def experiment(store, client, request):
    project, uri = store
    prepare_store(uri, request.node.name, project)
    return client.get_experiment_by_name(request.node.name).experiment_id


@pytest.fixture
def parent(client, experiment):
    return client.create_run(experiment).info.run_id


def spec(name="digits_cnn", nested=False, folds=((0, 0), (0, 1))):
    return StudySpec(name, folds, nested, 2, 3, ("maximize",), ("val_f1",), "f")


def part(fold, score, seconds=2.0, inner=0):
    history = tuple({"epoch": e, "val_f1": score - 0.1 * (1 - e), "val_mae": None} for e in (0, 1))
    return PartScore(0, fold, inner, score, 2, 1, history, seconds)


def trial(number, state="complete", score=0.5, parts=(), **values):
    scores = (score,) if state == "complete" else ()
    study = values.pop("study", "digits_cnn")
    values = {"params": {LR: 0.01, "train_cnn.model.widths": [4, 8]}, "seconds": 4.0, **values}
    return TrialRecord(
        study=study, number=number, state=state, values=scores, parts=parts, **values
    )


@pytest.fixture
def track(client, experiment, parent):
    """Send trials of a study as a search does; return the runs by name."""

    def track(*trials, of=None, winner=None):
        runs = SearchRuns(client, experiment, parent)
        study = of or spec()
        runs(StudyStarted(study, "random", len(trials), (), 1))
        for number, record in enumerate(trials):
            runs(TrialFinished(record, number + 1))
        if winner is not None:
            candidate = Candidate({}, {})
            runs(StudyFinished(StudyResult(study, trials, candidate, winner, (1.0,), (winner,))))
        runs(SearchFinished())
        return {run.info.run_name: run for run in client.search_runs([experiment])}

    return track


def test_a_trial_is_a_run_below_the_study_with_its_fits_below_it(track, parent, client):
    runs = track(trial(3, parts=(part(0, 0.4), part(1, 0.6))))
    found = runs["trial_3"]
    assert found.data.tags["mlflow.parentRunId"] == parent
    assert found.data.params == {LR: "0.01", "train_cnn.model.widths": "[4, 8]"}
    assert found.data.metrics["val_f1"] == 0.5
    assert found.info.status == "FINISHED"
    assert found.info.end_time - found.info.start_time == 4000
    for name, score in (("fold_0", 0.4), ("fold_1", 0.6)):
        assert found.data.metrics[f"{name}.val_f1"] == score
        assert runs[name].data.tags["mlflow.parentRunId"] == found.info.run_id
        curve = client.get_metric_history(runs[name].info.run_id, "val_f1")
        assert [(point.step, point.value) for point in curve] == [
            (0, pytest.approx(score - 0.1)),
            (1, pytest.approx(score)),
        ]
        assert "val_mae" not in runs[name].data.metrics
    assert runs["fold_0"].info.end_time == runs["fold_1"].info.start_time


def test_a_short_fit_has_no_run_of_its_own_but_its_score_is_there(track):
    runs = track(trial(0, parts=(part(0, 0.4, seconds=0.9), part(1, 0.6, seconds=1.0))))
    assert "fold_0" not in runs
    assert "fold_1" in runs
    assert runs["trial_0"].data.metrics["fold_0.val_f1"] == 0.4


def test_failed_and_pruned_trials_say_so(track):
    runs = track(
        trial(0, "failed", error="it is broken"),
        trial(1, "pruned", num_epochs=7),
    )
    assert runs["trial_0"].info.status == "FAILED"
    assert runs["trial_0"].data.tags["error"] == "it is broken"
    assert "val_f1" not in runs["trial_0"].data.metrics
    assert runs["trial_1"].info.status == "FINISHED"
    assert runs["trial_1"].data.tags["state"] == "pruned"
    assert runs["trial_1"].data.metrics["num_epochs"] == 7


def test_trials_can_be_sorted_by_their_scores_and_the_winner_be_found(track, client, experiment):
    track(trial(0, score=0.2), trial(1, score=0.9), trial(2, score=0.5), winner=1)
    found = client.search_runs(
        [experiment], "metrics.val_f1 > 0", order_by=["metrics.val_f1 DESC"]
    )
    assert [run.info.run_name for run in found] == ["trial_1", "trial_2", "trial_0"]
    (winner,) = client.search_runs([experiment], "tags.is_winner = 'true'")
    assert winner.info.run_name == "trial_1"


def test_trials_of_a_nested_study_name_its_fold(track):
    nested = spec("digits_cnn_repeat_0_fold_2", nested=True, folds=((0, 2),))
    runs = track(
        trial(4, study=nested.name, parts=(part(2, 0.4), part(2, 0.6, inner=1))), of=nested
    )
    assert set(runs) >= {"repeat_0_fold_2_trial_4", "fold_2", "fold_2_inner_1"}


def test_what_could_not_be_written_is_told_when_the_search_ends(client, experiment, parent):
    runs = SearchRuns(client, "no such experiment", parent)
    runs(StudyStarted(spec(), "random", 1, (), 1))
    runs(TrialFinished(trial(0), 1))
    with pytest.raises(Exception, match="no such experiment"):
        runs(SearchFinished())
