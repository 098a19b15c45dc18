"""A training whose rare classes a generator fills up, as a user runs it."""

import json

import numpy as np
import pandas as pd
import pytest
from project_copy import copy_project, kedro

MODELS = "data/06_models/test/cnn"


def run(project, *parameters):
    # Enough epochs for the judge to tell the classes, and for some samples to pass.
    chosen = (
        *parameters,
        "balance.method=gan",
        "balance.confidence=0",
        "balance.max_tries=50",
        "train_cnn.fit.max_epochs=15",
        "train_gan.fit.max_epochs=25",
        "train_gan.fit.batch_size=32",
    )
    return kedro(
        project, "run", "--env=test", "--pipeline=train_cnn", "--params", ",".join(chosen)
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    project = copy_project(tmp_path_factory.mktemp("filled") / "project")
    ran = run(project, "ingest.long_tail=5")
    assert ran.returncode == 0, ran.stderr[-3000:]
    return project


@pytest.mark.slow
def test_made_samples_lie_with_the_fold_and_in_no_prediction(finished):
    predictions = pd.read_parquet(finished / "data/07_model_output/test/cnn/predictions.parquet")
    num_added = 0
    for fold in (0, 1):
        folder = finished / MODELS / f"fold_{fold}"
        record = json.loads((folder / "model.json").read_text())["synthetic"]
        assert all(fill["added"] <= fill["wanted"] for fill in record["classes"])
        if record["samples_hash"] is None:
            continue
        num_added += sum(fill["added"] for fill in record["classes"])
        made = pd.read_parquet(folder / "synthetic" / "table.parquet")
        assert made["synthetic"].all()
        assert not set(made["sample_id"]) & set(predictions["sample_id"])
        assert len(np.load(folder / "synthetic" / "x.npy")) == len(made)
    assert num_added > 0


@pytest.mark.slow
def test_the_report_says_what_was_added(finished):
    page = (finished / "data/08_reporting/test/cnn/report.html").read_text()
    assert "A generator was to add" in page
    assert "every score is of real samples" in page


@pytest.mark.slow
def test_a_class_with_too_few_samples_ends_the_run_with_its_name(finished):
    ran = run(finished, "ingest.long_tail=60")
    assert ran.returncode != 0
    told = ran.stderr[-2000:]
    assert "balance.method is 'gan'" in told
    assert "oversample" in told
    assert "Traceback" not in told
