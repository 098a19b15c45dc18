"""What a trial is scored by: a number of each epoch, or a distance of generated samples."""

from collections.abc import Mapping
from typing import Literal

from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import Problem, SearchError

Direction = Literal["maximize", "minimize"]

# The name of each in an `EpochRecord`; of numbers, errors are of standardised targets.
_OF_CLASSES: Mapping[str, str] = {
    "macro_f1": "val_f1",
    "accuracy": "val_accuracy",
    "loss": "val_loss",
}
_OF_NUMBERS: Mapping[str, str] = {"mae": "val_mae", "loss": "val_loss"}
_OF_GENERATORS: Mapping[str, str] = {"frechet": "frechet"}
_HIGHER_IS_BETTER = ("val_f1", "val_accuracy")


def objective_name(problem: Problem, config: SearchConfig) -> str:
    """Return what a trial's score is called: `val_f1`, `val_mae`, `frechet`, ...

    Raises:
        SearchError: The metric is not one of such a family or of such targets.
    """
    allowed, of_what = _allowed(problem)
    if config.metric == "auto":
        return next(iter(allowed.values()))
    if config.metric not in allowed:
        raise SearchError(
            f"search_{problem.family}.metric is {config.metric!r}, but {of_what}. Allowed: auto, "
            f"{', '.join(allowed)}."
        )
    return allowed[config.metric]


def metric_name(objective: str) -> str:
    """Return what evaluations call the same metric.

    >>> metric_name("val_f1"), metric_name("frechet")
    ('macro_f1', 'frechet')
    """
    known = {name: metric for metric, name in {**_OF_CLASSES, **_OF_NUMBERS}.items()}
    return known.get(objective, objective)


def direction_of(objective: str) -> Direction:
    """Return whether more of an objective is better, or less."""
    return "maximize" if objective in _HIGHER_IS_BETTER else "minimize"


def _allowed(problem: Problem) -> tuple[Mapping[str, str], str]:
    if problem.family == "gan":
        return _OF_GENERATORS, "generators are compared by the distance of their samples"
    if problem.samples.task == "regression":
        return _OF_NUMBERS, "the targets are numbers"
    return _OF_CLASSES, "the targets are classes"
