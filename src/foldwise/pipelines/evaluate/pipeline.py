"""The stage `evaluate`."""

from kedro.pipeline import Pipeline, node

from foldwise.pipelines.evaluate.calibration_nodes import (
    calibrate,
    draw_calibration,
    tabulate_calibration,
)
from foldwise.pipelines.evaluate.nodes import (
    draw_scores,
    evaluate,
    tabulate_scores,
    write_report,
)
from foldwise.pipelines.evaluate.slice_nodes import (
    find_mistakes,
    find_slices,
    show_mistakes,
    show_slices,
)
from foldwise.pipelines.evaluate.training_curve_nodes import (
    collect_training_curves,
    show_training_curves,
)


def create_pipeline(family: str = "cnn") -> Pipeline:
    """Return the nodes from the predictions of one family of models to its scores and report."""
    return _scores(family) + _calibration(family) + _slices(family) + _training_curves(family)


def _scores(family: str) -> Pipeline:
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
                {
                    "evaluation": evaluation,
                    "samples": "samples",
                    "folds": "folds",
                    "network": f"{family}_network",
                    "baselines": f"{family}_baselines_summary",
                    "data_card": "data_card",
                    "audit_record": "audit_record",
                    "training_curves": f"{family}_training_curves",
                    "calibration": f"{family}_calibration",
                    "slices": f"{family}_slices",
                    "mistakes": f"{family}_mistakes",
                    "explanations": f"{family}_explanations",
                    "run_facts": "run_facts",
                },
                *of_family("report"),
                name="write_report",
            ),
        ],
        tags="evaluate",
    )


def _calibration(family: str) -> Pipeline:
    def of_family(*names: str) -> list[str]:
        return [f"{family}_{name}" for name in names]

    (calibration,) = of_family("calibration")
    read = of_family("evaluation", "predictions", "inner_predictions")
    tables = ("calibration", "risk_coverage", "thresholds", "operating_points")
    figures = ("reliability", "thresholds", "risk_coverage")
    return Pipeline(
        [
            node(calibrate, [*read, "folds", "params:evaluate"], calibration, name="calibrate"),
            node(
                tabulate_calibration,
                calibration,
                of_family("calibration_metrics", *(f"{name}_table" for name in tables)),
                name="tabulate_calibration",
            ),
            node(
                draw_calibration,
                calibration,
                of_family(*(f"{name}_figure" for name in figures)),
                name="draw_calibration",
            ),
        ],
        tags="evaluate",
    )


def _slices(family: str) -> Pipeline:
    inputs = [f"{family}_evaluation", "samples", "folds", "params:evaluate"]
    slices, mistakes = f"{family}_slices", f"{family}_mistakes"
    label_errors = f"{family}_label_errors"
    return Pipeline(
        [
            node(find_slices, inputs, slices, name="find_slices"),
            node(
                show_slices,
                slices,
                [f"{slices}_table", f"{family}_fairness_table", f"{slices}_figure"],
                name="show_slices",
            ),
            node(find_mistakes, inputs, mistakes, name="find_mistakes"),
            node(
                show_mistakes,
                [mistakes, "samples"],
                [
                    f"{mistakes}_table",
                    f"{label_errors}_table",
                    f"{mistakes}_figure",
                    f"{label_errors}_figure",
                ],
                name="show_mistakes",
            ),
        ],
        tags="evaluate",
    )


def _training_curves(family: str) -> Pipeline:
    curves = f"{family}_training_curves"
    return Pipeline(
        [
            node(
                collect_training_curves,
                [f"{family}_models", "folds"],
                curves,
                name="collect_training_curves",
            ),
            node(
                show_training_curves,
                curves,
                [f"{curves}_table", f"{curves}_figure"],
                name="show_training_curves",
            ),
        ],
        tags="evaluate",
    )
