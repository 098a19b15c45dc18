"""Score a search on the outer folds: its winner, the defaults, and searches within each fold.

torch is imported where it is used.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from foldwise.config import Config
from foldwise.data.balance import plan_balance
from foldwise.data.folds import fold_parts
from foldwise.tasks.events import MethodStarted, Observer, comparing, ignore
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.search.recipes import balance_of, recipe_of
from foldwise.tasks.search.trial import DEFAULTS, NESTED, WINNER, Problem, StudyResult

Key = tuple[int, int]  # repeat and fold


def outer_scores(
    problem: Problem,
    results: Sequence[StudyResult],
    folder: Path,
    observer: Observer = ignore,
    find_run: FindRun | None = None,
) -> pd.DataFrame:
    """Train with what the search has found and with the defaults; predict the outer folds.

    The outer folds are looked at here for the first time, and only once: nothing is chosen after
    it. Networks of the same inputs that are there already are not trained again; a training that
    was interrupted goes on.

    Args:
        problem: What was searched.
        results: The main study first, then those of the outer folds, if there are any.
        folder: Where the networks are kept: `winner`, `defaults`, `nested`.
        observer: Is told of the trainings.
        find_run: From an MLflow run's id to its networks, for weights to start from.

    Returns:
        The predictions table with `method` in front: winner, defaults and, where the search was
        nested, nested: there the network of each fold has the parameters that the search within
        its training part has chosen. Of numbers `standardised_error` is the absolute error in the
        unit of the trials' scores. Of generators instead one row for each method and outer fold:
        `method`, `repeat`, `fold`, `score`.

    Raises:
        DivergedError: A loss became infinite or not a number; what was trained before is kept.
        UserError: What a training refuses.
    """
    if problem.family == "gan":
        from foldwise.tasks.search.outer_generators import outer_generator_scores

        return outer_generator_scores(problem, results, folder, observer)
    main, nested = results[0], [result for result in results if result.spec.nested]
    names = (WINNER, DEFAULTS, *([NESTED] if nested else []))
    tables = []
    with comparing(observer):
        for number, name in enumerate(names, start=1):
            observer(MethodStarted(name, None, number, len(names)))
            models = FoldModels(folder / name)
            if name == NESTED:
                keys = _train_nested(problem, nested, models, observer, find_run)
                table = _predicted(problem, models, keys)
            else:
                chosen = main.winner.parameters if name == WINNER else problem.base
                _cross_validate(problem, chosen, models, observer, find_run)
                table = _predicted(problem, models, problem.folds.jobs)
            table.insert(0, "method", name)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _cross_validate(
    problem: Problem,
    parameters: Mapping[str, Config],
    models: FoldModels,
    observer: Observer,
    find_run: FindRun | None,
    only: Collection[Key] | None = None,
) -> None:
    from foldwise.tasks.train import cross_validate

    samples, folds = problem.samples, problem.folds
    recipe = recipe_of(problem, parameters)
    plan = plan_balance(samples.table, folds, balance_of(parameters))
    cross_validate(samples, folds, plan, recipe, models, observer, find_run, only)


def _train_nested(
    problem: Problem,
    nested: Sequence[StudyResult],
    models: FoldModels,
    observer: Observer,
    find_run: FindRun | None,
) -> list[Key]:
    """Train the network of each outer fold with the parameters that were found within it."""
    keys = [key for result in nested for key in result.spec.folds]
    with models.exclusive():
        models.prune(keys)
    for result in nested:
        _cross_validate(
            problem, result.winner.parameters, models, observer, find_run, result.spec.folds
        )
    return keys


def _predicted(problem: Problem, models: FoldModels, keys: Collection[Key]) -> pd.DataFrame:
    """Return the predictions table of some outer folds, by their own networks."""
    from foldwise.tasks.predict import predict_parts
    from foldwise.tasks.search.standardised_error import STANDARDISED_ERROR, standardised_errors

    samples, folds = problem.samples, problem.folds
    parts = (p for p in fold_parts(folds, samples.table) if (p.repeat, p.fold) in keys)
    table = predict_parts(models, samples, folds, parts)
    if samples.task == "regression":
        table[STANDARDISED_ERROR] = standardised_errors(table, models, samples)
    return table
