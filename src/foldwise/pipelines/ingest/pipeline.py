"""The stage `ingest`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.ingest.nodes import describe_samples, ingest


def create_pipeline() -> Pipeline:
    """Read the source, then describe what was read."""
    outputs = ["samples", "skipped_files"]
    described = ["data_card", "overview", "skipped_files_list"]
    return Pipeline(
        [
            node(ingest, ["params:ingest", "samples_workspace"], outputs, name="ingest"),
            node(describe_samples, outputs, described, name="describe_samples"),
        ],
        tags="ingest",
    )
