"""Names of metrics for people."""

import re

_LABELS = {
    "matthews_correlation": "Matthews correlation",
    "cohens_kappa": "Cohen's kappa",
    "brier_score": "Brier score",
    **{name: name.upper() for name in ("mae", "rmse", "mape", "mase")},
    "smape": "symmetric MAPE",
    "r2": "R²",
    "pinball": "pinball loss",
}


def metric_label(name: str) -> str:
    """Return a metric's name for people.

    >>> metric_label("macro_roc_auc"), metric_label("weighted_f0.5"), metric_label("coverage_90")
    ('macro ROC AUC', 'weighted F0.5', '90 % coverage')
    """
    if name in _LABELS:
        return _LABELS[name]
    kind, _, percent = name.partition("_")
    if kind in ("coverage", "width"):
        return f"{percent} % {kind}"
    words = name.replace("_", " ").replace("roc auc", "ROC AUC").replace("npv", "NPV")
    return re.sub(r"\bf(?=\d)", "F", words)
