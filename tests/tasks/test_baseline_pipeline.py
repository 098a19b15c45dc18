from pathlib import Path

import pytest
import yaml
from baseline_samples import folds_of, table
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.runner import SequentialRunner

from foldwise.datasets.working_folder_dataset import WorkingFolderDataset
from foldwise.pipelines.baseline import create_pipeline
from foldwise.tasks.baseline_config import BaselineConfig

CONF = Path(__file__).parents[2] / "conf" / "base"
OUTPUTS = ("table", "metrics", "figure", "summary")


def run(tmp_path, config):
    samples = table()
    folds = folds_of(samples)
    values = {"samples": samples, "folds": folds, "params:baseline": config}
    values["baseline_workspace"] = tmp_path
    kept = ["baseline_predictions", "baseline_fits", *(f"mlp_baselines_{n}" for n in OUTPUTS)]
    memory = {name: MemoryDataset(copy_mode="assign") for name in kept}
    memory |= {name: MemoryDataset(value, copy_mode="assign") for name, value in values.items()}
    memory["baseline_models"] = WorkingFolderDataset(filepath=str(tmp_path))
    first = create_pipeline("mlp").only_nodes_with_tags("baseline")
    catalog = DataCatalog(memory)
    SequentialRunner().run(first, catalog)
    fitted = catalog["baseline_predictions"].load()
    if config.enabled:
        network = fitted[fitted["model"] == "logistic"].drop(columns="model")
    else:
        from foldwise.tasks.baseline_fit import fit_baselines

        config = BaselineConfig.of(models="prior")
        network = fit_baselines(samples, folds, config, tmp_path / "n").predictions
        network = network.drop(columns="model")
    catalog["mlp_predictions"] = MemoryDataset(network.reset_index(drop=True))
    SequentialRunner().run(
        create_pipeline("mlp").only_nodes_with_tags("compare_baselines"), catalog
    )
    return [catalog[f"mlp_baselines_{name}"].load() for name in OUTPUTS]


def test_the_stages_end_in_a_table_a_json_a_figure_and_a_sentence(tmp_path):
    scores, metrics, figure, text = run(tmp_path, BaselineConfig.of(models="prior;logistic"))
    assert list(scores["model"]) == ["network", "prior", "logistic"]
    # The "network" is logistic regression itself.
    assert scores.loc[2, "difference"] == 0
    assert metrics["info"]["verdict"] == "not worth it"
    assert text.startswith("The network is not worth it: the best baseline, logistic")
    assert text.endswith(".\n")
    assert len(figure.axes) == 2


def test_disabled_stages_write_empty_results(tmp_path):
    scores, metrics, _, text = run(tmp_path, BaselineConfig(enabled=False))
    assert list(scores["model"]) == ["network"]
    assert metrics["info"]["verdict"] == "unknown"
    assert "baseline.enabled is false" in text


def test_every_node_has_one_stage_and_families_share_the_fit():
    by_family = {f: {n.name: n for n in create_pipeline(f).nodes} for f in ("cnn", "rnn")}
    for nodes in by_family.values():
        assert [tags for node in nodes.values() for tags in [sorted(node.tags)]] == [
            ["baseline"],
            ["compare_baselines"],
        ]
    assert by_family["cnn"]["fit_baselines"] == by_family["rnn"]["fit_baselines"]


def test_the_parameters_of_the_project_are_the_defaults():
    written = yaml.safe_load((CONF / "parameters_baseline.yml").read_text())["baseline"]
    assert BaselineConfig.of(**written) == BaselineConfig()
    assert set(written) == set(BaselineConfig.model_fields)


def test_a_folder_is_given_and_only_that_one_is_taken(tmp_path):
    dataset = WorkingFolderDataset(filepath=str(tmp_path / "here"))
    assert dataset.load() == tmp_path / "here"
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="belongs in"):
        dataset.save(tmp_path / "here")
    (tmp_path / "here").mkdir()
    dataset.save(tmp_path / "here")
    assert dataset.exists()
    with pytest.raises(DatasetError, match="belongs in"):
        dataset.save(tmp_path)


def test_signatures_of_the_nodes_need_neither_torch_nor_scikit_learn():
    import subprocess
    import sys

    code = (
        "import sys, foldwise.pipelines.baseline;"
        "print([n for n in ('torch', 'sklearn', 'sktime') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
