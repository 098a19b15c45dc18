"""Searches from the command to the page and to training with what was found, with conf/test."""

import json

import pandas as pd
import pytest
import yaml
from mlflow.tracking import MlflowClient
from project_copy import copy_project, kedro, tree

REPORTING = "data/08_reporting/test/cnn_search"
OUTPUT = "data/07_model_output/test/cnn_search"
MODELS = "data/06_models/test/cnn_search"
AGAIN = ("--pipeline=search_cnn", "--tags=search,report_search")
FIGURES = ("history", "importances", "slices", "contour", "parallel", "front", "curves")

pytestmark = pytest.mark.slow


def run(project, *arguments, **environment):
    ran = kedro(project, "run", "--env=test", *arguments, **environment)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which a nested search has ended."""
    project = copy_project(tmp_path_factory.mktemp("searched") / "project")
    told = run(project, "--pipeline=search_cnn", "--params=search_cnn.nested=true")
    (project / "run.log").write_text(told)
    return project


@pytest.fixture(scope="module")
def runs(finished):
    client = MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("test")
    return client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])


@pytest.fixture(scope="module")
def metrics(finished):
    return json.loads((finished / REPORTING / "metrics.json").read_text())


def below(runs, parent):
    return [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def test_trials_parameters_figures_and_page_are_there(finished, metrics):
    trials = pd.read_parquet(finished / OUTPUT / "trials.parquet")
    assert trials["study"].tolist() == sorted(["test_cnn", *_nested()] * 3)
    studies = json.loads((finished / OUTPUT / "studies.json").read_text())
    assert [study["name"] for study in studies["studies"]] == ["test_cnn", *_nested()]
    best = trials[trials["study"] == "test_cnn"]["val_f1"].max()
    assert metrics["inner"]["val_f1"] == best
    page = (finished / REPORTING / "report.html").read_text()
    assert f"{best:.4f}" in page
    for name in (*FIGURES, "coverage"):
        assert (finished / REPORTING / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    found = yaml.safe_load((finished / REPORTING / "best_params.yml").read_text())
    assert set(found) == {"train_cnn"}


def _nested():
    return [f"test_cnn_repeat_0_fold_{fold}" for fold in range(2)]


def test_winner_defaults_and_nested_winners_predict_every_outer_sample(finished, metrics):
    table = pd.read_parquet(finished / OUTPUT / "predictions.parquet")
    assert set(table["method"]) == set(metrics["outer"]) == {"winner", "defaults", "nested"}
    oof = table[table["part"] == "oof"]
    assert oof.groupby("method")["sample_id"].nunique().nunique() == 1
    assert not oof.duplicated(["method", "sample_id", "repeat"]).any()
    folds = metrics["outer"]["winner"]["fold_mean"] - metrics["outer"]["defaults"]["fold_mean"]
    assert metrics["difference"]["value"] == pytest.approx(folds)


def test_the_run_ends_in_a_table_and_the_verdict(finished):
    log = (finished / "run.log").read_text()
    assert "search in each fold" in log
    assert "on the outer folds, which no trial was scored on" in log
    assert f"Report: {REPORTING}/report.html" in log


def test_mlflow_holds_trials_below_the_search(finished, runs, metrics):
    (search,) = (run for run in runs if run.info.run_name == "search_cnn")
    assert search.info.status == "FINISHED"
    assert search.data.metrics["outer.winner.oof"] == metrics["outer"]["winner"]["oof"]["value"]
    assert "on the outer folds" in search.data.tags["mlflow.note.content"]
    trials = [run for run in below(runs, search) if "trial" in run.info.run_name]
    assert len(trials) == 3 * (1 + 2)
    client = MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    files = {file.path for file in client.list_artifacts(search.info.run_id, "search")}
    assert {"search/trials.parquet", "search/best_params.yml", "search/history.png"} <= files


def test_the_same_again_tries_and_trains_nothing_and_gives_the_same(finished, metrics):
    before = tree(finished / MODELS)
    told = run(finished, *AGAIN, "--params=search_cnn.nested=true")
    assert "Trial 1 of" not in told
    assert told.count("unchanged, not trained again") == 3 * 2
    after = tree(finished / MODELS)
    networks = [name for name in before if name.endswith(".safetensors")]
    assert networks
    assert all(after[name] == before[name] for name in networks)
    assert json.loads((finished / REPORTING / "metrics.json").read_text()) == metrics


def test_more_trials_are_added_to_those_that_there_are(finished):
    trials = pd.read_parquet(finished / OUTPUT / "trials.parquet")
    run(finished, *AGAIN, "--params=search_cnn.n_trials=4")
    found = pd.read_parquet(finished / OUTPUT / "trials.parquet")
    assert found["number"].tolist() == [0, 1, 2, 3]
    first = trials[trials["study"] == "test_cnn"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.head(3), first, check_dtype=False)


def test_training_with_what_was_found_gives_the_winner(finished):
    run(finished, "--pipeline=train_cnn", "--params=train_cnn.use_best=true")
    trained = json.loads((finished / "data/06_models/test/cnn/fold_0/model.json").read_text())
    winner = json.loads((finished / MODELS / "winner/fold_0/model.json").read_text())
    assert trained["model"] == winner["model"]
    assert trained["weights_sha256"] == winner["weights_sha256"]


def test_a_password_of_a_storage_is_in_no_file(finished):
    secret = "f00dcafe-secret"
    database = finished / "search.db"
    storage = f"sqlite:///{database}?password={secret}"
    ran = kedro(finished, "run", "--env=test", *AGAIN, f"--params=search_cnn.storage={storage}")
    told = ran.stdout + ran.stderr
    assert secret not in told
    leaks = [name for name, content in tree(finished).items() if secret.encode() in content]
    assert leaks == []


@pytest.mark.parametrize("family", ["rnn", "mlp", "gan"])
def test_the_other_families_are_searched_likewise(finished, family):
    parameters = f"search_{family}.n_trials=2,search_{family}.folds=1"
    told = run(finished, f"--pipeline=search_{family}", f"--params={parameters}")
    assert "best parameters" in told
    reporting = finished / f"data/08_reporting/test/{family}_search"
    found = json.loads((reporting / "metrics.json").read_text())
    assert found["trials"]["complete"] == 2
    assert f"train_{family}.use_best=true" in (reporting / "report.html").read_text()
