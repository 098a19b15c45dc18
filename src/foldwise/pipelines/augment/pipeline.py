"""The stage `augment`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.augment.nodes import preview_augmentation


def create_pipeline() -> Pipeline:
    """Return the node from training samples to the preview of the augmentation policy.

    The images that a network is fitted on are changed batch by batch while it is trained.
    """
    inputs = ["samples", "balance_plan", "params:augment"]
    return Pipeline(
        [
            node(
                preview_augmentation,
                inputs,
                "augmentation_preview",
                name="preview_augmentation",
                tags="augment",
            )
        ]
    )
