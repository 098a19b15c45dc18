"""The pipelines that `kedro run --pipeline=...` knows."""

from kedro.pipeline import Pipeline

from foldwise.pipelines import (
    audit,
    augment,
    balance,
    compare_balance,
    evaluate,
    ingest,
    range_test,
    split,
    train_cnn,
)


def register_pipelines() -> dict[str, Pipeline]:
    """Return the stages by name, and the journeys that are made of them."""
    folds = ingest.create_pipeline() + audit.create_pipeline() + split.create_pipeline()
    training_parts = folds + balance.create_pipeline() + augment.create_pipeline()
    journey = training_parts + train_cnn.create_pipeline() + evaluate.create_pipeline(family="cnn")
    return {
        "ingest": ingest.create_pipeline(),
        "audit": audit.create_pipeline(),
        "split": split.create_pipeline(),
        "balance": balance.create_pipeline(),
        "augment": augment.create_pipeline(),
        "train_cnn": journey,
        "compare_balance": folds + compare_balance.create_pipeline(),
        "range_test_cnn": training_parts + range_test.create_pipeline(),
        "evaluate_cnn": evaluate.create_pipeline(family="cnn"),
        "__default__": journey,
    }
