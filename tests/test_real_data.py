"""Whole runs on real pictures, with nothing but parameters."""

import json

import pandas as pd
import pytest
from project_copy import kedro

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

QUICK = "train_cnn.fit.max_epochs=1,evaluate.num_resamples=200"


def run(project, name, source):
    parameters = f"experiment={name},{source},{QUICK}"
    ran = kedro(project, "run", "--pipeline=train_cnn", f"--params={parameters}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    metrics = json.loads((project / f"data/08_reporting/{name}/cnn/metrics.json").read_text())
    per_class = pd.read_csv(project / f"data/08_reporting/{name}/cnn/details.csv")
    return metrics, per_class[per_class["part"] == "oof"].set_index("class")


def test_a_tree_of_pictures_of_many_sizes(project, real_data):
    path = real_data / "magnetic_tile" / "images"
    source = f"ingest.source.kind=image_folder,ingest.source.path={path}"
    metrics, per_class = run(project, "tiles", source + ",ingest.source.image_size=32")
    classes = {"blowhole", "break", "crack", "fray", "free", "uneven"}
    assert set(per_class.index) == classes
    assert metrics["oof"]["num_samples"] == per_class["support"].sum()
    table = pd.read_parquet(project / "data/03_primary/tiles/samples/table.parquet")
    assert table["label"].value_counts()["free"] == 952
    assert table["label"].value_counts()["fray"] == 32


def test_crops_with_groups_are_split_by_group(project, real_data):
    path = real_data / "blood_cell_crops.npz"
    metrics, per_class = run(project, "cells", f"ingest.source.kind=npz,ingest.source.path={path}")
    assert set(per_class.index) == {"RBC", "WBC", "Platelets"}
    assert metrics["oof"]["num_independent_units"] < metrics["oof"]["num_samples"]
    table = pd.read_parquet(project / "data/03_primary/cells/samples/table.parquet")
    folds = pd.read_parquet(project / "data/05_model_input/cells/folds.parquet")
    fold = folds.set_index("sample_id")["fold"].reindex(table["sample_id"]).to_numpy()
    assert table["group"].nunique() == 364
    assert pd.Series(fold).groupby(table["group"].to_numpy()).nunique().max() == 1
