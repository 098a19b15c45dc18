"""The generator of dvc.yaml, on small pipelines and on the real ones."""

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import CatalogConfigResolver
from kedro.pipeline import Pipeline, node

from foldwise import dvc_stages as module
from foldwise.dvc_stages import (
    Project,
    StagesError,
    dvc_stages,
    dvc_yaml,
    main,
    search_stages,
    searches_yaml,
)
from foldwise.pipelines.split.nodes import split

ROOT = Path(__file__).resolve().parents[1]
CATALOG = {
    "table": {"type": "pandas.CSVDataset", "filepath": "data/table.csv"},
    "parts": {
        "type": "pandas.ParquetDataset",
        "filepath": "data/parts.parquet",
        "metadata": {"dvc": {"also": ["parts.json"]}},
    },
    "workspace": {"type": "some.Folder", "filepath": "data/models/net"},
    "models": {
        "type": "some.Folder",
        "filepath": "data/models/net",
        "metadata": {"dvc": {"persist": True}, "kedro-viz": {"layer": "models"}},
    },
    "scores": {
        "type": "json.JSONDataset",
        "filepath": "data/scores.json",
        "metadata": {"dvc": {"metric": True}},
    },
    "confusion": {
        "type": "pandas.CSVDataset",
        "filepath": "data/confusion.csv",
        "metadata": {"dvc": {"plot": {"template": "confusion", "x": "actual", "y": "predicted"}}},
    },
    "picture": {
        "type": "matplotlib.MatplotlibDataset",
        "filepath": "data/picture.png",
        "metadata": {"dvc": {"plot": {}}},
    },
    "{name}_notes": {"type": "text.TextDataset", "filepath": "data/{name}.txt"},
}


def work(*_):
    """Stand in for a node's function."""


def journey(train_inputs=("parts", "params:train_net", "workspace", "observer")):
    return Pipeline(
        [
            node(
                work, ["table", "params:split.k"], ["parts", "split_notes"], name="s", tags="split"
            ),
            node(work, list(train_inputs), "models", name="t", tags="train"),
            node(work, "models", "logits", name="p", tags="train"),
            node(work, "logits", ["scores", "confusion", "picture"], name="e", tags="train"),
        ]
    )


@pytest.fixture
def project(tmp_path):
    conf = tmp_path / "conf" / "base"
    conf.mkdir(parents=True)
    (conf / "parameters_split.yml").write_text("split:\n  k: 5\n")
    (conf / "parameters_train_net.yml").write_text("# train_net: no\ntrain_net:\n  split: 1\n")

    def make(**pipelines):
        in_memory = {"{default}": {"type": "MemoryDataset"}}
        return Project(tmp_path, pipelines, CatalogConfigResolver(CATALOG, {}, in_memory))

    return make


def test_a_stage_says_all_that_its_nodes_read_and_write(project):
    stages = dvc_stages(project(train_net=journey(), __default__=journey()))
    assert stages == {
        "split": {
            "cmd": "kedro run --pipeline=train_net --tags=split",
            "deps": ["data/table.csv"],
            "params": [{"conf/base/parameters_split.yml": ["split.k"]}],
            "outs": ["data/parts.json", "data/parts.parquet", "data/split.txt"],
        },
        "train_net": {
            "cmd": "kedro run --pipeline=train_net --tags=train",
            "deps": ["data/parts.json", "data/parts.parquet"],
            "params": [{"conf/base/parameters_train_net.yml": ["train_net"]}],
            "outs": [{"data/models/net": {"persist": True}}],
            "metrics": ["data/scores.json"],
            "plots": [
                {
                    "data/confusion.csv": {
                        "template": "confusion",
                        "x": "actual",
                        "y": "predicted",
                    }
                },
                "data/picture.png",
            ],
        },
    }


def test_single_stages_in_the_registry_are_no_stages_of_their_own(project):
    alone = journey().only_nodes_with_tags("split")
    assert list(dvc_stages(project(split=alone, train_net=journey()))) == ["split", "train_net"]


def test_two_journeys_share_what_is_the_same(project):
    stages = dvc_stages(project(train_net=journey(), train_other=journey()))
    assert set(stages) == {"split", "train_net", "train"}
    assert stages["split"]["cmd"] == "kedro run --pipeline=train_net --tags=split"


def test_one_name_for_two_different_stages_is_refused(project):
    other = Pipeline(
        [
            node(work, "table", "parts", name="other", tags="split"),
            node(work, "parts", "x_notes", name="last", tags="report"),
        ]
    )
    with pytest.raises(StagesError, match=r"'split' is made of \['other'\] in .*'train_other'"):
        dvc_stages(project(train_net=journey(), train_other=other))


@pytest.mark.parametrize("tags", [None, ["split", "train"]])
def test_a_node_has_one_stage(project, tags):
    lost = Pipeline([node(work, "table", "parts", name="lost", tags=tags)])
    with pytest.raises(StagesError, match="'lost' must have one tag"):
        dvc_stages(project(train_net=lost))


def test_what_passes_between_stages_needs_a_path(project):
    apart = Pipeline(
        [
            node(work, "table", "rows", name="a", tags="split"),
            node(work, "rows", "parts", name="b", tags="train"),
        ]
    )
    with pytest.raises(StagesError, match=r"'train' .* reads \['rows'\] of another stage"):
        dvc_stages(project(train_net=apart))


def test_a_parameter_without_a_file_is_refused(project):
    with pytest.raises(StagesError, match="'nothing' is in none of"):
        dvc_stages(project(train_net=journey(("parts", "params:nothing"))))


