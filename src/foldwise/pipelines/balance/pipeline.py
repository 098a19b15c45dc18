"""The stage `balance`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.balance.nodes import balance


def create_pipeline() -> Pipeline:
    """Return the node from folds to the balance plan."""
    inputs = ["samples", "folds", "params:balance"]
    return Pipeline([node(balance, inputs, "balance_plan", name="balance", tags="balance")])
