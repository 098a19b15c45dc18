"""Runs looked up on a real SQLite store, their networks on the disk."""

import mlflow
import pytest
import torch
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from model_cards import make_card
from safetensors.torch import save_file

from foldwise.datasets.run_models_dataset import MODELS_PATH_TAG, RunModelsDataset
from foldwise.errors import UserError
from foldwise.hooks import TrackingHook
from foldwise.tasks.events import FoldFinished, FoldStarted, TrainingFinished
from foldwise.tasks.fold_models import FoldModels, write_model
from foldwise.tracking import FoldRuns


def write_fold(models, fold, value=0.0):
    card = make_card(fold=fold)
    weights = {"w": torch.full((2,), value + fold)}
    return write_model(models.folder(0, fold), card, lambda path: save_file(weights, path))


@pytest.fixture
def training(client, tmp_path):
    """The networks of a training that was tracked as trainings are, and the id of its run."""
    experiment = client.get_experiment_by_name("first")
    run_id = client.create_run(experiment.experiment_id).info.run_id
    models = FoldModels(tmp_path / "cnn")
    client.set_tag(run_id, MODELS_PATH_TAG, str(models.root))
    observer = FoldRuns(client, experiment.experiment_id, run_id)
    for fold in range(2):
        observer(FoldStarted(0, fold, ()))
        observer(FoldFinished(write_fold(models, fold), was_skipped=False))
    observer(TrainingFinished())
    return models, run_id


@pytest.fixture
def find_run():
    return RunModelsDataset().load()


def fold_run(client, run_id, fold):
    query = f"tags.`mlflow.parentRunId` = '{run_id}' and tags.fold = '{fold}'"
    (run,) = client.search_runs([client.get_run(run_id).info.experiment_id], query)
    return run.info.run_id


def test_a_training_leads_to_its_family_and_a_fold_to_its_own_folder(client, training, find_run):
    models, run_id = training

    assert find_run(run_id) == models.root
    assert find_run(fold_run(client, run_id, 1)) == models.folder(0, 1)


def test_a_run_is_told_where_its_networks_lie_once_they_are_saved(monkeypatch, training):
    models, _ = training
    tags = {}
    monkeypatch.setattr(mlflow, "set_tag", tags.__setitem__)
    hook = TrackingHook()
    hook._catalog = DataCatalog({"cnn_models": MemoryDataset()})

    hook.after_dataset_saved("cnn_models", models)

    assert tags == {MODELS_PATH_TAG: str(models.root)}


def test_networks_that_a_later_training_replaced_are_refused(client, training, find_run):
    models, run_id = training
    write_fold(models, 1, value=5.0)

    with pytest.raises(UserError, match=r"fold_1 has been replaced by that of a later training"):
        find_run(run_id)
    with pytest.raises(UserError, match="replaced"):
        find_run(fold_run(client, run_id, 1))
    assert find_run(fold_run(client, run_id, 0)) == models.folder(0, 0)


def test_networks_that_are_gone_are_an_error_that_names_the_run_and_the_file(training, find_run):
    models, run_id = training
    (models.folder(0, 0) / "model.json").unlink()

    with pytest.raises(UserError, match=rf"{run_id} are not where it left them: .*model.json"):
        find_run(run_id)


def test_a_run_without_networks_and_an_unknown_one_are_errors(client, find_run):
    experiment = client.get_experiment_by_name("first")
    idle = client.create_run(experiment.experiment_id).info.run_id

    with pytest.raises(UserError, match=rf"{idle}, which has trained no networks.*models.path"):
        find_run(idle)
    with pytest.raises(UserError, match=rf"{'0' * 32}, but there is none .* in sqlite:"):
        find_run("0" * 32)


def test_a_fold_of_a_comparison_or_of_a_stopped_training_is_told_by_its_path(
    client, training, find_run
):
    _, run_id = training
    fold = fold_run(client, run_id, 1)
    client.delete_tag(run_id, MODELS_PATH_TAG)

    with pytest.raises(UserError, match=rf"{fold}, a fold of .* Give the path of the fold's"):
        find_run(fold)


def test_runs_are_only_read():
    with pytest.raises(DatasetError, match="cannot be saved"):
        RunModelsDataset().save("a run")
