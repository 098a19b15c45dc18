"""The stage `train_gan`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.train_gan.nodes import train_gan


def create_pipeline() -> Pipeline:
    """Return the node from samples and folds to generators."""
    inputs = {
        "samples": "samples",
        "folds": "folds",
        "config": "params:train_gan",
        "workspace": "gan_workspace",
        "observer": "observer",
    }
    return Pipeline([node(train_gan, inputs, "gan_models", name="train_gan")], tags="train_gan")
