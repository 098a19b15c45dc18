"""Generators from the command to the page and to drawn samples, with conf/test."""

import json

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from PIL import Image
from project_copy import copy_project, kedro, tree

REPORTING = "data/08_reporting/test/gan"
DRAWN = "data/07_model_output/test/gan/samples"
NUM_EPOCHS = 2

pytestmark = pytest.mark.slow


def run(project, pipeline, *arguments):
    ran = kedro(project, "run", "--env=test", f"--pipeline={pipeline}", *arguments)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout + ran.stderr


def refused(project, pipeline, *arguments):
    ran = kedro(project, "run", "--env=test", f"--pipeline={pipeline}", *arguments)
    assert ran.returncode != 0
    return (ran.stdout + ran.stderr)[-1500:]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which a generator was trained and drawn from."""
    project = copy_project(tmp_path_factory.mktemp("generated") / "project")
    told = run(project, "train_gan")
    told += run(project, "sample_gan")
    (project / "run.log").write_text(told)
    return project


@pytest.fixture(scope="module")
def store_of_run(finished):
    return MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")


@pytest.fixture(scope="module")
def runs(store_of_run):
    experiment = store_of_run.get_experiment_by_name("test")
    return {run.info.run_name: run for run in store_of_run.search_runs([experiment.experiment_id])}


def test_weights_measures_figures_and_page_are_there(finished):
    names = set(tree(finished / "data"))
    assert {
        "06_models/test/gan/fold_0/weights.safetensors",
        "06_models/test/gan/fold_0/model.json",
        "08_reporting/test/gan/metrics.json",
        "08_reporting/test/gan/details.csv",
        "08_reporting/test/gan/curves.png",
        "08_reporting/test/gan/classes.png",
        "08_reporting/test/gan/interpolation.png",
        "08_reporting/test/gan/pairs.png",
        "08_reporting/test/gan/report.html",
        "08_reporting/test/gan/drawn.png",
    } <= names
    assert not [name for name in names if "resume" in name or ".tmp-" in name]
    assert not [name for name in names if name.endswith((".pkl", ".pt", ".ckpt"))]


def test_the_run_ends_in_the_verdict_and_the_address_of_the_page(finished):
    log = (finished / "run.log").read_text()
    assert "Frechet distance" in log
    assert f"Report: {REPORTING}/report.html" in log


def test_both_losses_are_tracked_batch_by_batch_at_equal_steps(store_of_run, runs, finished):
    child = runs["generator_fold_0"]
    assert child.data.tags["mlflow.parentRunId"] == runs["train_gan"].info.run_id
    card = json.loads((finished / "data/06_models/test/gan/fold_0/model.json").read_text())
    assert child.data.tags["weights.sha256"] == card["weights_sha256"]
    losses = {
        name: store_of_run.get_metric_history(child.info.run_id, name)
        for name in ("generator_loss", "discriminator_loss")
    }
    num_steps = len(losses["generator_loss"])
    assert num_steps > NUM_EPOCHS
    for name, points in losses.items():
        assert [point.step for point in points] == list(range(num_steps))
        by_epoch = np.array([point.value for point in points]).reshape(NUM_EPOCHS, -1)
        expected = [record[name] for record in card["history"]]
        np.testing.assert_allclose(by_epoch.mean(axis=1), expected, rtol=1e-5)


def test_samples_of_the_same_latents_are_a_series_of_pictures(store_of_run, runs):
    run_id = runs["generator_fold_0"].info.run_id
    files = [file.path for file in store_of_run.list_artifacts(run_id, "images")]
    steps = sorted(int(name.split("+")[2]) for name in files if name.endswith(".png"))
    epochs = store_of_run.get_metric_history(run_id, "epoch")
    assert steps == [0, *(point.step for point in epochs)]  # the first is of the untrained one
    assert len(steps) == 1 + NUM_EPOCHS


def test_measures_are_tracked_above_and_of_each_generator(finished, runs):
    metrics = json.loads((finished / REPORTING / "metrics.json").read_text())
    (found,) = metrics["generators"]
    for run_name in ("train_gan", "generator_fold_0"):
        logged = runs[run_name].data.metrics
        expected = found["metrics"]["tstr_accuracy"]["value"]
        assert logged["tstr_accuracy"] == pytest.approx(expected)
    assert "tstr_accuracy.low" in runs["generator_fold_0"].data.metrics
    assert runs["train_gan"].data.params["train_gan.model.name"] == "cgan"


def test_samples_of_each_class_lie_with_their_latents_and_the_hash(finished, runs):
    folder = finished / DRAWN
    manifest = json.loads((folder / "manifest.json").read_text())
    card = json.loads((finished / "data/06_models/test/gan/fold_0/model.json").read_text())
    assert manifest["weights_sha256"] == card["weights_sha256"]
    assert runs["sample_gan"].data.tags["generator.sha256"] == card["weights_sha256"]
    table = pd.read_csv(folder / "samples.csv", dtype={"label": str})
    assert table["label"].value_counts().to_dict() == {str(k): 2 for k in range(10)}
    latents = np.load(folder / "latents.npy", allow_pickle=False)
    assert latents.shape == (20, 8)
    from foldwise.tasks.generate import Generator

    generator = Generator(finished / "data/06_models/test/gan/fold_0")
    expected = generator.generate(generator.labels(table["label"].tolist()), latents)
    for file, image in zip(table["file"], expected, strict=True):
        found = np.asarray(Image.open(folder / file)).astype(int)
        np.testing.assert_allclose(found, image[0].astype(int), atol=1)


def test_the_same_again_trains_nothing_and_gives_the_same_files(finished):
    before = {
        name: content
        for folder in ("06_models", "07_model_output")
        for name, content in tree(finished / "data" / folder).items()
    }
    metrics = (finished / REPORTING / "metrics.json").read_bytes()
    told = run(finished, "train_gan", "--tags=train_gan,evaluate_gan")
    run(finished, "sample_gan")
    after = {
        name: content
        for folder in ("06_models", "07_model_output")
        for name, content in tree(finished / "data" / folder).items()
    }
    assert after == before
    assert (finished / REPORTING / "metrics.json").read_bytes() == metrics
    assert "unchanged, not trained again" in told


def test_an_unknown_class_leaves_the_earlier_samples(finished):
    before = tree(finished / DRAWN)
    told = refused(finished, "sample_gan", "--params=sample_gan.classes=3;ten")
    assert "sample_gan.classes is 'ten', which the generator does not know" in told
    assert "'0', '1', '2'" in told
    assert tree(finished / DRAWN) == before


def test_sampling_before_training_names_the_stage_that_is_missing(project):
    told = refused(project, "sample_gan")
    assert "holds no trained generator. Run the stage 'train_gan' first." in told


def test_wrong_parameters_are_told_before_anything_runs(project):
    told = refused(project, "train_gan", "--params=train_gan.model.latent_size=0")
    assert "train_gan.model.latent_size is 0" in told
    assert not (project / "data").exists()
