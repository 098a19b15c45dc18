"""Networks for sequences and for tables, from the command to the report, with conf/test."""

import json

import numpy as np
import pandas as pd
import pytest
from project_copy import copy_project, kedro, tree

from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import Predictor


def run(project, family, *arguments):
    ran = kedro(project, "run", "--env=test", f"--pipeline=train_{family}", *arguments)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout + ran.stderr


@pytest.mark.slow
def test_digits_are_read_row_by_row(tmp_path):
    project = copy_project(tmp_path / "project")
    told = run(project, "rnn")

    reporting = project / "data/08_reporting/test/rnn"
    network = json.loads((reporting / "network.json").read_text())
    assert network["name"] == "gru"
    sentence = (reporting / "baselines.txt").read_text().splitlines()[0]
    assert sentence in (reporting / "report.html").read_text()
    assert "Report: data/08_reporting/test/rnn/report.html" in told
    table = pd.read_parquet(project / "data/07_model_output/test/rnn/predictions.parquet")
    assert table["sample_id"].nunique() == 1797
    folder = FoldModels(project / "data/06_models/test/rnn").folder(0, 1)
    predictor = Predictor(folder)
    x = np.load(project / "data/03_primary/test/samples/x.npy")
    ids = pd.read_parquet(project / "data/03_primary/test/samples/table.parquet")["sample_id"]
    rows = table[(table["fold"] == 1) & (table["part"] == "oof")].set_index("sample_id")
    columns = [name for name in rows if name.startswith("p_")]
    found = pd.DataFrame(predictor.probabilities(x), index=ids).loc[rows.index]
    np.testing.assert_allclose(found, rows[columns], rtol=1e-5)


@pytest.mark.slow
def test_a_table_with_gaps_and_categories_is_trained_once(tmp_path):
    project = copy_project(tmp_path / "project")
    generator = np.random.default_rng(0)
    colour, size = generator.choice(["red", "green"], 200), generator.normal(0, 1, 200)
    label = np.where((colour == "red") ^ (size > 0), "yes", "no")
    table = pd.DataFrame({"colour": colour, "size": size, "label": label})
    table.loc[::17, "size"] = None
    table.to_csv(project / "table.csv", index=False)
    source = "ingest.source.kind=table,ingest.source.path=table.csv"
    params = f"--params={source},ingest.source.target_column=label"

    run(project, "mlp", params)
    before = tree(project / "data/06_models/test/mlp")
    told = run(project, "mlp", params)

    assert tree(project / "data/06_models/test/mlp") == before
    assert told.count("unchanged, not trained again") == 2
