"""The studies of a search, and what their trials are scored on; free of torch."""

from dataclasses import replace
from typing import Any

from foldwise.config import Config, json_hash
from foldwise.data.split_config import TIME_SCHEMES
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.trial import Problem, SearchError, StudySpec
from foldwise.tasks.search.trial_metric import direction_of, objective_name


def studies_of(problem: Problem, config: SearchConfig) -> list[StudySpec]:
    """Return the main study first; then, where the search is nested, one of each outer fold.

    Raises:
        SearchError: There are fewer outer folds than are asked for, inner folds cannot be cut, or
            the metric is for others.
    """
    jobs = _jobs(problem, config)
    _require_inner_folds(problem, config)
    main = _spec(problem, config, jobs)
    if not config.nested:
        return [main]
    return [
        main,
        *(
            replace(
                _spec(problem, config, (key,)),
                name=f"{main.name}_repeat_{key[0]}_fold_{key[1]}",
                nested=True,
            )
            for key in jobs
        ),
    ]


def training_parameters(problem: Problem) -> Any:  # noqa: ANN401  (of the family)
    """Return the parameters of the family's training where nothing is suggested."""
    return problem.base[f"train_{problem.family}"]


def _jobs(problem: Problem, config: SearchConfig) -> tuple[tuple[int, int], ...]:
    """Return the outer folds: all, or the first ones; of generators those that get one."""
    jobs = problem.folds.jobs
    wanted = config.folds
    if wanted == "all":
        training = training_parameters(problem)
        num = training.num_folds if isinstance(training, TrainGanConfig) else None
        return tuple(jobs[:num])
    if wanted > len(jobs):
        raise SearchError(
            f"search_{problem.family}.folds is {wanted}, but there are {len(jobs)} outer folds. "
            f"Allowed: 1 to {len(jobs)}, or all."
        )
    return tuple(jobs[:wanted])


def _require_inner_folds(problem: Problem, config: SearchConfig) -> None:
    scheme = problem.folds.info["scheme"]
    if config.inner_folds > 1 and scheme in TIME_SCHEMES:
        raise SearchError(
            f"search_{problem.family}.inner_folds is {config.inner_folds}, but the folds are in "
            f"time (split.scheme={scheme}): fitting on what comes after the part that is scored "
            "would look into the future. Allowed: 1, which scores on the last stretch."
        )


def _spec(problem: Problem, config: SearchConfig, folds: tuple[tuple[int, int], ...]) -> StudySpec:
    objectives = (objective_name(problem, config), *config.objectives)
    return StudySpec(
        name=f"{problem.experiment}_{problem.family}",
        folds=folds,
        nested=False,
        num_parts=len(folds) * config.inner_folds,
        max_epochs=training_parameters(problem).fit.max_epochs,
        directions=tuple(direction_of(name) for name in objectives),
        objectives=objectives,
        fingerprint=_fingerprint(problem, config, folds, objectives),
    )


def _fingerprint(
    problem: Problem,
    config: SearchConfig,
    folds: tuple[tuple[int, int], ...],
    objectives: tuple[str, ...],
) -> str:
    """Return the hash of what a trial's score is of, the candidate left out."""
    return json_hash(
        {
            "family": problem.family,
            "samples": problem.samples.content_hash,
            "folds": problem.folds.content_hash,
            "base": {name: _json(config) for name, config in problem.base.items()},
            "objectives": objectives,
            "scored": folds,
            "inner_folds": config.inner_folds,
            "early": config.early.model_dump(mode="json"),
        }
    )


def _json(config: Config) -> dict[str, Any]:
    return config.model_dump(mode="json")
