"""Score generators on the outer folds: with what a search has found, and with the defaults."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from foldwise.config import Config
from foldwise.data.folds import FoldParts, fold_parts
from foldwise.tasks.draw_samples import draw_like
from foldwise.tasks.events import MethodStarted, Observer, comparing, ignore
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.generate import Generator
from foldwise.tasks.search.gan_trial import as_in_trials, gan_of
from foldwise.tasks.search.generator_space import GeneratorSpace, Rows
from foldwise.tasks.search.trial import (
    DEFAULTS,
    NESTED,
    WINNER,
    Fidelity,
    Problem,
    StudyResult,
    StudySpec,
)
from foldwise.tasks.train_gan import train_gans


def outer_generator_scores(
    problem: Problem, results: Sequence[StudyResult], folder: Path, observer: Observer = ignore
) -> pd.DataFrame:
    """Train generators with the found parameters and with the defaults; compare on outer folds.

    The measure is that of the trials: the Frechet distance in the space of the network that tells
    the classes of the fold's training part, between as many samples as an inner part has. As in
    trials, a generator that collapses is fitted to its end and scored as it is.

    Returns:
        Columns `method` (winner, defaults, nested), `repeat`, `fold`, `score` (lower is better).

    Raises:
        CollapsedError: A loss became infinite or not a number; earlier generators are kept.
    """
    main, nested = results[0], [result for result in results if result.spec.nested]
    jobs: dict[str, list[tuple[tuple[tuple[int, int], ...], Mapping[str, Config]]]] = {
        WINNER: [(main.spec.folds, main.winner.parameters)],
        DEFAULTS: [(main.spec.folds, problem.base)],
    }
    if nested:
        jobs[NESTED] = [(result.spec.folds, result.winner.parameters) for result in nested]
    scores = _Scores(problem, main.spec)
    records: list[dict[str, Any]] = []
    with comparing(observer):
        for number, (name, of_method) in enumerate(jobs.items(), start=1):
            observer(MethodStarted(name, None, number, len(jobs)))
            models = GanModels(folder / name)
            with models.exclusive():
                models.prune([key for keys, _ in of_method for key in keys])
            for keys, parameters in of_method:
                config = as_in_trials(gan_of(parameters), Fidelity())
                train_gans(problem.samples, problem.folds, config, models, observer, keys)
                records += [{"method": name, **scores.of(models, *key)} for key in keys]
    return pd.DataFrame(records)


class _Scores:
    """Distances on the outer folds; the network of each fold's space is fitted once."""

    def __init__(self, problem: Problem, spec: StudySpec) -> None:
        self._samples, self._spec = problem.samples, spec
        self._parts = {
            (parts.repeat, parts.fold): parts
            for parts in fold_parts(problem.folds, problem.samples.table)
            if (parts.repeat, parts.fold) in spec.folds
        }
        training = gan_of(problem.base)
        self._spaces = {
            key: GeneratorSpace(problem.samples, problem.folds, parts, training)
            for key, parts in self._parts.items()
        }

    def of(self, models: GanModels, repeat: int, fold: int) -> dict[str, Any]:
        parts = self._parts[repeat, fold]
        generator = Generator(models.folder(repeat, fold))

        def draw(labels: Rows, seed: int) -> npt.NDArray[Any]:
            return draw_like(generator, labels, seed)

        rows = self._samples.positions(parts.oof)
        space = self._spaces[repeat, fold]
        score = space.distances(draw, rows, num_compared(parts, self._spec), repeat, fold)
        return {"repeat": repeat, "fold": fold, "score": score}


def num_compared(parts: FoldParts, spec: StudySpec) -> int:
    """Return how many samples an inner part of a fold has: distances depend on the number."""
    num_inner = spec.num_parts // len(spec.folds)
    if num_inner == 1:
        return len(parts.validation)
    return (len(parts.train) + len(parts.validation)) // num_inner
