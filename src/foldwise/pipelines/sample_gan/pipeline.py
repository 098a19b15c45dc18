"""The stage `sample_gan`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.sample_gan.nodes import sample_gan, show_drawn


def create_pipeline() -> Pipeline:
    """Return the nodes from trained generators to samples as files."""
    return Pipeline(
        [
            node(
                sample_gan,
                ["gan_models", "params:sample_gan"],
                "gan_drawn",
                name="sample_gan",
            ),
            node(show_drawn, "gan_drawn", ["gan_samples", "gan_samples_sheet"], name="show_drawn"),
        ],
        tags="sample_gan",
    )
