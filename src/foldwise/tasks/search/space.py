"""The values that a search may try."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from foldwise.config import Config
from foldwise.tasks.search.candidate import build_candidate
from foldwise.tasks.search.conditions import (
    ABSENT,
    covers,
    parents,
    require_known,
    require_once,
    within,
)
from foldwise.tasks.search.legality import require_legal
from foldwise.tasks.search.parameter import SpaceParameter, Suggests, encode, is_same, path_of
from foldwise.tasks.search.trial import Candidate, SearchError, Value

_MOST_POINTS = 100_000  # of a grid


class Space:
    """Parameters to be suggested, each after those that it depends on.

    What Optuna draws and keeps are scalars; lists and mappings go by their JSON text there, and
    parameters of one path by names that hold their conditions. `suggest` and `grid` speak this
    language, `candidate` and `read` understand it.

    Args:
        space: The parameters. Those whose `when` the base rules out are left out.
        base: The parameters that the search starts from, by name (train_cnn, augment, balance).

    Raises:
        SearchError: There is nothing to suggest, a path is unknown, conditions cannot be met, or
            some values lead to parameters that are not allowed.
    """

    def __init__(self, space: Sequence[SpaceParameter], base: Mapping[str, Config]) -> None:
        self.base = dict(base)
        self.search = _searched(base)
        self.name = f"{self.search}.space"
        self._flat = {k: v for name, config in base.items() for k, v in config.flat(name).items()}
        self._all = tuple(space)
        require_known(self.name, self._all, base)
        self.parameters = self._in_order([p for p in space if self._is_possible(p)])
        if not self.parameters:
            raise SearchError(self._told_empty())
        require_once(self.name, self.parameters)
        self._tell_apart()
        require_legal(self)

    def suggest(self, trial: Suggests) -> dict[str, Value]:
        """Draw the values of one trial, conditional ones only where they exist."""
        values: dict[str, Value] = {}
        for parameter in self.parameters:
            if self.exists(parameter, values):
                values[parameter.name] = parameter.suggest(trial)
        return values

    def grid(self) -> list[dict[str, Value]]:
        """Return all combinations of all values, the last parameter changing fastest.

        Raises:
            SearchError: A parameter has infinitely many values, or there are too many points.
        """
        endless = [p for p in self.parameters if p.values() is None]
        if endless:
            told = "\n".join(f"  {p.path}: any number {p.told}" for p in endless)
            raise SearchError(
                f"{self.name}: a grid has no end where a parameter can be any number:\n{told}\n"
                "Allowed: a step (step: 0.1; not with log), kind: categorical with the values as "
                "choices, or another sampler, e.g. random."
            )
        rows: list[dict[str, Value]] = [{}]
        for parameter in self.parameters:
            points = (new for row in rows for new in self._extended(row, parameter))
            rows = list(islice(points, _MOST_POINTS + 1))
            if len(rows) > _MOST_POINTS:
                raise SearchError(
                    f"{self.name}: the grid has more than {_MOST_POINTS:,} points. Take fewer "
                    "parameters, fewer values of each, or another sampler, e.g. random."
                )
        return rows

    def candidate(self, values: Mapping[str, Value]) -> Candidate:
        """Return the parameters that values lead to; those without a value are the base's.

        Raises:
            SearchError: They are not allowed.
        """
        return build_candidate(self.base, self.read(values))

    def read(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return values as they are set: by path, groups as mappings, multiples of steps exact."""
        read: dict[str, Value] = {}
        for name, value in values.items():
            path = path_of(name)  # in an earlier space it may have had a name of its own
            here = [p for p in self.parameters if name == p.name] or [
                p for p in self.parameters if path == p.path
            ]
            if len(here) > 1:
                here = [p for p in here if self.exists(p, values)]
            read[path] = here[0].read(value) if here else value
        return read

    def fingerprint(self) -> list[dict[str, Any]]:
        """Return the space as JSON values."""
        return [parameter.model_dump(mode="json") for parameter in self._all]

    def exists(self, parameter: SpaceParameter, values: Mapping[str, Value]) -> bool:
        """Tell whether a parameter has a value beside those that have been chosen before it."""
        return all(
            any(is_same(encode(self._value(name, values)), v) for v in parameter.allowed(name))
            for name in parameter.when
        )

    def parents(self, parameter: SpaceParameter) -> list[SpaceParameter]:
        """Return the parameters that decide whether this one exists."""
        return parents(self._all, parameter)

    def _value(self, name: str, values: Mapping[str, Value]) -> object:
        """Return what a parameter is, by the suggestions, or else by the base."""
        governing = [p for p in self._all if covers(p.path, name) and self._is_possible(p)]
        if not governing:
            return self._flat.get(name, ABSENT)
        for parameter in governing:
            found: Any = values.get(parameter.name, values.get(parameter.path, ABSENT))
            if found is ABSENT:
                continue
            return within(parameter.read(found), parameter.path, name)
        return ABSENT

    def _extended(
        self, row: dict[str, Value], parameter: SpaceParameter
    ) -> Iterator[dict[str, Value]]:
        if not self.exists(parameter, row):
            yield row
            return
        for value in parameter.values() or ():
            yield {**row, parameter.name: value}

    def _is_possible(self, parameter: SpaceParameter) -> bool:
        """Tell whether the base lets a parameter exist; choices in the space may still not."""
        for name in parameter.when:
            if any(covers(p.path, name) and self._is_possible(p) for p in self._all):
                continue
            value = self._flat.get(name, ABSENT)
            if not any(is_same(value, one) for one in parameter.allowed(name)):
                return False
        return True

    def _in_order(self, parameters: Sequence[SpaceParameter]) -> tuple[SpaceParameter, ...]:
        """Return parameters behind those that they depend on, else as they stand."""
        ordered: list[SpaceParameter] = []

        def place(parameter: SpaceParameter) -> None:
            if any(parameter is placed for placed in ordered):
                return
            for parent in self.parents(parameter):
                if any(parent is possible for possible in parameters):
                    place(parent)
            ordered.append(parameter)

        for parameter in parameters:
            place(parameter)
        return tuple(ordered)

    def _tell_apart(self) -> None:
        """Give parameters of one path names of their own: Optuna's are of one range each."""
        paths = [parameter.path for parameter in self.parameters]
        named = {id(p): p.told_apart() for p in self.parameters if paths.count(p.path) > 1}
        self.parameters = tuple(named.get(id(p), p) for p in self.parameters)
        self._all = tuple(named.get(id(p), p) for p in self._all)

    def _told_empty(self) -> str:
        if not self._all:
            return (
                f"{self.name} is empty: there is nothing to search. Allowed: a list of "
                "parameters such as {path: train_cnn.fit.optimizer.lr, kind: float, low: 0.0003, "
                "high: 0.03, log: true}."
            )
        told = "\n".join(f"  {p.path} when {dict(p.when)}" for p in self._all)
        return (
            f"{self.name} is empty here: none of its parameters exists beside what the search "
            f"starts from:\n{told}"
        )


def _searched(base: Mapping[str, Config]) -> str:
    """Return the name of the search, such as `search_cnn`."""
    family = next((name for name in base if name.startswith("train_")), "train")
    return family.replace("train", "search")
