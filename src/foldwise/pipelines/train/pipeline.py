"""The stage `train` of each family of networks."""

from collections.abc import Callable
from typing import Any, Literal

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.train.nodes import (
    describe_cnn,
    describe_mlp,
    describe_rnn,
    predict,
    train_cnn,
    train_mlp,
    train_rnn,
)

Family = Literal["cnn", "rnn", "mlp"]

_DESCRIBE: dict[Family, Callable[..., Any]] = {
    "cnn": describe_cnn,
    "rnn": describe_rnn,
    "mlp": describe_mlp,
}
_TRAIN: dict[Family, Callable[..., Any]] = {
    "cnn": train_cnn,
    "rnn": train_rnn,
    "mlp": train_mlp,
}


def create_pipeline(family: Family) -> Pipeline:
    """Return the nodes from samples and folds to the predictions of one family of networks."""
    described = {
        "samples": "samples",
        "folds": "folds",
        "balance": "params:balance",
        "augment": "params:augment",
        "config": f"params:train_{family}",
    }
    if family != "mlp":  # rare classes of tables are not filled up by a generator
        described["generator"] = "params:train_gan"
    trained = {
        **described,
        "balance_plan": "balance_plan",
        "workspace": f"{family}_workspace",
        "observer": "observer",
    }
    if family == "cnn":  # the one that starts from other weights
        trained["find_run"] = "run_models"
    models = [f"{family}_models", "samples", "folds"]
    predicted = [f"{family}_predictions", f"{family}_inner_predictions"]
    return Pipeline(
        [
            node(_DESCRIBE[family], described, f"{family}_network", name=f"describe_{family}"),
            node(_TRAIN[family], trained, f"{family}_models", name=f"train_{family}"),
            node(predict, models, predicted, name=f"predict_{family}"),
        ],
        tags="train",
    )
