"""The pipelines that `kedro run --pipeline=...` knows."""

from typing import get_args

from kedro.pipeline import Pipeline

from foldwise.pipelines import (
    audit,
    augment,
    balance,
    baseline,
    compare,
    compare_balance,
    evaluate,
    evaluate_gan,
    explain,
    ingest,
    learning_curve,
    range_test,
    sample_gan,
    search,
    split,
    train,
    train_gan,
)
from foldwise.pipelines.train.pipeline import Family
from foldwise.tasks.search.trial import SearchFamily


def register_pipelines() -> dict[str, Pipeline]:
    """Return the stages by name, and the journeys that are made of them."""
    folds = ingest.create_pipeline() + audit.create_pipeline() + split.create_pipeline()
    training_parts = folds + balance.create_pipeline() + augment.create_pipeline()
    journeys = {
        f"train_{family}": training_parts
        + train.create_pipeline(family)
        + explain.create_pipeline(family)
        + evaluate.create_pipeline(family)
        + baseline.create_pipeline(family)
        for family in get_args(Family)
    }
    learning_curves = {
        f"learning_curve_{family}": folds + learning_curve.create_pipeline(family)
        for family in get_args(Family)
    }
    searches = {
        f"search_{family}": folds + search.create_pipeline(family)
        for family in get_args(SearchFamily)
    }
    evaluations = {
        f"evaluate_{family}": evaluate.create_pipeline(family) for family in get_args(Family)
    }
    explanations = {
        f"explain_{family}": explain.create_pipeline(family) for family in get_args(Family)
    }
    return {
        "ingest": ingest.create_pipeline(),
        "audit": audit.create_pipeline(),
        "split": split.create_pipeline(),
        "balance": balance.create_pipeline(),
        "augment": augment.create_pipeline(),
        **journeys,
        "train_gan": folds + train_gan.create_pipeline() + evaluate_gan.create_pipeline(),
        "evaluate_gan": evaluate_gan.create_pipeline(),
        "sample_gan": sample_gan.create_pipeline(),
        "compare": compare.create_pipeline(),
        "compare_balance": folds + compare_balance.create_pipeline(),
        "range_test_cnn": training_parts + range_test.create_pipeline(),
        **learning_curves,
        **searches,
        **evaluations,
        "explain": explanations["explain_cnn"],
        **explanations,
        "__default__": journeys["train_cnn"],
    }
