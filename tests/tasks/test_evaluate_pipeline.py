import hashlib

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from test_evaluate import predictions_of

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.pipelines.evaluate import create_pipeline
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.fold_models import FoldModels

OUTPUTS = (
    "metrics",
    "details_table",
    "outcomes_table",
    "curves_table",
    "outcomes_figure",
    "curves_figure",
    "details_figure",
    "report",
    "calibration_metrics",
    "calibration_table",
    "risk_coverage_table",
    "thresholds_table",
    "operating_points_table",
    "reliability_figure",
    "thresholds_figure",
    "risk_coverage_figure",
    "training_curves_table",
    "training_curves_figure",
    "slices_table",
    "fairness_table",
    "slices_figure",
    "mistakes_table",
    "label_errors_table",
    "mistakes_figure",
    "label_errors_figure",
)

FACTS = {
    "data_card": {"num_samples": 150, "modality": "image", "classes": {"=a": 50}},
    "audit_record": {"checks": [], "counts": {}, "findings": []},
    "run_facts": {"Run": {"command": "kedro run --pipeline=train_rnn"}, "Parameters": {"a.b": 7}},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    predictions = predictions_of(classes=("=a", "b", "c"), num_test=90)
    rows = predictions.drop_duplicates("sample_id").sort_values("sample_id")
    ids = rows["sample_id"].to_numpy(dtype=object)
    table = pd.DataFrame(
        {
            "sample_id": ids,
            "label": rows["target"].to_numpy(dtype=object),
            "group": pd.array([None] * len(ids), dtype="string"),
            "official_split": pd.array([None] * len(ids), dtype="string"),
            "source": "test",
            "sha256": [hashlib.sha256(bytes([i])).hexdigest() for i in range(len(ids))],
        }
    )
    samples = Samples(np.zeros((len(ids), 1, 4, 4), dtype=np.uint8), table, ("=a", "b", "c"))
    info = {"scheme": "stratified k-fold", "parameters": {"seed": 0}, "content_hash": "0f" * 32}
    # Three samples of each unit: copies, which must not count as new samples.
    units = [i // 3 for i in range(len(ids))]
    folds = Folds(pd.DataFrame({"sample_id": ids, "fold": 0, "repeat": 0, "unit": units}), info)
    return {
        "rnn_predictions": predictions,
        "rnn_inner_predictions": pd.DataFrame(),
        "samples": samples,
        "folds": folds,
        "rnn_network": {"name": "a network"},
        "rnn_models": FoldModels(tmp_path_factory.mktemp("rnn")),  # another program's predictions
        "rnn_baselines_summary": "The network is <worth> it.\n",
        "rnn_explanations": {},
        **FACTS,
        "params:evaluate": EvaluateConfig(num_resamples=100),
    }


@pytest.fixture(scope="module")
def outputs(inputs):
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in inputs.items()}
        | {f"rnn_{name}": MemoryDataset(copy_mode="assign") for name in OUTPUTS}
    )
    SequentialRunner().run(create_pipeline(family="rnn"), catalog)
    return {name: catalog.load(f"rnn_{name}") for name in OUTPUTS}


def test_outputs_belong_to_one_another(outputs):
    details, metrics = outputs["details_table"], outputs["metrics"]
    oof = details[details["part"] == "oof"]
    assert metrics["oof"]["macro_f1"]["value"] == pytest.approx(oof["f1"].mean())
    hits = (outputs["outcomes_table"]["actual"] == outputs["outcomes_table"]["predicted"]).mean()
    assert metrics["oof"]["accuracy"]["value"] == pytest.approx(hits)
    assert f"{metrics['oof']['accuracy']['value']:.4f}" in outputs["report"]
    assert "0f" * 32 in outputs["report"]
    assert "a network" in outputs["report"]
    assert "The network is &lt;worth&gt; it." in outputs["report"]
    assert "kedro run --pipeline=train_rnn" in outputs["report"]
    assert "<dt>a.b</dt><dd>7</dd>" in outputs["report"]
    assert "There are no networks beside these predictions" in outputs["report"]
    assert "No network was looked into" in outputs["report"]
    for anchor in ("calibration", "slices", "mistakes", "explanations", "glossary"):
        assert f'<h2 id="{anchor}">' in outputs["report"]
    assert set(outputs["curves_table"]["class"]) == {"'=a", "b", "c"}


def test_copies_do_not_count_as_new_samples(outputs):
    assert outputs["metrics"]["oof"]["num_independent_units"] == 50


def test_texts_in_the_tables_are_no_formulas(outputs):
    for name in ("details_table", "outcomes_table", "curves_table", "thresholds_table"):
        text = outputs[name].to_csv(index=False)
        assert "'=a" in text
        assert ",=a" not in text
        assert "\n=a" not in text


def test_nodes_are_tagged_and_named_after_their_functions():
    for node in create_pipeline().nodes:
        assert node.tags == {"evaluate"}
        assert node.name == node.func.__name__
    named = ("predictions", "inner_predictions", "network", "baselines_summary", "models")
    of_family = {f"cnn_{name}" for name in (*named, "explanations")}
    of_data = {"samples", "folds", "params:evaluate", *FACTS}
    assert create_pipeline().inputs() == of_family | of_data
    assert create_pipeline().outputs() == {f"cnn_{name}" for name in OUTPUTS}
