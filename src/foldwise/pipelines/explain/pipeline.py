"""The stage `explain` of each family of networks."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.explain.nodes import draw_explanations, explain


def create_pipeline(family: str = "cnn") -> Pipeline:
    """Return the nodes from the networks of one family to what they look at."""
    trained = [f"{family}_models", "samples", "folds", f"{family}_predictions"]
    findings = f"{family}_findings"
    figures = ("attributions", "learnt", "embedding", "sanity")
    return Pipeline(
        [
            node(explain, [*trained, "params:explain"], findings, name=f"explain_{family}"),
            node(
                draw_explanations,
                [findings, "params:explain"],
                [f"{family}_explanations", *(f"{family}_{name}_figure" for name in figures)],
                name=f"draw_explanations_{family}",
            ),
        ],
        tags="explain",
    )
