from pathlib import Path

import pytest
import yaml

from foldwise.pipeline_registry import register_pipelines

CONF = Path(__file__).parents[1] / "conf" / "base"
ORDER = ["primary", "model_input", "models", "model_output", "reporting"]


def layers():
    entries = [
        entry
        for path in CONF.glob("catalog*.yml")
        for entry in yaml.safe_load(path.open()).items()
    ]
    return {
        name: ORDER.index(entry["metadata"]["kedro-viz"]["layer"])
        for name, entry in entries
        if isinstance(entry, dict) and "kedro-viz" in entry.get("metadata", {})
    }


@pytest.mark.parametrize("name", sorted(register_pipelines()))
def test_no_layer_of_the_graph_feeds_an_earlier_one(name):
    """Kedro-Viz shows no layers at all where they depend on one another in a circle."""
    of_dataset, reached = layers(), {}

    for node in register_pipelines()[name].nodes:
        before = max((reached.get(i, of_dataset.get(i, 0)) for i in node.inputs), default=0)
        for output in node.outputs:
            assert of_dataset.get(output, before) >= before, (node.name, output)
            reached[output] = of_dataset.get(output, before)
