"""Nodes of the stage `compare`."""

import logging
from typing import Any

import pandas as pd

from foldwise.data.csv_cells import csv_safe
from foldwise.tasks import compare_models as task
from foldwise.tasks.compare_models import ModelsComparison
from foldwise.tasks.compare_models_config import CompareConfig
from foldwise.tasks.compare_models_summary import comparison_json, summary
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.metric_choice import AUTO
from foldwise.tasks.named_predictions import ModelNameError, PredictionsFinder, find_all
from foldwise.tasks.page import versions

logger = logging.getLogger(__name__)


def compare_models(
    finder: PredictionsFinder, config: CompareConfig, evaluation: EvaluateConfig
) -> ModelsComparison:
    """Find the predictions of the models, score them and test all differences."""
    config = _named(config, finder)
    models = list(find_all(finder, config.models))
    found = task.compare_models(models, config, evaluation)
    logger.info("%s", "\n".join(summary(found)))
    return found


def _named(config: CompareConfig, finder: PredictionsFinder) -> CompareConfig:
    """Return the parameters with the names of the models in place of `auto`."""
    if config.models != AUTO:
        return config
    names = finder.all_names()
    if len(names) < 2:
        raise ModelNameError(
            f"compare.models is auto, but the experiment {finder.experiment!r} has predictions of "
            f"{', '.join(names) or 'no model'} alone, and two are needed: train another family, "
            "or name models of other experiments."
        )
    return config.model_copy(update={"models": names})


def tabulate_models_comparison(
    comparison: ModelsComparison,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the metrics, and per model, fold, pair, and pair and fold, tables safe as CSV."""
    tables = [
        pd.concat(
            [getattr(of, name).assign(data_set=of.name) for of in comparison.data_sets],
            ignore_index=True,
        )
        for name in ("scores", "folds", "pairs", "pair_folds")
    ]
    scores, folds, pairs, pair_folds = (
        csv_safe(table[["data_set", *table.columns.drop("data_set")]]) for table in tables
    )
    return comparison_json(comparison), scores, folds, pairs, pair_folds


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def draw_models_comparison(comparison: ModelsComparison) -> Any:  # noqa: ANN401  (see above)
    """Return the scores and the differences as a figure."""
    from foldwise.tasks.compare_models_figure import comparison_figure

    return comparison_figure(comparison)


def write_models_comparison(comparison: ModelsComparison, evaluation: EvaluateConfig) -> str:
    """Return the comparison as one HTML page."""
    from foldwise.tasks.compare_models_page import render_models_comparison

    folds = {
        f"folds of {of.name}": of.folds_hash or "unknown: there is no folds.json"
        for of in comparison.data_sets
    }
    return render_models_comparison(
        comparison,
        provenance={
            "Data": folds,
            "Parameters": {**comparison.config.flat("compare"), **evaluation.flat("evaluate")},
            "Versions": versions(),
        },
    )
