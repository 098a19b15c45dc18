"""The stage `ingest` in Kedro, on a catalogue in memory."""

import subprocess
import sys
from pathlib import Path

import yaml
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from matplotlib.figure import Figure

from foldwise.data.card import data_card
from foldwise.data.ingest import IngestConfig
from foldwise.pipelines.ingest import create_pipeline
from foldwise.pipelines.ingest.nodes import ingest

PARAMETERS = Path(__file__).parents[2] / "conf" / "base" / "parameters_ingest.yml"


def test_the_stage_makes_samples_card_and_overview(tmp_path):
    config, folder = IngestConfig(), tmp_path / "samples"
    inputs = {"params:ingest": config, "samples_workspace": folder}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in inputs.items()})
    pipeline = create_pipeline()
    outputs = SequentialRunner().run(pipeline, catalog)
    card = outputs["data_card"].load()
    samples, skipped_files = ingest(config, folder)
    assert card == data_card(samples, skipped_files)
    assert card["num_samples"] == 1797
    assert isinstance(outputs["overview"].load(), Figure)
    assert list(outputs["skipped_files_list"].load().columns) == ["path", "reason"]
    assert all(node.tags == {"ingest"} for node in pipeline.nodes)
    assert [node.name for node in pipeline.nodes] == ["ingest", "describe_samples"]


def test_the_base_parameters_are_the_defaults_and_name_the_kind_alone():
    values = yaml.safe_load(PARAMETERS.read_text(encoding="utf-8"))["ingest"]
    assert IngestConfig.of(**values) == IngestConfig()
    # Any other key would be refused by another kind of source, into which it is merged.
    assert list(values["source"]) == ["kind"]


def test_the_stage_is_listed_without_heavy_imports():
    code = (
        "import sys; from foldwise.pipelines.ingest import create_pipeline; create_pipeline();"
        "print(sorted({'torch', 'sklearn', 'matplotlib.figure'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
