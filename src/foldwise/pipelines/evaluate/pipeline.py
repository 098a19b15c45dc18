"""The stage `evaluate`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.evaluate.nodes import (
    draw_scores,
    evaluate,
    tabulate_scores,
    write_report,
)


def create_pipeline(family: str = "cnn") -> Pipeline:
    """Return the nodes from the predictions of one family of models to its scores and report."""

    def of_family(*names: str) -> list[str]:
        return [f"{family}_{name}" for name in names]

    (evaluation,) = of_family("evaluation")
    return Pipeline(
        [
            node(
                evaluate,
                [*of_family("predictions"), "samples", "folds", "params:evaluate"],
                evaluation,
                name="evaluate",
            ),
            node(
                tabulate_scores,
                evaluation,
                of_family("metrics", "details_table", "outcomes_table", "curves_table"),
                name="tabulate_scores",
            ),
            node(
                draw_scores,
                evaluation,
                of_family("outcomes_figure", "curves_figure", "details_figure"),
                name="draw_scores",
            ),
            node(
                write_report,
                [
                    evaluation,
                    "samples",
                    "folds",
                    *of_family("network", "baselines_summary"),
                    "params:evaluate",
                ],
                *of_family("report"),
                name="write_report",
            ),
        ],
        tags="evaluate",
    )
