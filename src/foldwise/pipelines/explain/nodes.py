"""Nodes of the stage `explain`.

torch and captum are imported where they are used, so that looking at the graph costs nothing.
"""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.findings import Findings
from foldwise.tasks.fold_models import FoldModels


def explain(
    models: FoldModels,
    samples: Samples,
    folds: Folds,
    predictions: pd.DataFrame,
    config: ExplainConfig,
) -> Findings:
    """Look into the networks; each sample is explained by the one that did not see it."""
    from foldwise.tasks.explain.explain import explain as look_into

    return look_into(models, samples, folds, predictions, config)


def draw_explanations(
    findings: Findings, config: ExplainConfig
) -> tuple[dict[str, Any], Figure, Figure, Figure, Figure]:
    """Return the explanations for the report; attributions, what was learnt, map and check."""
    from foldwise.tasks.explain.present import explanation_figures, make_explanations

    stored = make_explanations(findings, config).model_dump(mode="json")
    return stored, *explanation_figures(findings, config)
