"""The whole graph on the embedded digits, as a user runs it, with conf/test."""

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from project_copy import clean_environment, copy_project, kedro, tree

RUN = ("run", "--env=test", "--pipeline=train_cnn")
RESULTS = ("03_primary", "05_model_input", "06_models", "07_model_output", "08_reporting")


def results(project):
    return {
        f"{folder}/{name}": content
        for folder in RESULTS
        for name, content in tree(project / "data" / folder).items()
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which one undisturbed run has ended."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    ran = kedro(project, *RUN)
    assert ran.returncode == 0, ran.stderr[-3000:]
    project.joinpath("run.log").write_text(ran.stdout + ran.stderr)
    return project


@pytest.fixture(scope="module")
def client(finished):
    return MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")


@pytest.fixture(scope="module")
def runs(client):
    experiment = client.get_experiment_by_name("test")
    return client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])


@pytest.fixture(scope="module")
def parent(runs):
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return parent


@pytest.fixture(scope="module")
def children(runs, parent):
    return [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def test_every_stage_has_left_its_results(finished):
    names = set(results(finished))
    assert {
        "03_primary/test/samples/schema.json",
        "05_model_input/test/folds.json",
        "05_model_input/test/balance_plan.parquet",
        "06_models/test/cnn/fold_1/weights.safetensors",
        "07_model_output/test/cnn/predictions.parquet",
        "08_reporting/test/cnn/metrics.json",
        "08_reporting/test/cnn/details.csv",
        "08_reporting/test/cnn/outcomes.png",
        "08_reporting/test/cnn/report.html",
        "08_reporting/test/data/overview.png",
        "08_reporting/test/data/augmentation_preview.png",
    } <= names
    assert not [name for name in names if ".tmp-" in name or "resume" in name]


def test_the_metrics_are_those_of_the_predictions(finished):
    from sklearn.metrics import f1_score

    table = pd.read_parquet(finished / "data/07_model_output/test/cnn/predictions.parquet")
    oof = table[table["part"] == "oof"]
    probabilities = oof.filter(like="p_")
    predicted = probabilities.columns.str.removeprefix("p_")[probabilities.to_numpy().argmax(1)]
    metrics = json.loads((finished / "data/08_reporting/test/cnn/metrics.json").read_text())["oof"]
    assert metrics["accuracy"]["value"] == pytest.approx((predicted == oof["target"]).mean())
    expected = f1_score(oof["target"], predicted, average="macro")
    assert metrics["macro_f1"]["value"] == pytest.approx(expected)


def test_no_validation_or_held_out_row_is_among_the_balanced_rows(finished):
    folds = pd.read_parquet(finished / "data/05_model_input/test/folds.parquet")
    plan = pd.read_parquet(finished / "data/05_model_input/test/balance_plan.parquet")
    assigned = plan.merge(folds, on="sample_id", suffixes=("", "_of_sample"))
    assert (assigned["fold_of_sample"] >= 0).all()
    assert (assigned["fold_of_sample"] != assigned["fold"]).all()


def test_no_pickle_is_written(finished):
    for name, content in results(finished).items():
        assert not content.startswith(b"\x80\x04"), name
        assert Path(name).suffix not in {".pkl", ".pt", ".pth", ".ckpt", ".pickle"}, name


def test_the_run_ends_in_a_table_and_the_address_of_the_run(finished, parent):
    log = (finished / "run.log").read_text()
    assert "macro F1" in log
    address = f"#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    assert address in log
    assert "💡" not in log  # Lightning's advertisements


def test_one_run_is_one_parent_with_one_child_per_fold(parent, children):
    assert parent.info.status == "FINISHED"
    assert sorted(child.info.run_name for child in children) == ["fold_0", "fold_1"]
    assert {child.info.status for child in children} == {"FINISHED"}


def test_parameters_are_logged_flat_and_once(parent):
    params = parent.data.params
    assert params["train_cnn.model.name"] == "small_cnn"
    assert params["train_cnn.model.widths"] == "[8, 16]"
    assert params["train_cnn.fit.max_epochs"] == "2"
    assert params["ingest.source.kind"] == "digits"
    assert not [name for name in params if "(" in params[name]]  # no typed object as one string


def test_the_parent_carries_hashes_metrics_and_figures(finished, client, parent):
    tags = parent.data.tags
    folds = json.loads((finished / "data/05_model_input/test/folds.json").read_text())
    schema = json.loads((finished / "data/03_primary/test/samples/schema.json").read_text())
    assert tags["folds.hash"] == folds["content_hash"]
    assert tags["samples.hash"] == schema["content_hash"]
    assert {"git.commit", "dvc.data_md5", "params.hash"} <= set(tags)
    metrics = json.loads((finished / "data/08_reporting/test/cnn/metrics.json").read_text())
    logged = parent.data.metrics
    assert logged["oof.macro_f1"] == pytest.approx(metrics["oof"]["macro_f1"]["value"])
    assert logged["oof.macro_f1.low"] <= logged["oof.macro_f1"] <= logged["oof.macro_f1.high"]
    (data,) = parent.inputs.dataset_inputs
    assert data.dataset.name == "test"
    artifacts = {
        file.path
        for folder in ("data", "evaluation", "report")
        for file in client.list_artifacts(parent.info.run_id, folder)
    }
    assert {
        "evaluation/outcomes.png",
        "report/report.html",
        "data/overview.png",
    } <= artifacts


def test_children_carry_curves_and_their_own_scores(client, children):
    for child in children:
        history = client.get_metric_history(child.info.run_id, "val_loss")
        assert [entry.step for entry in history] == [0, 1]
        assert {"val_f1", "train_loss", "learning_rate", "accuracy"} <= set(child.data.metrics)
        assert child.data.tags["was_skipped"] == "false"


def test_the_experiment_opens_on_its_runs(client):
    experiment = client.get_experiment_by_name("test")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_store_is_in_write_ahead_mode(finished):
    connection = sqlite3.connect(finished / "mlflow.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.slow
def test_another_folder_locale_time_zone_and_hash_seed_give_the_same_bytes(finished, tmp_path):
    project = copy_project(tmp_path / "another place")
    ran = kedro(project, *RUN, LC_ALL="C", TZ="Asia/Kathmandu", PYTHONHASHSEED="7")
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert results(project) == results(finished)


@pytest.mark.slow
def test_an_unchanged_run_trains_nothing_and_changes_no_byte(finished):
    before = results(finished)
    ran = kedro(finished, *RUN)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stderr.count("not trained again") == 2
    assert results(finished) == before


MOMENTS = {
    "ingest": "08_reporting/test/data/data_card.json",
    "first epoch": "06_models/test/cnn/fold_0/**/*.json",  # or the fold's end, if that was fast
    "first fold": "06_models/test/cnn/fold_0/model.json",
    "predictions": "07_model_output/test/cnn/predictions.parquet",
}


@pytest.mark.slow
def test_a_run_killed_at_several_moments_ends_in_the_same_bytes(finished, tmp_path):
    project = copy_project(tmp_path / "project")
    for moment, pattern in MOMENTS.items():
        process = subprocess.Popen(
            [Path(sys.executable).parent / "kedro", *RUN],
            cwd=project,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and not list((project / "data").glob(pattern)):
            time.sleep(0.002)
        assert process.poll() is None, f"ended before {moment}"
        process.send_signal(signal.SIGKILL)
        process.wait()
    ran = kedro(project, *RUN)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert results(project) == results(finished)
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("test")
    states = [run.info.status for run in client.search_runs([experiment.experiment_id])]
    assert "RUNNING" not in states
    assert "KILLED" in states


def _interrupt(process):
    """Press Ctrl-C, again if need be: Python drops one that falls into a finaliser."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=30)
    process.kill()
    pytest.fail("Ctrl-C did not end the run")


@pytest.mark.slow
def test_ctrl_c_ends_the_run_as_killed(project):
    process = subprocess.Popen(
        [
            *(Path(sys.executable).parent / "kedro", *RUN),
            "--params=train_cnn.fit.max_epochs=5000",
        ],
        cwd=project,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pattern = "06_models/test/cnn/fold_0/resume_*/epoch_*.json"
    while process.poll() is None and not list((project / "data").glob(pattern)):
        time.sleep(0.002)
    assert _interrupt(process) != 0
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("test")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "KILLED"]


@pytest.mark.slow
def test_runs_started_together_on_a_fresh_store_do_not_disturb_each_other(project):
    names = ["one", "two", "three"]
    command = [Path(sys.executable).parent / "kedro", *RUN]
    processes = [
        subprocess.Popen(
            [*command, f"--params=experiment={name}"],
            cwd=project,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for process in processes:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-3000:]
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    for name in names:
        runs = client.search_runs([client.get_experiment_by_name(name).experiment_id])
        assert [run.info.status for run in runs] == ["FINISHED"] * 3
        assert (project / f"data/08_reporting/{name}/cnn/metrics.json").exists()
    assert client.search_runs(["0"]) == []


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.slow
def test_a_real_server_is_used_when_the_environment_names_it(project, tmp_path):
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            *(Path(sys.executable).parent / "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"),
            *("--artifacts-destination", str(tmp_path / "artifacts")),
        ],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{uri}/health")
        ran = kedro(project, *RUN, MLFLOW_TRACKING_URI=uri)
        assert ran.returncode == 0, ran.stderr[-3000:]
        client = MlflowClient(uri)
        runs = client.search_runs([client.get_experiment_by_name("test").experiment_id])
        assert [run.info.status for run in runs] == ["FINISHED"] * 3
        assert not (project / "mlflow.db").exists()
        assert f"{uri}/#/experiments/" in ran.stderr + ran.stdout
        assert list((tmp_path / "artifacts").rglob("report.html"))
    finally:
        server.terminate()
        server.wait()


def _wait_for(url):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} does not answer")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--params=train_cnn.fit.max_epoch=3"], "did you mean 'max_epochs'"),
        (["--params=trian_cnn.fit.max_epochs=3"], "did you mean 'train_cnn'"),
        (["--params=train_cnn.fit.max_epochs=0"], "train_cnn.fit.max_epochs is 0|greater than 0"),
        (
            ["--params=train_cnn.model.name=lenet6"],
            "Did you mean 'lenet5'|small_cnn|resnet18|wide_resnet|timm",
        ),
        (["--params=experiment=../elsewhere"], "experiment is '../elsewhere'"),
        (
            ["--params=ingest.source.kind=image_folder,ingest.source.path=/no/such/folder"],
            "/no/such/folder",
        ),
    ],
)
def test_a_wrong_parameter_is_told_in_the_last_lines(finished, arguments, told):
    before = results(finished)
    ran = kedro(finished, *RUN, *arguments)
    assert ran.returncode != 0
    last_lines = "\n".join(ran.stderr.strip().splitlines()[-12:])
    assert all(part in last_lines for part in told.split("|")), last_lines
    assert "Traceback" not in last_lines
    assert results(finished) == before


def test_an_unreachable_server_is_told_at_once(finished):
    uri = f"http://127.0.0.1:{free_port()}"
    start = time.monotonic()
    ran = kedro(finished, *RUN, MLFLOW_TRACKING_URI=uri)
    assert ran.returncode != 0
    assert uri in "\n".join(ran.stderr.strip().splitlines()[-4:])
    assert time.monotonic() - start < 60


def test_looking_at_the_graph_does_not_import_torch(finished):
    script = (
        "import sys; from pathlib import Path\n"
        "from kedro.framework.startup import bootstrap_project\n"
        "from kedro.framework.session import KedroSession\n"
        "from kedro.framework.project import pipelines\n"
        "bootstrap_project(Path.cwd())\n"
        "with KedroSession.create() as session:\n"
        "    session.load_context().catalog\n"
        "print(sorted(pipelines), 'torch' in sys.modules, 'torchvision' in sys.modules)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=finished, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip().endswith("False False")
    assert "train_cnn" in ran.stdout


def test_predictor_reads_what_a_run_has_left(finished):
    import foldwise

    predictor = foldwise.load(finished / "data/06_models/test/cnn/fold_0")
    x = np.load(finished / "data/03_primary/test/samples/x.npy", allow_pickle=False)
    table = predictor.predict(x[:3])
    assert list(table.columns) == ["prediction", *(f"p_{digit}" for digit in range(10))]
