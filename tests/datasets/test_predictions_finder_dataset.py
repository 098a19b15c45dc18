"""Predictions looked up by the run that made them, on a real SQLite store."""

import pandas as pd
import pytest
import torch
from kedro.io import DatasetError
from model_cards import make_card
from safetensors.torch import save_file

from foldwise.datasets.predictions_finder_dataset import PredictionsFinderDataset
from foldwise.datasets.run_models_dataset import MODELS_PATH_TAG
from foldwise.errors import UserError
from foldwise.tasks.events import FoldFinished, FoldStarted, TrainingFinished
from foldwise.tasks.fold_models import FoldModels, write_model
from foldwise.tracking import FoldRuns


@pytest.fixture
def training(client, tmp_path):
    """The data folder after a training that was tracked, and the id of its run."""
    data = tmp_path / "data"
    experiment = client.get_experiment_by_name("first").experiment_id
    run_id = client.create_run(experiment).info.run_id
    models = FoldModels(data / "06_models" / "mine" / "cnn")
    client.set_tag(run_id, MODELS_PATH_TAG, str(models.root))
    client.set_tag(run_id, "folds.hash", "hash of the folds")
    observer = FoldRuns(client, experiment, run_id)
    observer(FoldStarted(0, 0, ()))
    card = write_model(
        models.folder(0, 0), make_card(), lambda path: save_file({"w": torch.zeros(2)}, path)
    )
    observer(FoldFinished(card, was_skipped=False))
    observer(TrainingFinished())
    folder = data / "07_model_output" / "mine" / "cnn"
    folder.mkdir(parents=True)
    pd.DataFrame({"sample_id": ["a"]}).to_parquet(folder / "predictions.parquet")
    return data, run_id


def finder_of(data):
    return PredictionsFinderDataset(filepath=str(data), experiment="other").load()


def test_a_run_leads_to_the_predictions_of_its_networks_and_its_folds(training):
    data, run_id = training
    found = finder_of(data).find(f"run:{run_id}")
    assert (found.method, found.experiment) == ("cnn", "mine")
    assert found.table["sample_id"].tolist() == ["a"]
    assert found.run_folds_hash == "hash of the folds"


def test_the_run_of_one_fold_is_refused_with_the_one_above_it(client, training):
    data, run_id = training
    experiment = client.get_experiment_by_name("first").experiment_id
    (fold,) = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")
    with pytest.raises(UserError, match=rf"compare\.models.*one fold.*{run_id}"):
        finder_of(data).find(f"run:{fold.info.run_id}")


def test_unknown_runs_and_missing_predictions_are_told(training):
    data, run_id = training
    with pytest.raises(UserError, match=r"compare\.models is the MLflow run 0{32}.*none with"):
        finder_of(data).find("run:" + "0" * 32)
    (data / "07_model_output" / "mine" / "cnn" / "predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"their predictions.*are missing"):
        finder_of(data).find(f"run:{run_id}")


def test_the_finder_is_only_read(tmp_path):
    with pytest.raises(DatasetError, match="only looked up"):
        PredictionsFinderDataset(filepath=str(tmp_path), experiment="x").save("anything")
