"""The plan of a study: which trials are to be run, drawn before the first one."""

from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from foldwise.config import Scalar
from foldwise.seeds import numpy_generator
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.samplers import planning_sampler
from foldwise.tasks.search.space import Space

Point = dict[str, Any]  # values as Optuna knows them, by path; empty: the sampler chooses


@dataclass(frozen=True)
class Plan:
    """The points of the trials in order; the plan of fewer trials is the beginning of it."""

    points: tuple[Point, ...]
    grid_size: int | None = None  # of the whole grid, if it is one

    @property
    def is_capped(self) -> bool:
        """Whether the grid has points that are not tried."""
        return self.grid_size is not None and self.grid_size > len(self.points)


def draw_plan(config: SearchConfig, space: Space) -> Plan:
    """Draw the points of a study from the seed of the search alone.

    Grid: all points, at most `n_trials`, in random order, so that a part of them is no corner.
    Random and QMC: `n_trials` points. The other samplers learn from trials: theirs are open.

    Raises:
        SearchError: The space has no grid.
    """
    if config.sampler == "grid":
        grid = space.grid()
        order = numpy_generator(config.seed, "grid").permutation(len(grid))[: config.n_trials]
        return Plan(tuple(dict(grid[i]) for i in order), len(grid))
    if config.sampler in ("random", "qmc"):
        return Plan(_drawn(config, space))
    return Plan(tuple({} for _ in range(config.n_trials)))


def _drawn(config: SearchConfig, space: Space) -> tuple[Point, ...]:
    with quiet_optuna():
        study = optuna.create_study(sampler=planning_sampler(config))
        if config.sampler == "qmc":
            study.add_trial(_with_all_parameters(space))
        points = []
        for _ in range(config.n_trials):
            trial = study.ask()
            space.suggest(trial)
            points.append(dict(trial.params))
    return tuple(points)


def _with_all_parameters(space: Space) -> optuna.trial.FrozenTrial:
    """Return a trial from which the QMC sampler takes its dimensions: conditional ones too."""
    seen = _Seen()
    for parameter in space.parameters:
        parameter.suggest(seen)
    return create_trial(value=0.0, params=seen.params, distributions=seen.distributions)


class _Seen:
    """Stands in for a trial, and notes what it is asked for."""

    def __init__(self) -> None:
        self.params: Point = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        self._note(name, low, FloatDistribution(low, high, log=log, step=step))
        return low

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        self._note(name, low, IntDistribution(low, high, log=log, step=step))
        return low

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Any:  # noqa: ANN401
        self._note(name, choices[0], CategoricalDistribution(choices))
        return choices[0]

    def _note(self, name: str, value: Any, distribution: BaseDistribution) -> None:  # noqa: ANN401
        self.params[name], self.distributions[name] = value, distribution
