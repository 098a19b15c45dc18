"""The stages `train_fractions` and `learning_curve` of each family of networks."""

from collections.abc import Callable
from typing import Any, Literal

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.learning_curve.nodes import (
    predict_fractions,
    score_fractions,
    show_learning_curve,
    train_fractions_cnn,
    train_fractions_mlp,
    train_fractions_rnn,
    write_learning_curve,
)

_TRAIN: dict[str, Callable[..., Any]] = {
    "cnn": train_fractions_cnn,
    "rnn": train_fractions_rnn,
    "mlp": train_fractions_mlp,
}


def create_pipeline(family: Literal["cnn", "rnn", "mlp"]) -> Pipeline:
    """Return the nodes from samples and folds to the learning curve of one family."""
    return _training(family) + _scoring(family)


def _training(family: str) -> Pipeline:
    curve = f"{family}_learning_curve"
    trained = {
        "samples": "samples",
        "folds": "folds",
        "balance": "params:balance",
        "augment": "params:augment",
        "config": f"params:train_{family}",
        "curve": "params:learning_curve",
        "workspace": f"{curve}_workspace",
        "trained": f"{family}_workspace",
        "observer": "observer",
    }
    if family == "cnn":  # the one that starts from other weights
        trained["find_run"] = "run_models"
    return Pipeline(
        [
            node(_TRAIN[family], trained, f"{curve}_models", name=f"train_fractions_{family}"),
            node(
                predict_fractions,
                [f"{curve}_models", "samples", "folds", "params:learning_curve"],
                f"{curve}_predictions",
                name="predict_fractions",
            ),
        ],
        tags="train_fractions",
    )


def _scoring(family: str) -> Pipeline:
    curve = f"{family}_learning_curve"
    parameters = ["params:evaluate", "params:learning_curve"]
    return Pipeline(
        [
            node(
                score_fractions,
                [f"{curve}_predictions", "folds", *parameters],
                curve,
                name="score_fractions",
            ),
            node(
                show_learning_curve,
                curve,
                [f"{curve}_{name}" for name in ("metrics", "table", "folds", "figure")],
                name="show_learning_curve",
            ),
            node(
                write_learning_curve,
                [curve, "samples", "folds", "params:learning_curve", "params:evaluate"],
                f"{curve}_report",
                name="write_learning_curve",
            ),
        ],
        tags="learning_curve",
    )
