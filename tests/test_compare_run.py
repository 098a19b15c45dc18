"""Models compared, and a learning curve drawn, as a user runs them: on digits, in seconds."""

import json

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from project_copy import copy_project, kedro, tree

RESULTS = "data/08_reporting/test"
PREDICTIONS = "data/07_model_output/test"


def run(project, pipeline, parameters="", *more):
    given = ("--params", parameters) if parameters else ()
    return kedro(project, "run", "--env=test", f"--pipeline={pipeline}", *given, *more)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project in which networks and baselines have been trained."""
    project = copy_project(tmp_path_factory.mktemp("trained") / "project")
    tags = "ingest,audit,split,balance,baseline,train"
    ran = run(project, "train_cnn", "", f"--tags={tags}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    return project


def last_run(project):
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("test")
    runs = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])
    return client, next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)


@pytest.mark.slow
def test_all_models_of_the_experiment_are_compared(trained):
    _, training = last_run(trained)
    ran = run(trained, "compare")
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = trained / RESULTS / "compare"
    scores = pd.read_csv(found / "scores.csv")
    assert scores["model"].tolist() == ["cnn", "baseline:prior", "baseline:logistic"]
    pairs = pd.read_csv(found / "pairs.csv")
    assert len(pairs) == 3
    assert (pairs["p_holm"] >= pairs["p_value"]).all()
    page = (found / "comparison.html").read_text()
    assert "McNemar" in page
    assert (found / "comparison.png").read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((found / "metrics.json").read_text())
    sentence = metrics["info"]["sentences"][0]
    assert sentence in (ran.stdout + ran.stderr).replace("\n", " ")
    client, tracked = last_run(trained)
    name = "pairs.baseline_logistic minus cnn"
    assert tracked.data.metrics[name] == metrics["pairs"]["baseline_logistic minus cnn"]["value"]
    artifacts = [a.path for a in client.list_artifacts(tracked.info.run_id, "comparison")]
    assert "comparison/pairs.csv" in artifacts
    # The same network by the id of its MLflow run: the same score.
    names = f"run:{training.info.run_id};baseline:logistic"
    ran = run(trained, "compare", f"compare.models={names}")
    assert ran.returncode == 0, ran.stderr[-3000:]
    again = pd.read_csv(found / "scores.csv")
    assert again["value"].tolist() == scores["value"].iloc[[0, 2]].tolist()


@pytest.mark.slow
def test_predictions_of_other_folds_are_refused(trained):
    mine = trained / PREDICTIONS / "mine"
    mine.mkdir()
    table = pd.read_parquet(trained / PREDICTIONS / "cnn" / "predictions.parquet")
    oof = table["part"] == "oof"
    table.loc[oof, "fold"] = 1 - table.loc[oof, "fold"]
    table.to_parquet(mine / "predictions.parquet")
    before = tree(trained / RESULTS)
    ran = run(trained, "compare", "compare.models=cnn;mine")
    (mine / "predictions.parquet").unlink()
    mine.rmdir()
    assert ran.returncode != 0
    told = " ".join((ran.stdout + ran.stderr)[-2500:].split())
    assert "'mine'" in told
    assert "were made on other folds" in told
    assert "folds.hash" in told
    assert tree(trained / RESULTS) == before


@pytest.mark.slow
def test_a_learning_curve_takes_over_what_was_trained_on_all(trained):
    ran = run(trained, "learning_curve_cnn", "learning_curve.fractions=0.25;0.5")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stderr.count("unchanged, not trained again") == 2
    found = trained / RESULTS / "cnn_learning_curve"
    table = pd.read_csv(found / "fractions.csv")
    assert table["fraction"].tolist() == [0.25, 0.5, 1.0]
    assert table["num_training"].is_monotonic_increasing
    assert "Twice the data" in (found / "report.html").read_text()
    again = run(trained, "learning_curve_cnn", "learning_curve.fractions=0.25;0.5")
    assert again.stderr.count("unchanged, not trained again") == 6
    client, tracked = last_run(trained)
    query = f"tags.`mlflow.parentRunId` = '{tracked.info.run_id}'"
    children = client.search_runs([tracked.info.experiment_id], query)
    names = {child.info.run_name for child in children}
    assert names == {"fraction 0.25", "fraction 0.5", "fraction 1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("compare.models=cnn;cnm", "Did you mean 'cnn'?"),
        ("compare.models=cnn", "at least two models"),
        ("compare.metric=mae", "compare.metric"),
    ],
)
def test_wrong_names_are_told_in_the_last_lines(trained, parameters, message):
    ran = run(trained, "compare", parameters)
    assert ran.returncode != 0
    assert message in " ".join((ran.stdout + ran.stderr)[-2000:].split())
