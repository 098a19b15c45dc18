"""The experiments of conf/ go from real data to audited folds by their parameters alone."""

import json

import numpy as np
import pandas as pd
import pytest
from project_copy import ROOT, kedro

# name: (samples, classes, repeated contents beyond the first one of each)
EXPERIMENTS = {
    "magnetic_tile": (1344, 6, 0),
    "blood_cells": (4886, 3, 0),
    "cifar10": (60_000, 10, 0),
    "cifar10_lt": (22_406, 10, 0),
    "fashion_mnist": (70_000, 10, 0),
    "fashion_mnist_lt": (24_886, 10, 0),
    "ucr": (200, 2, 0),
    "ecg5000": (500, 5, 0),
    "names": (18_012, 18, 562),
    "sms_spam": (5171, 2, 0),
    "dna_promoters": (105, 2, 0),
    "mammography": (11_183, 2, 3335),
    "pima": (768, 2, 0),
    "phoneme": (5404, 2, 55),
    "glass": (214, 6, 1),
    "ecoli": (336, 8, 0),
    "abalone": (4177, 0, 0),
    "googl": (2959, 0, 0),
}
# split.scheme=official: their only fold is the official test part
SCORED_ON_TEST = {"cifar10", "cifar10_lt", "fashion_mnist", "fashion_mnist_lt", "ucr"}
# repeated rows, the label included, as the data's README counts them
REPEATED_ROWS = {"mammography": 3334, "phoneme": 55, "glass": 1}

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


def test_these_are_the_experiments_there_are():
    folders = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    assert folders - {"base", "local", "test"} == set(EXPERIMENTS)


@pytest.fixture(params=EXPERIMENTS)
def experiment(request, project, real_data):
    stages = ["--pipeline=train_cnn", "--tags=ingest,audit,split", f"--env={request.param}"]
    done = kedro(project, "run", *stages, FOLDWISE_DATA=str(real_data))
    assert done.returncode == 0, done.stderr
    (folder,) = (project / "data" / "03_primary").iterdir()  # of `ucr`, that of its first data set
    return request.param, folder.name, project / "data"


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_an_experiment_ends_in_folds_that_keep_together_what_belongs_together(experiment):
    environment, name, data = experiment
    table = pd.read_parquet(data / "03_primary" / name / "samples" / "table.parquet")
    folds = pd.read_parquet(data / "05_model_input" / name / "folds.parquet")
    folds = folds[folds["repeat"] == 0]  # some are repeated
    size, num_classes, num_repeated = EXPERIMENTS[environment]
    assert len(table) == size
    assert len(table) - table["sha256"].nunique() == num_repeated
    assert table["label"].nunique() == num_classes if num_classes else "label" not in table

    assert sorted(folds["sample_id"]) == sorted(table["sample_id"])
    joined = table.merge(folds, on="sample_id")
    held_out = joined[joined["fold"] >= -1]  # in a fold or in the test part
    assert held_out.groupby("sha256")["fold"].nunique().max() == 1
    assert held_out.dropna(subset="group").groupby("group")["fold"].nunique().max() in (1, np.nan)
    official = joined["official_split"] == "test"
    assert (joined.loc[official, "fold"] == (0 if environment in SCORED_ON_TEST else -1)).all()

    record = read_json(data / "08_reporting" / name / "data" / "audit.json")
    assert record["counts"]["error"] == 0
    found = {finding["check"]: finding for finding in record["findings"]}
    assert ("exact_duplicates" in found) == (num_repeated > 0)
    if name in REPEATED_ROWS:
        assert str(REPEATED_ROWS[name]) in found["exact_duplicates"]["message"]
    if name == "pima":
        assert "insulin" in found["zeros_as_missing"]["message"]
    if name == "cifar10_lt":
        development = joined[~official]["label"].value_counts()
        assert (development.max(), development.min()) == (5000, 50)
    assert (data / "08_reporting" / name / "data" / "audit_report.html").stat().st_size < 5e6


def test_tiles_are_found_to_leak_when_their_groups_are_not_declared(project, real_data):
    without = "ingest.source.table=null"
    stages = ["--pipeline=train_cnn", "--tags=ingest,audit,split", "--env=magnetic_tile"]
    done = kedro(project, "run", *stages, "--params", without, FOLDWISE_DATA=str(real_data))
    assert done.returncode == 0, done.stderr
    data = project / "data"
    record = read_json(data / "08_reporting" / "magnetic_tile" / "data" / "audit.json")
    found = {finding["check"]: finding for finding in record["findings"]}
    assert found["near_duplicates"]["severity"] == "warn"

    groups = pd.read_csv(real_data / "magnetic_tile" / "groups.csv")
    ids = groups["image"].str.removeprefix("images/")
    sets = pd.read_parquet(data / "05_model_input" / "magnetic_tile" / "duplicates.parquet")
    near = sets.dropna(subset="near").merge(groups.assign(sample_id=ids), on="sample_id")
    assert len(near) > 0.9 * len(groups)
    pure = near.groupby("near")["group"].nunique() == 1
    assert pure.mean() > 0.95
