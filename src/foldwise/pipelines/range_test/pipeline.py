"""The stage `range_test` of the family `cnn`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.range_test.nodes import draw_range_test_cnn, range_test_cnn


def create_pipeline() -> Pipeline:
    """Return the nodes from samples and folds to the curve of the loss over the rate."""
    inputs = {
        "samples": "samples",
        "folds": "folds",
        "balance_plan": "balance_plan",
        "balance": "params:balance",
        "augment": "params:augment",
        "config": "params:train_cnn",
        "range_test": "params:range_test",
        "find_run": "run_models",
    }
    found = ["cnn_range_test_table", "cnn_range_test"]
    return Pipeline(
        [
            node(range_test_cnn, inputs, found, name="range_test_cnn"),
            node(draw_range_test_cnn, found, "cnn_range_test_figure", name="draw_range_test_cnn"),
        ],
        tags="range_test",
    )
