"""What MLflow is told, on a real SQLite store."""

import math
import os
import platform
import socket
import sqlite3
import subprocess
import sys
import time

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from model_cards import make_card

from foldwise import child_run, tracking
from foldwise.atomic import one_at_a_time
from foldwise.data.samples import Samples
from foldwise.models.config import LeNet5Config
from foldwise.modules.records import EpochRecord
from foldwise.tasks.events import (
    ComparisonFinished,
    EpochFinished,
    FoldFinished,
    FoldStarted,
    MethodStarted,
    TrainingFinished,
    TrainingStarted,
)
from foldwise.tracking import (
    FoldRuns,
    MethodRuns,
    TrackingError,
    close_orphans,
    numeric_leaves,
    prepare_store,
    require_server,
    run_address,
    run_tags,
)

CURVES = ("train_loss", "val_loss", "val_accuracy", "val_f1", "learning_rate")


def record(epoch):
    scores = {"val_accuracy": 0.75, "val_f1": 0.8 + epoch / 1000}
    return EpochRecord(epoch, 1 / (epoch + 1), 0.5, 0.01, **scores)


def card(fold, num_epochs=2, repeat=0, best_epoch=1):
    return make_card(
        model=LeNet5Config(),
        repeat=repeat,
        fold=fold,
        fingerprint=f"fingerprint {fold}",
        best_epoch=best_epoch,
        history=tuple(vars(record(epoch)) for epoch in range(num_epochs)),
        weights_sha256=f"sha {fold}",
    )


@pytest.fixture
def experiment(store, client, request):
    """An experiment of this test's own."""
    project, uri = store
    prepare_store(uri, request.node.name, project)
    return client.get_experiment_by_name(request.node.name)


@pytest.fixture
def parent(client, experiment):
    return client.create_run(experiment.experiment_id).info.run_id


@pytest.fixture
def folds(client, experiment, parent):
    """The observer, told that a training has begun; what it left open ends with the test."""
    observer = FoldRuns(client, experiment.experiment_id, parent)
    observer(TrainingStarted(2, 2, "cpu", "float32"))
    yield observer
    observer(TrainingFinished())


def children(client, experiment):
    """The runs below the parent by their names."""
    runs = client.search_runs([experiment.experiment_id])
    return {run.info.run_name: run for run in runs if "mlflow.parentRunId" in run.data.tags}


def steps(client, run, metric):
    return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, metric)]


def test_each_fold_gets_a_child_with_its_curves_and_tags(client, experiment, parent, folds):
    for repeat, fold in ((0, 0), (1, 3)):
        folds(FoldStarted(repeat, fold, ()))
        folds(EpochFinished(repeat, fold, record(0)))
        folds(EpochFinished(repeat, fold, record(1)))
        folds(FoldFinished(card(fold, repeat=repeat), was_skipped=False))
    folds(TrainingFinished())
    found = children(client, experiment)
    assert set(found) == {"fold_0", "repeat_1_fold_3"}
    for (repeat, fold), run in zip(((0, 0), (1, 3)), map(found.get, sorted(found)), strict=True):
        assert run.info.status == "FINISHED"
        assert {
            "mlflow.parentRunId": parent,
            "repeat": str(repeat),
            "fold": str(fold),
            "best_epoch": "1",
            "weights.sha256": f"sha {fold}",
            "fingerprint": f"fingerprint {fold}",
            "was_skipped": "false",
        }.items() <= run.data.tags.items()
        for metric in CURVES:
            expected = [(epoch, getattr(record(epoch), metric)) for epoch in (0, 1)]
            assert steps(client, run, metric) == expected


