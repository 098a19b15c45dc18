"""The stages `train_remedies` and `compare_remedies`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.compare_balance.nodes import (
    compare_remedies,
    draw_comparison,
    predict_remedies,
    tabulate_comparison,
    train_remedies,
    write_comparison,
)


def create_pipeline() -> Pipeline:
    """Return the nodes from samples and folds to the comparison of the remedies."""
    return _training() + _comparison()


def _training() -> Pipeline:
    choices = {"config": "params:compare_balance", "training": "params:train_cnn"}
    data = {"samples": "samples", "folds": "folds"}
    return Pipeline(
        [
            node(
                train_remedies,
                {
                    **data,
                    **choices,
                    "augment": "params:augment",
                    "workspace": "remedy_workspace",
                    "observer": "observer",
                    "find_run": "run_models",
                    "generator": "params:train_gan",
                },
                "remedy_models",
                name="train_remedies",
            ),
            node(
                predict_remedies,
                {"models": "remedy_models", **data, **choices},
                ["remedy_predictions", "remedy_costs"],
                name="predict_remedies",
            ),
        ],
        tags="train_remedies",
    )


def _comparison() -> Pipeline:
    read = {
        "predictions": "remedy_predictions",
        "samples": "samples",
        "folds": "folds",
        "evaluation": "params:evaluate",
        "config": "params:compare_balance",
        "costs": "remedy_costs",
    }
    return Pipeline(
        [
            node(compare_remedies, read, "comparison", name="compare_remedies"),
            node(
                tabulate_comparison,
                "comparison",
                [
                    "comparison_metrics",
                    "comparison_methods",
                    "comparison_classes",
                    "comparison_differences",
                    "comparison_folds",
                ],
                name="tabulate_comparison",
            ),
            node(draw_comparison, "comparison", "comparison_figure", name="draw_comparison"),
            node(
                write_comparison,
                ["comparison", "samples", "folds", "params:train_cnn"],
                "comparison_report",
                name="write_comparison",
            ),
        ],
        tags="compare_remedies",
    )
