"""The stage `train` of the family `cnn`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.train_cnn.nodes import describe_cnn, predict_cnn, train_cnn


def create_pipeline() -> Pipeline:
    """Return the nodes from samples and folds to predictions."""
    inputs = {
        "samples": "samples",
        "folds": "folds",
        "balance_plan": "balance_plan",
        "balance": "params:balance",
        "augment": "params:augment",
        "config": "params:train_cnn",
        "workspace": "cnn_workspace",
        "find_run": "run_models",
        "observer": "observer",
    }
    return Pipeline(
        [
            node(
                describe_cnn,
                ["samples", "params:balance", "params:train_cnn"],
                "cnn_network",
                name="describe_cnn",
                tags="train",
            ),
            node(train_cnn, inputs, "cnn_models", name="train_cnn", tags="train"),
            node(
                predict_cnn,
                ["cnn_models", "samples", "folds"],
                "cnn_predictions",
                name="predict_cnn",
                tags="train",
            ),
        ]
    )
