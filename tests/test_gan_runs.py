"""What MLflow is told of generators, on a real SQLite store."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from gan_cards import make_gan_card
from PIL import Image

from foldwise import child_run
from foldwise.data.findings import Finding
from foldwise.gan_runs import GanRuns
from foldwise.modules.gan_records import GanRecord
from foldwise.tasks.events import (
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    TrainingFinished,
)
from foldwise.tracking import prepare_store

STEPS = 3  # of an epoch


@pytest.fixture
def experiment(store, client, request):
    project, uri = store
    prepare_store(uri, request.node.name, project)
    return client.get_experiment_by_name(request.node.name)


@pytest.fixture
def parent(client, experiment):
    return client.create_run(experiment.experiment_id).info.run_id


@pytest.fixture
def runs(client, experiment, parent):
    """The observer; what it left open ends with the test."""
    observer = GanRuns(client, experiment.experiment_id, parent)
    yield observer
    observer(TrainingFinished())


def losses(epoch):
    return tuple(epoch + i / 10 for i in range(STEPS))


def record(epoch, **more):
    return GanRecord(epoch, 0.5, 0.25, 1.0, -1.0, 0.75, **more)


def started(num_epochs=0, attempt=0, findings=()):
    all_losses = tuple(loss for epoch in range(num_epochs) for loss in losses(epoch))
    history = tuple(record(epoch) for epoch in range(num_epochs))
    others = tuple(-loss for loss in all_losses)
    return GanFoldStarted(0, 0, attempt, history, all_losses, others, findings)


def finished_epoch(epoch, grid=None, first_grid=None, **more):
    others = tuple(-loss for loss in losses(epoch))
    return GanEpochFinished(
        0, 0, record(epoch, **more), losses(epoch), others, epoch * STEPS, first_grid, grid, ()
    )


def children(client, experiment):
    found = client.search_runs([experiment.experiment_id])
    return {run.info.run_name: run for run in found if "mlflow.parentRunId" in run.data.tags}


def points(client, run, metric):
    history = client.get_metric_history(run.info.run_id, metric)
    return [(m.step, m.value) for m in history]


def test_both_losses_have_one_point_for_each_batch_at_the_same_steps(client, experiment, runs):
    runs(started())
    runs(finished_epoch(0))
    runs(finished_epoch(1))
    runs(GanFoldFinished(make_gan_card(), was_skipped=False))
    (run,) = children(client, experiment).values()
    assert run.info.run_name == "generator_fold_0"
    assert run.info.status == "FINISHED"
    expected = list(enumerate([0, 0.1, 0.2, 1, 1.1, 1.2]))
    assert points(client, run, "generator_loss") == expected
    assert points(client, run, "discriminator_loss") == [(i, -loss) for i, loss in expected]


def test_records_of_epochs_stand_at_their_last_batch(client, experiment, runs):
    runs(started())
    runs(finished_epoch(0))
    runs(finished_epoch(1, diversity=0.9, missing_clusters=2))
    runs(GanFoldFinished(make_gan_card(), was_skipped=False))
    (run,) = children(client, experiment).values()
    assert points(client, run, "epoch_generator_loss") == [(2, 0.5), (5, 0.5)]
    assert points(client, run, "epoch") == [(2, 0), (5, 1)]
    assert points(client, run, "discriminator_accuracy") == [(2, 0.75), (5, 0.75)]
    assert points(client, run, "diversity") == [(5, 0.9)]  # not looked at after the first
    assert points(client, run, "missing_clusters") == [(5, 2)]


def test_grids_are_one_series_of_pictures(client, experiment, runs, tmp_path):
    first, *grids = [np.full((8, 16, 1), value, np.uint8) for value in (90, 10, 200)]
    runs(started())
    for epoch, grid in enumerate(grids):
        runs(finished_epoch(epoch, grid=grid, first_grid=None if epoch else first))
    runs(GanFoldFinished(make_gan_card(), was_skipped=False))
    (run,) = children(client, experiment).values()
    assert run.data.tags["mlflow.loggedImages"] == "True"
    paths = [file.path for file in client.list_artifacts(run.info.run_id, "images")]
    pngs = sorted(path for path in paths if path.endswith(".png"))
    assert [path.split("+")[:3] for path in pngs] == [
        ["images/samples", "step", "0"],  # where the UI opens it: before any step
        ["images/samples", "step", "2"],
        ["images/samples", "step", "5"],
    ]
    for path, value in zip(pngs, (90, 10, 200), strict=True):
        image = Image.open(client.download_artifacts(run.info.run_id, path, str(tmp_path)))
        assert image.size == (400, 200)
        assert image.getextrema() == (value, value)


def test_a_generator_that_goes_on_has_its_curves_from_the_beginning(client, experiment, runs):
    runs(started(num_epochs=2))
    runs(finished_epoch(2))
    runs(GanFoldFinished(make_gan_card(), was_skipped=False))
    (run,) = children(client, experiment).values()
    assert [step for step, _ in points(client, run, "generator_loss")] == list(range(9))
    assert points(client, run, "epoch") == [(2, 0), (5, 1), (8, 2)]


def test_an_attempt_that_is_given_up_keeps_its_curves_and_the_reason(client, experiment, runs):
    reason = Finding(check="mode_collapse", severity="error", message="All samples are alike.")
    runs(started())
    runs(finished_epoch(0))
    runs(started(attempt=1, findings=(reason,)))
    runs(finished_epoch(0))
    runs(GanFoldFinished(make_gan_card(num_restarts=1, findings=(reason,)), was_skipped=False))
    found = children(client, experiment)
    assert set(found) == {"generator_fold_0", "generator_fold_0_attempt_2"}
    first, second = (found[name] for name in sorted(found))
    assert first.info.status == "FAILED"
    assert first.data.tags["given_up"] == "All samples are alike."
    assert second.info.status == "FINISHED"
    assert second.data.tags["findings"] == "All samples are alike."
    for run in (first, second):
        assert [step for step, _ in points(client, run, "generator_loss")] == [0, 1, 2]


def test_losses_that_are_no_numbers_do_not_end_the_run(client, experiment, runs):
    runs(started())
    wrong = (math.nan, math.inf, -math.inf)
    runs(GanEpochFinished(0, 0, record(0), wrong, wrong, 0, None, None, ()))
    runs(TrainingFinished())
    (run,) = children(client, experiment).values()
    assert run.info.status == "FAILED"
    (_, first), (_, second), (_, third) = points(client, run, "generator_loss")
    assert math.isnan(first)
    assert second > 1e300
    assert third < -1e300


def test_a_skipped_generator_has_the_records_of_its_training(client, experiment, runs):
    history = tuple(asdict(record(epoch)) for epoch in range(4))
    card = make_gan_card(history=history, repeat=1, fold=2)
    runs(GanFoldFinished(card, was_skipped=True))
    (run,) = children(client, experiment).values()
    assert run.info.run_name == "generator_repeat_1_fold_2"
    assert run.info.status == "FINISHED"
    assert run.data.tags["was_skipped"] == "true"
    assert points(client, run, "epoch_generator_loss") == [(i, 0.5) for i in range(4)]


def test_the_run_says_what_was_trained(client, experiment, parent, runs):
    runs(started())
    runs(GanFoldFinished(make_gan_card(), was_skipped=False))
    runs.log_metrics((0, 0), {"frechet_small_cnn": 1.5})
    runs.log_metrics((0, 9), {"frechet_small_cnn": 2.5})  # trained elsewhere
    (run,) = children(client, experiment).values()
    assert {
        "mlflow.parentRunId": parent,
        "repeat": "0",
        "fold": "0",
        "attempt": "0",
        "model": "cgan",
        "weights.sha256": "w",
        "fingerprint": "f",
        "was_skipped": "false",
        "findings": "none",
    }.items() <= run.data.tags.items()
    assert run.data.metrics["frechet_small_cnn"] == 1.5


def test_curves_grow_while_the_generator_is_trained(client, experiment, runs, monkeypatch):
    monkeypatch.setattr(child_run, "_FLUSH_INTERVAL_S", 0.0)
    runs(started())
    runs(finished_epoch(0))
    (run,) = children(client, experiment).values()
    assert run.info.status == "RUNNING"
    assert len(points(client, run, "discriminator_loss")) == STEPS
