import re
from pathlib import Path

import pytest
import yaml
from kedro.io import CatalogConfigResolver

from foldwise.pipeline_registry import register_pipelines

CONF = Path(__file__).parents[1] / "conf" / "base"
ORDER = ["primary", "model_input", "models", "model_output", "reporting"]


def layers(datasets):
    entries = {
        name: entry
        for path in CONF.glob("catalog*.yml")
        for name, entry in yaml.safe_load(re.sub(r"\$\{(\w+)\}", r"\1", path.read_text())).items()
        if isinstance(entry, dict)
    }
    resolver = CatalogConfigResolver(entries, {}, {"{default}": {"type": "MemoryDataset"}})
    metadata = {name: resolver.resolve_pattern(name).get("metadata", {}) for name in datasets}
    return {
        name: ORDER.index(of_dataset["kedro-viz"]["layer"])
        for name, of_dataset in metadata.items()
        if "kedro-viz" in of_dataset
    }


@pytest.mark.parametrize("name", sorted(register_pipelines()))
def test_no_layer_of_the_graph_feeds_an_earlier_one(name):
    """Kedro-Viz shows no layers at all where they depend on one another in a circle."""
    pipeline = register_pipelines()[name]
    of_dataset, reached = layers(pipeline.datasets()), {}

    for node in pipeline.nodes:
        before = max((reached.get(i, of_dataset.get(i, 0)) for i in node.inputs), default=0)
        for output in node.outputs:
            assert of_dataset.get(output, before) >= before, (node.name, output)
            reached[output] = of_dataset.get(output, before)
