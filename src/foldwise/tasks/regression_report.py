"""What the report of a regression or a forecast has of its own."""

from collections.abc import Hashable
from functools import partial
from typing import Any

import pandas as pd

from foldwise.tasks.evaluate_regression import RegressionEvaluation
from foldwise.tasks.regression_figures import curves_figure, details_figure, outcomes_figure
from foldwise.tasks.regression_summary import show_interval, show_number, show_spread
from foldwise.tasks.report_parts import ReportParts
from foldwise.tasks.report_section import ReportFigure, ReportSection

_TEMPLATE = "regression_report.html.j2"
_METHODS = {
    "BCa bootstrap": "Resamples of samples, or of what was not drawn independently where there is "
    "such (groups, blocks of overlapping windows); bias-corrected and accelerated. The steps of a "
    "sample stay together.",
    "Wilson": "Of coverage: Wilson's score interval of a proportion of independent targets.",
    "Wilson, design effect": "Wilson's interval at the number of independent targets that the "
    "grouped ones are worth (design effect, with a t quantile for few groups).",
    "undefined": "All resamples agree, or there is one independent unit only.",
    "folds": "Student's t over the folds. Folds share training samples, so it is a rough guide.",
}
_NOT_SHOWN = ("mape", "width_", "pinball")  # in the tables of steps and folds


def regression_parts(evaluation: RegressionEvaluation) -> ReportParts:
    """Return how the scores of a regression are shown."""
    scored = evaluation.metrics["oof"]
    metrics = [name for name, entry in scored.items() if isinstance(entry, dict)]
    shown = [name for name in metrics if not name.startswith(_NOT_SHOWN)]
    has_scale = scored.get("mase", {}).get("value") is not None
    return ReportParts(
        template=_TEMPLATE,
        headlines=["mae", "rmse", "mase" if has_scale else "r2"],
        score=show_number,
        interval=show_interval,
        spread=show_spread,
        methods=_METHODS,
        figures=ReportSection("figures", "Errors and curves", figures=tuple(_figures(evaluation))),
        details=(
            "details",
            "Steps and folds" if evaluation.columns.num_steps > 1 else "Each fold",
        ),
        values={
            "step_metrics": shown,
            "steps": _by_part(evaluation, evaluation.steps),
            "folds": _records(evaluation.parts["oof"].models),
        },
    )


def _figures(evaluation: RegressionEvaluation) -> list[ReportFigure]:
    has_steps = evaluation.columns.num_steps > 1
    forecast = ReportFigure(
        "Forecast over time",
        partial(curves_figure, evaluation),
        "Out of fold, the last fold: forecasts by the model that did not see them. The bands are "
        "the intervals of its quantiles. What follows the actual values one step late is the "
        "naive forecast.",
    )
    residuals = ReportFigure(
        "Errors and calibration",
        partial(curves_figure, evaluation),
        "Out of fold. Errors should scatter evenly about 0 at all predictions, and a share of the "
        "targets equal to its level should lie below each quantile.",
    )
    return [
        ReportFigure(
            "Predicted against actual",
            partial(outcomes_figure, evaluation),
            "Out of fold. On the dashed line a prediction is right.",
        ),
        residuals if evaluation.forecast is None else forecast,
        ReportFigure(
            "Each step ahead with its interval" if has_steps else "Each fold",
            partial(details_figure, evaluation),
            "The axes differ. The dashed line is what the value should be.",
        ),
    ]


def _by_part(
    evaluation: RegressionEvaluation, table: pd.DataFrame
) -> dict[str, list[dict[Hashable, Any]]]:
    """Return the rows of each part; none where there is one step, as it is all there is."""
    if evaluation.columns.num_steps == 1:
        return {}
    rows = _records(table)
    return {part: [row for row in rows if row["part"] == part] for part in evaluation.parts}


def _records(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return rows, undefined values as None."""
    objects = table.astype(object)
    records: list[dict[Hashable, Any]] = objects.where(objects.notna(), None).to_dict("records")
    return records
