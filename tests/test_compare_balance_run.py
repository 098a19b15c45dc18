"""The comparison of imbalance remedies on digits made imbalanced, as a user runs it."""

import json

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from project_copy import copy_project, kedro, tree

METHODS = "class_weights;weighted_sampler"
RESULTS = "data/08_reporting/test/cnn_balance"


def compare(project, methods, *more):
    parameters = f"ingest.long_tail=5,compare_balance.methods={methods}"
    return kedro(
        project, "run", "--env=test", "--pipeline=compare_balance", "--params", parameters, *more
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which one comparison has ended."""
    project = copy_project(tmp_path_factory.mktemp("compared") / "project")
    ran = compare(project, METHODS)
    assert ran.returncode == 0, ran.stderr[-3000:]
    project.joinpath("run.log").write_text(ran.stdout + ran.stderr)
    return project


@pytest.fixture(scope="module")
def runs(finished):
    client = MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("test")
    return client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])


def below(runs, parent):
    tags = [(run, run.data.tags.get("mlflow.parentRunId")) for run in runs]
    return [run for run, above in tags if above == (parent and parent.info.run_id)]


@pytest.mark.slow
def test_tables_metrics_figure_and_page_are_there(finished):
    found = finished / RESULTS
    methods = pd.read_csv(found / "methods.csv")
    assert set(methods["method"]) == {"none", "class_weights", "weighted_sampler"}
    assert set(methods["part"]) == {"oof", "test"}
    differences = pd.read_csv(found / "differences.csv")
    assert differences["method"].tolist() == ["class_weights", "weighted_sampler"]
    assert (differences["p_holm"] >= differences["p_value"]).all()
    assert len(pd.read_csv(found / "per_class.csv")) == 2 * 10 * 3
    folds = pd.read_csv(found / "folds.csv")
    assert len(folds) == 3 * 2
    metrics = json.loads((found / "metrics.json").read_text())
    pairs = folds.pivot(index="fold", columns="method", values="macro_f1")
    mean = (pairs["class_weights"] - pairs["none"]).mean()
    assert metrics["class_weights"]["difference"]["value"] == pytest.approx(mean)
    assert (found / "comparison.png").read_bytes().startswith(b"\x89PNG")
    page = (found / "report.html").read_text()
    assert "weighted_sampler" in page
    assert "Nadeau" in page


@pytest.mark.slow
def test_the_run_ends_in_a_table(finished):
    log = (finished / "run.log").read_text()
    table = log[log.index("Remedies") :]
    assert "class_weights" in table
    assert "p (Holm)" in table
    assert f"Report: {RESULTS}/report.html" in table
    assert "Conflicting type requirements" not in log


@pytest.mark.slow
def test_mlflow_holds_one_tree_of_methods_and_their_folds(finished, runs):
    (parent,) = below(runs, None)
    assert parent.info.status == "FINISHED"
    methods = below(runs, parent)
    assert [run.info.run_name for run in methods] == ["none", "class_weights", "weighted_sampler"]
    metrics = json.loads((finished / RESULTS / "metrics.json").read_text())
    for run in methods:
        assert run.info.status == "FINISHED"
        of_method = metrics[run.info.run_name]
        assert run.data.metrics["oof.macro_f1"] == of_method["oof"]["macro_f1"]["value"]
        folds = below(runs, run)
        assert sorted(fold.info.run_name for fold in folds) == ["fold_0", "fold_1"]
        scores = pd.read_csv(finished / RESULTS / "folds.csv").set_index(["method", "fold"])
        for fold in folds:
            assert fold.info.status == "FINISHED"
            assert "val_loss" in fold.data.metrics
            key = run.info.run_name, int(fold.data.tags["fold"])
            assert fold.data.metrics["macro_f1"] == pytest.approx(scores.loc[key, "macro_f1"])
    assert len(runs) == 1 + 3 + 3 * 2
    assert not [name for name in parent.data.metrics if name.startswith("oof")]


@pytest.mark.slow
def test_a_second_run_trains_only_the_method_that_was_added(finished, tmp_path):
    models = "data/06_models/test/cnn_balance"
    before = tree(finished / models)
    ran = compare(finished, f"{METHODS};undersample")
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = ran.stderr
    assert told.count("unchanged, not trained again") == 3 * 2
    of_added = told[told.index("undersample\n") :]
    assert "unchanged" not in of_added
    assert before.items() <= tree(finished / models).items()


def test_a_wrong_method_is_told_before_anything_runs(project):
    ran = compare(project, "class_weights;oversampel")
    assert ran.returncode != 0
    last = (ran.stdout + ran.stderr)[-1500:]
    assert "compare_balance.methods" in last
    assert "'oversampel'" in last
    assert "oversample" in last
    assert not (project / "data").exists()
