import shlex

from kedro.io import DataCatalog, MemoryDataset

from foldwise import journey_parameters as module
from foldwise.pipeline_registry import register_pipelines
from foldwise.run_facts import run_command, run_facts
from foldwise.tasks.evaluate import EvaluateConfig


def test_a_command_can_be_typed_again():
    params = {"experiment": "mine", "ingest": {"source": {"path": "/my pictures"}}}
    command = run_command({"pipeline_names": ["train_rnn"], "runtime_params": params})
    assert shlex.split(command) == [
        "kedro",
        "run",
        "--pipeline=train_rnn",
        "--params=experiment=mine,ingest.source.path=/my pictures",
    ]


def test_what_is_the_default_need_not_be_typed():
    assert run_command({"pipeline_names": None, "env": "local"}) == "kedro run"


def test_all_parameters_of_the_journey_are_told_whatever_stage_is_run(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "pipelines", register_pipelines())
    params = {"pipeline_names": ["train_mlp"], "tags": ["evaluate"]}
    names = module.journey_parameters(params)
    values = {f"params:{name}": MemoryDataset({"seed": 3}) for name in names}
    values["params:evaluate"] = MemoryDataset(EvaluateConfig(confidence=0.9))
    found = run_facts(tmp_path, params, DataCatalog(values))
    assert found["Parameters"]["evaluate.confidence"] == 0.9
    assert found["Parameters"]["train_mlp.seed"] == 3
    assert found["Parameters"]["split.seed"] == 3
    assert found["Run"] == {"command": "kedro run --pipeline=train_mlp"}  # no repository there