def test_a_fold_of_numbers_has_no_curves_of_classes(client, experiment, folds):
    folds(FoldStarted(0, 0, ()))
    folds(EpochFinished(0, 0, EpochRecord(0, 0.5, 0.25, 0.01, val_mae=0.3)))
    folds(FoldFinished(card(0), was_skipped=False))
    (run,) = children(client, experiment).values()
    expected = {"train_loss": 0.5, "val_loss": 0.25, "learning_rate": 0.01, "val_mae": 0.3}
    found = {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")}
    assert found == expected


def test_a_child_runs_while_its_fold_is_trained_and_shows_its_curves(
    client, experiment, folds, monkeypatch
):
    monkeypatch.setattr(child_run, "_FLUSH_INTERVAL_S", 0.0)
    folds(FoldStarted(0, 0, ()))
    folds(EpochFinished(0, 0, record(0)))
    (run,) = children(client, experiment).values()
    assert run.info.status == "RUNNING"
    assert run.data.metrics["val_f1"] == pytest.approx(0.8)


def test_a_fold_that_goes_on_has_the_curves_from_its_beginning(client, experiment, folds):
    folds(FoldStarted(0, 0, (record(0), record(1))))
    folds(EpochFinished(0, 0, record(2)))
    folds(FoldFinished(card(0, num_epochs=3), was_skipped=False))
    run = children(client, experiment)["fold_0"]
    assert [step for step, _ in steps(client, run, "val_loss")] == [0, 1, 2]


def test_a_skipped_fold_gets_a_finished_child_with_the_curves_of_its_training(
    client, experiment, folds
):
    num_epochs = 300  # 1,500 values, more than MLflow takes at once
    folds(FoldFinished(card(1, num_epochs), was_skipped=True))
    run = children(client, experiment)["fold_1"]
    assert run.info.status == "FINISHED"
    assert run.data.tags["was_skipped"] == "true"
    for metric in CURVES:
        assert [step for step, _ in steps(client, run, metric)] == list(range(num_epochs))


def test_a_fold_that_fails_is_called_so_and_keeps_its_curves(client, experiment, folds):
    folds(FoldStarted(0, 0, ()))
    folds(FoldFinished(card(0), was_skipped=False))
    folds(FoldStarted(0, 1, ()))
    folds(EpochFinished(0, 1, record(0)))
    folds(TrainingFinished())  # without a FoldFinished
    found = children(client, experiment)
    assert [found[name].info.status for name in ("fold_0", "fold_1")] == ["FINISHED", "FAILED"]
    assert steps(client, found["fold_1"], "train_loss") == [(0, 1.0)]


def test_nothing_of_one_fold_reaches_the_next_one(client, experiment, folds):
    folds(FoldStarted(0, 0, ()))
    folds(EpochFinished(0, 0, record(0)))
    folds(FoldFinished(card(0), was_skipped=False))
    folds(FoldStarted(0, 1, ()))
    folds(EpochFinished(0, 1, record(5)))
    folds(FoldFinished(card(1), was_skipped=False))
    run = children(client, experiment)["fold_1"]
    assert [step for step, _ in steps(client, run, "val_loss")] == [5]


def compare_two(observer, seeds=(None,), is_complete=True):
    for method in ("none", "focal"):
        for seed in seeds:
            observer(MethodStarted(method, seed, 1, 2 * len(seeds)))
            observer(TrainingStarted(1, 2, "cpu", "float32"))
            observer(FoldStarted(0, 0, ()))
            if is_complete or method == "none":
                observer(FoldFinished(card(0), was_skipped=False))
            observer(TrainingFinished())
    observer(ComparisonFinished(is_complete))


@pytest.mark.parametrize("seeds", [(None,), (1, 2)])
def test_a_comparison_is_a_tree_of_methods_and_their_folds(client, experiment, parent, seeds):
    observer = MethodRuns(client, experiment.experiment_id, parent)
    compare_two(observer, seeds)
    observer.log_metrics("focal", {"oof.macro_f1": 0.5})
    observer.log_fold_metrics("focal", seeds[-1] or 7, (0, 0), {"macro_f1": 0.4})
    runs = client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
    above = {run.info.run_id: run.data.tags.get("mlflow.parentRunId") for run in runs}
    methods = {run.info.run_name: run for run in runs if above[run.info.run_id] == parent}
    assert set(methods) == {"none", "focal"}
    for name, method in methods.items():
        assert method.info.status == "FINISHED"
        assert method.data.tags["method"] == name
        folds = [run for run in runs if above[run.info.run_id] == method.info.run_id]
        expected = ["fold_0" if seed is None else f"seed_{seed}_fold_0" for seed in seeds]
        assert sorted(run.info.run_name for run in folds) == expected
        assert {run.info.status for run in folds} == {"FINISHED"}
        scored = ["macro_f1" in run.data.metrics for run in sorted(folds, key=by_name)]
        assert scored == [name == "focal" and seed == seeds[-1] for seed in seeds]
    assert methods["focal"].data.metrics["oof.macro_f1"] == 0.5
    assert len(runs) == 1 + 2 + 2 * len(seeds)


def test_a_method_that_fails_is_called_so(client, experiment, parent):
    observer = MethodRuns(client, experiment.experiment_id, parent)
    compare_two(observer, is_complete=False)
    found = children(client, experiment)
    assert found["none"].info.status == "FINISHED"
    assert found["focal"].info.status == "FAILED"


def test_scores_of_a_method_that_was_not_trained_in_this_run_get_a_run(client, experiment, parent):
    observer = MethodRuns(client, experiment.experiment_id, parent)
    observer.log_metrics("none", {"oof.macro_f1": 0.25})
    run = children(client, experiment)["none"]
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"oof.macro_f1": 0.25}


