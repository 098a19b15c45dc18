"""The stage `compare`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.compare.nodes import (
    compare_models,
    draw_models_comparison,
    tabulate_models_comparison,
    write_models_comparison,
)


def create_pipeline() -> Pipeline:
    """Return the nodes from the predictions of several models to their comparison."""
    return Pipeline(
        [
            node(
                compare_models,
                ["predictions_finder", "params:compare", "params:evaluate"],
                "models_comparison",
                name="compare_models",
            ),
            node(
                tabulate_models_comparison,
                "models_comparison",
                [
                    "models_comparison_metrics",
                    "models_comparison_scores",
                    "models_comparison_folds",
                    "models_comparison_pairs",
                    "models_comparison_pair_folds",
                ],
                name="tabulate_models_comparison",
            ),
            node(
                draw_models_comparison,
                "models_comparison",
                "models_comparison_figure",
                name="draw_models_comparison",
            ),
            node(
                write_models_comparison,
                ["models_comparison", "params:evaluate"],
                "models_comparison_report",
                name="write_models_comparison",
            ),
        ],
        tags="compare",
    )