def test_the_code_of_a_stage_is_what_its_nodes_and_datasets_run():
    catalog = {
        "samples": {
            "type": "foldwise.datasets.samples_dataset.SamplesDataset",
            "filepath": "data/samples",
        },
        "duplicates": {"type": "pandas.ParquetDataset", "filepath": "data/twins.parquet"},
        "audit_record": {"type": "json.JSONDataset", "filepath": "data/audit.json"},
        "folds": {"type": "pandas.ParquetDataset", "filepath": "data/folds.parquet"},
        "x_notes": {"type": "text.TextDataset", "filepath": "data/notes.txt"},
    }
    inputs = ["samples", "duplicates", "audit_record", "params:split"]
    pipeline = Pipeline(
        [
            node(split, inputs, "folds", name="split", tags="split"),
            node(work, "folds", "x_notes", name="last", tags="report"),
        ]
    )
    resolver = CatalogConfigResolver(catalog, {}, {"{default}": {"type": "MemoryDataset"}})
    stages = dvc_stages(Project(ROOT, {"train_net": pipeline}, resolver))
    deps = stages["split"]["deps"]
    assert {
        "src/foldwise/pipelines/split/nodes.py",
        "src/foldwise/data/folds.py",
        "src/foldwise/datasets/samples_dataset.py",
        "src/foldwise/config.py",
        "data/samples",
    } <= set(deps)
    assert not any("tasks/train" in dep or "modules/" in dep or "hooks" in dep for dep in deps)
    assert all((ROOT / dep).exists() for dep in deps if dep.startswith("src/"))
    assert stages["report"]["deps"] == ["data/folds.parquet"]


def test_a_template_belongs_to_the_code_that_names_it(tmp_path):
    (tmp_path / "report.html.j2").write_text("")
    (tmp_path / "report.py").write_text("TEMPLATE = 'report.html.j2'")
    (tmp_path / "train.py").write_text("pass")
    assert module._templates(tmp_path / "report.py") == [tmp_path / "report.html.j2"]
    assert module._templates(tmp_path / "train.py") == []


CHECK = """
import sys
from foldwise.dvc_stages import main
print(main(["--check"]), "torch" in sys.modules)
"""


def test_the_file_of_the_project_is_current_and_made_without_torch():
    ran = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1:] == ["0 False"], ran.stderr


def test_a_stale_file_is_told_and_mended(tmp_path, monkeypatch, capsys, project):
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "load_project", lambda _: project(train_net=journey()))
    assert main(["--check"]) == 1
    assert "make dvc" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
    file = tmp_path / "dvc.yaml"
    file.write_text(file.read_text().replace("data/table.csv", "data/other.csv"))
    assert main(["--check"]) == 1
    assert "other.csv" in file.read_text()  # --check writes nothing


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC
def test_dvc_accepts_the_stages_and_sees_their_order(tmp_path, monkeypatch, project):
    from dvc.repo import Repo

    (tmp_path / "dvc.yaml").write_text(dvc_yaml(project(train_net=journey())))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "cache"))
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        graph = repo.index.graph
    before = {stage.name: [s.name for s in graph.successors(stage)] for stage in graph}
    assert before == {"split": [], "train_net": ["split"]}


def test_questions_that_are_asked_once_are_no_stages(project):
    trained = dvc_stages(project(train_net=journey()))
    assert trained
    assert dvc_stages(project(train_net=journey(), compare_net=journey())) == trained
    assert dvc_stages(project(compare_net=journey(), range_test_net=journey())) == {}


def search():
    """Split as trainings do, and find something."""
    found = node(work, ["parts", "params:train_net"], "found_notes", name="f", tags="search")
    return journey().only_nodes_with_tags("split") + Pipeline([found])


def test_searches_have_a_file_of_their_own_without_what_trainings_have(project):
    both = project(train_net=journey(), search_net=search())
    assert dvc_stages(both) == dvc_stages(project(train_net=journey()))
    assert search_stages(both) == {
        "search": {
            "cmd": "kedro run --pipeline=search_net --tags=search",
            "wdir": "..",
            "deps": ["data/parts.json", "data/parts.parquet"],
            "params": [{"conf/base/parameters_train_net.yml": ["train_net"]}],
            "outs": ["data/found.txt"],
        }
    }
    assert searches_yaml(project(train_net=journey())) is None


def test_the_file_of_the_searches_is_checked_and_written_too(
    tmp_path, monkeypatch, capsys, project
):
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    both = project(train_net=journey(), search_net=search())
    monkeypatch.setattr(module, "load_project", lambda _: both)
    assert main([]) == 0
    assert main(["--check"]) == 0
    (tmp_path / "searches" / "dvc.yaml").write_text("stages: {}\n")
    assert main(["--check"]) == 1
    assert "searches/dvc.yaml is not what the pipelines say" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC
def test_dvc_sees_searches_after_what_they_read_but_runs_them_only_by_name(
    tmp_path, monkeypatch, project
):
    from dvc.repo import Repo

    both = project(train_net=journey(), search_net=search())
    (tmp_path / "dvc.yaml").write_text(dvc_yaml(both))
    (tmp_path / "searches").mkdir()
    (tmp_path / "searches" / "dvc.yaml").write_text(searches_yaml(both))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "cache"))
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        graph = repo.index.graph
        # What `dvc repro` takes where it is told nothing.
        alone = {stage.name for stage in repo.stage.collect(str(tmp_path / "dvc.yaml"))}
    (found,) = (stage for stage in graph if stage.name == "search")
    assert [stage.name for stage in graph.successors(found)] == ["split"]
    assert alone == {"split", "train_net"}