def by_name(run):
    return run.info.run_name


def test_scores_are_added_to_a_finished_fold_and_to_no_other(client, experiment, folds):
    folds(FoldFinished(card(0), was_skipped=True))
    folds.log_metrics((0, 0), {"accuracy": 0.9})
    folds.log_metrics((0, 7), {"accuracy": 0.1})  # not of this run: trained elsewhere
    found = children(client, experiment)
    assert found["fold_0"].data.metrics["accuracy"] == 0.9
    assert set(found) == {"fold_0"}


def test_preparing_a_store_again_is_harmless(store, client):
    project, uri = store
    before = client.get_experiment_by_name("first")
    run = client.create_run(before.experiment_id).info.run_id
    prepare_store(uri, "first", project)
    assert dict(client.get_experiment_by_name("first")) == dict(before)
    assert client.get_run(run).info.status == "RUNNING"
    assert before.artifact_location == (project / "mlruns" / "first").as_uri()


def test_a_database_is_in_write_ahead_mode(store):
    connection = sqlite3.connect(store[0] / "mlflow.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.slow
def test_processes_that_prepare_one_store_at_once_do_not_fail(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from foldwise.atomic import one_at_a_time\nfrom foldwise.tracking import prepare_store\n"
        "project = Path(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with one_at_a_time(project):\n"
        "    prepare_store(f'sqlite:///{project}/mlflow.db', 'same', project)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    names = [experiment.name for experiment in client.search_experiments()]
    assert sorted(names) == ["Default", "same"]


def test_a_lock_on_a_folder_is_held_by_one_process_at_a_time(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "import fcntl, os\n"
        "descriptor = os.open(sys.argv[1], os.O_RDONLY)\n"
        "try: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: print('taken')\n"
        "else: print('free')\n"
    )

    def tried():
        command = [sys.executable, "-S", "-c", script, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with one_at_a_time(tmp_path):
        assert tried() == "taken"
    assert tried() == "free"


def dead_process():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_runs_of_dead_processes_of_this_machine_are_called_killed(client, experiment):
    def run(**tags):
        return client.create_run(
            experiment.experiment_id, tags={f"foldwise.{k}": v for k, v in tags.items()}
        ).info.run_id

    here, dead = platform.node(), str(dead_process())
    runs = {
        "dead": run(host=here, pid=dead),
        "living": run(host=here, pid=str(os.getpid())),
        "another machine's": run(host=f"not-{here}", pid=dead),
        "another program's": run(),
        "finished": run(host=here, pid=dead),
    }
    client.set_terminated(runs["finished"], "FINISHED")
    close_orphans(client, experiment)
    assert {name: client.get_run(run_id).info.status for name, run_id in runs.items()} == {
        "dead": "KILLED",
        "living": "RUNNING",
        "another machine's": "RUNNING",
        "another program's": "RUNNING",
        "finished": "FINISHED",
    }


def test_a_folds_run_tells_its_process_so_that_it_is_found_when_that_is_dead(
    client, experiment, folds, monkeypatch
):
    dead = dead_process()
    monkeypatch.setattr(os, "getpid", lambda: dead)
    folds(FoldStarted(0, 0, ()))
    monkeypatch.undo()
    close_orphans(client, experiment)
    assert children(client, experiment)["fold_0"].info.status == "KILLED"


def test_parameters_are_logged_in_batches_and_cut_to_what_mlflow_takes(client, parent):
    params = {f"name_{i}": i for i in range(250)} | {"long": "x" * 7000, "none": None}
    tracking.log_params(client, parent, params)
    logged = client.get_run(parent).data.params
    assert len(logged) == 252
    assert logged["name_249"] == "249"
    assert logged["none"] == "None"
    assert logged["long"] == "x" * 6000


def test_names_of_parameters_that_mlflow_refuses_are_written_so_that_it_takes_them(client, parent):
    params = {
        "costs.sick>healthy": 10,
        "costs.c++>c": 1,
        "costs.c--//../>c": 2,
        "costs.c##>c": 3,
        "costs.größer>klein": 4,
        "x" * 300: 5,
        "x" * 301: 6,
    }
    tracking.log_params(client, parent, params)
    logged = client.get_run(parent).data.params
    assert logged["costs.sick:healthy"] == "10"
    assert logged["costs.größer:klein"] == "4"
    assert sorted(logged.values()) == sorted(str(value) for value in params.values())


def test_samples_are_the_data_set_input_of_the_run(client, experiment):
    table = pd.DataFrame(
        {
            "sample_id": ["s0", "s1"],
            "label": ["a", "b"],
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": ["0", "1"],
        }
    )
    samples = Samples(np.zeros((2, 1, 4, 4), dtype=np.uint8), table, ("a", "b"))
    with mlflow.start_run(experiment_id=experiment.experiment_id) as run:
        tracking.log_samples(samples, "mine")
    (logged,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert logged.dataset.name == "mine"
    assert samples.content_hash.startswith(logged.dataset.digest)
    assert "data/03_primary/mine/samples" in logged.dataset.source
    assert {tag.key: tag.value for tag in logged.tags} == {"mlflow.data.context": "training"}


@pytest.mark.parametrize(
    ("uri", "base"),
    [
        ("sqlite:////home/me/mlflow.db", "http://127.0.0.1:5000"),
        ("postgresql://host/db", "http://127.0.0.1:5000"),
        ("http://server:8080/", "http://server:8080"),
        ("https://server/mlflow", "https://server/mlflow"),
    ],
)
def test_the_address_of_a_run_is_that_of_its_server_or_of_make_ui(uri, base):
    assert run_address(uri, "7", "abc").startswith(f"{base}/#/experiments/7/runs/abc")


def test_numbers_of_nested_metrics_get_dotted_names_and_the_rest_is_left_out():
    tree = {
        "oof": {
            "f1": {"value": 0.5, "low": 0.25, "method": "bca", "is_exact": True, "n": 3},
            "auc": {"value": None, "low": math.nan, "high": math.inf},
            "folds": [0.1, 0.2],
        },
        "num_samples": 10,
    }
    expected = {"oof.f1": 0.5, "oof.f1.low": 0.25, "oof.f1.n": 3.0, "num_samples": 10.0}
    assert numeric_leaves(tree) == expected
    assert all(isinstance(value, float) for value in numeric_leaves(tree).values())
    assert numeric_leaves({"value": 1}, "f1") == {"f1": 1.0}


@pytest.fixture
def port():
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_server_that_does_not_answer_is_told_at_once_and_by_its_address(port):
    start = time.monotonic()
    with pytest.raises(
        TrackingError, match=rf"http://127\.0\.0\.1:{port} does not answer"
    ) as told:
        require_server(f"http://user:secret@127.0.0.1:{port}/path")
    assert time.monotonic() - start < 10
    assert "MLFLOW_TRACKING_URI" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_server_that_listens_and_a_database_are_fine(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        require_server(f"http://127.0.0.1:{listener.getsockname()[1]}")
    require_server(f"sqlite:///{tmp_path}/mlflow.db")
    require_server(str(tmp_path))


def git(folder, *arguments):
    identity = ("-c", "user.name=me", "-c", "user.email=me@here", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_run_is_tagged_with_commit_data_and_process(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message=first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "dvc.lock").write_text(
        "stages:\n"
        "  ingest:\n"
        "    outs:\n"
        "    - {path: data/03_primary/other/samples, md5: 1.dir}\n"
        "    - {path: data/03_primary/mine/samples, md5: 2.dir}\n"
        "  nothing: {cmd: echo}\n"
    )
    assert run_tags(tmp_path, "mine") == {
        "git.commit": commit,
        "dvc.data_md5": "2.dir",
        "foldwise.host": platform.node(),
        "foldwise.pid": str(os.getpid()),
    }
    (tmp_path / "code.py").write_text("2")
    tags = run_tags(tmp_path, "unknown")
    assert tags["git.commit"] == f"{commit}-dirty"
    assert tags["dvc.data_md5"] == "not under DVC"


def test_a_folder_without_git_and_dvc_can_be_tagged_too(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    tags = run_tags(tmp_path, "mine")
    assert (tags["git.commit"], tags["dvc.data_md5"]) == ("unknown", "not under DVC")
    monkeypatch.setenv("PATH", "")  # no git at all
    assert run_tags(tmp_path, "mine")["git.commit"] == "unknown"
