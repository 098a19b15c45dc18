"""The stage `split`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.split.nodes import split


def create_pipeline() -> Pipeline:
    """Return the node from samples to folds."""
    inputs = ["samples", "duplicates", "audit_record", "params:split"]
    return Pipeline([node(split, inputs, "folds", name="split", tags="split")])
