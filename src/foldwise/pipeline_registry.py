"""The pipelines that `kedro run --pipeline=...` knows."""

from kedro.pipeline import Pipeline

from foldwise.pipelines import audit, augment, balance, evaluate, ingest, split, train_cnn


def register_pipelines() -> dict[str, Pipeline]:
    """Return the stages by name, and the journeys that are made of them."""
    journey = (
        ingest.create_pipeline()
        + audit.create_pipeline()
        + split.create_pipeline()
        + balance.create_pipeline()
        + augment.create_pipeline()
        + train_cnn.create_pipeline()
        + evaluate.create_pipeline(family="cnn")
    )
    return {
        "ingest": ingest.create_pipeline(),
        "audit": audit.create_pipeline(),
        "split": split.create_pipeline(),
        "balance": balance.create_pipeline(),
        "augment": augment.create_pipeline(),
        "train_cnn": journey,
        "evaluate_cnn": evaluate.create_pipeline(family="cnn"),
        "__default__": journey,
    }
