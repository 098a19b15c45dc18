"""The stage `evaluate_gan`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.evaluate_gan.nodes import (
    draw_generators,
    score_generators,
    tabulate_generators,
    write_gan_report,
)

_FIGURES = ("curves", "classes", "interpolation", "pairs")


def create_pipeline() -> Pipeline:
    """Return the nodes from generators to what was measured of them."""
    measured = {
        "models": "gan_models",
        "samples": "samples",
        "folds": "folds",
        "config": "params:evaluate_gan",
        "workspace": "gan_judges_workspace",
    }
    return Pipeline(
        [
            node(
                score_generators,
                measured,
                ["gan_scores", "gan_judges"],
                name="score_generators",
            ),
            node(
                tabulate_generators,
                "gan_scores",
                ["gan_metrics", "gan_details_table"],
                name="tabulate_generators",
            ),
            node(
                draw_generators,
                "gan_scores",
                [f"gan_{name}_figure" for name in _FIGURES],
                name="draw_generators",
            ),
            node(
                write_gan_report,
                ["gan_scores", "samples", "folds", "params:train_gan"],
                "gan_report",
                name="write_gan_report",
            ),
        ],
        tags="evaluate_gan",
    )
