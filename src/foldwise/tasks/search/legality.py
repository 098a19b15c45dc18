"""Whether all that a space can suggest is allowed, tried before the first trial."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Protocol

import numpy as np

from foldwise.config import Scalar
from foldwise.errors import UserError
from foldwise.seeds import numpy_generator
from foldwise.tasks.search.candidate import require_recipe
from foldwise.tasks.search.parameter import SpaceParameter, Suggests
from foldwise.tasks.search.trial import Candidate, SearchError, Value

_MOST_BRANCHES = 100  # of the conditions of one parameter
_NUM_DRAWN = 64

Values = dict[str, Value]


class _Space(Protocol):
    name: str
    parameters: tuple[SpaceParameter, ...]

    def exists(self, parameter: SpaceParameter, values: Mapping[str, Value]) -> bool: ...

    def parents(self, parameter: SpaceParameter) -> list[SpaceParameter]: ...

    def candidate(self, values: Mapping[str, Value]) -> Candidate: ...

    def suggest(self, trial: Suggests) -> Values: ...


def require_legal(space: _Space) -> None:
    """Refuse a space of which a suggestion is not allowed.

    Each parameter's ends, or all of few values, are tried in each branch of the conditions, and
    then some suggestions at random.

    Raises:
        SearchError: The parameters that are not allowed together, their values and ranges, and
            what is allowed.
    """
    for values in _tried(space):
        problem = _problem(space, values)
        if problem is not None:
            raise SearchError(_told(space, values, problem))


def _tried(space: _Space) -> Iterator[Values]:
    for parameter in space.parameters:
        for branch in islice(_branches(space, parameter), _MOST_BRANCHES):
            for value in parameter.tried():
                for end in (0, -1):  # of the others
                    yield _complete(space, {**branch, parameter.name: value}, end)
    rng = numpy_generator(0, "search", "legality")
    for _ in range(_NUM_DRAWN):
        yield space.suggest(_Draws(rng))


def _branches(space: _Space, parameter: SpaceParameter) -> Iterator[Values]:
    """Yield the choices of others with which a parameter exists."""
    above = _ancestors(space, parameter)

    def choose(place: int, chosen: Values) -> Iterator[Values]:
        if place == len(above):
            if space.exists(parameter, chosen):
                yield chosen
            return
        one = above[place]
        if not space.exists(one, chosen):
            yield from choose(place + 1, chosen)
            return
        asked = parameter.allowed(one.path) if one.path in parameter.when else ()
        wanted = [value for value in asked if one.has(value)]
        for value in dict.fromkeys([*wanted, *one.tried()]):
            yield from choose(place + 1, {**chosen, one.name: value})

    yield from choose(0, {})


def _ancestors(space: _Space, parameter: SpaceParameter) -> list[SpaceParameter]:
    found: list[SpaceParameter] = []

    def follow(one: SpaceParameter) -> None:
        for parent in space.parents(one):
            if not any(parent is known for known in found):
                follow(parent)
                found.append(parent)

    follow(parameter)
    return [one for one in space.parameters if any(one is known for known in found)]


def _complete(space: _Space, chosen: Values, end: int) -> Values:
    """Return values of all parameters that exist; those that are not chosen are at one end."""
    values: Values = {}
    for parameter in space.parameters:
        if space.exists(parameter, values):
            other = parameter.tried()[end]
            values[parameter.name] = chosen.get(parameter.name, other)
    return values


def _problem(space: _Space, values: Values) -> str | None:
    try:
        require_recipe(space.candidate(values))
    except UserError as error:
        return str(error)
    return None


def _told(space: _Space, values: Values, problem: str) -> str:
    guilty = dict(values)
    for one in reversed(values):
        others = {name: value for name, value in guilty.items() if name != one}
        if _problem(space, others) == problem:
            guilty = others
    if not guilty:
        return f"{space.name}: what the search starts from is not allowed. {problem}"
    told = " and ".join(
        f"{p.path} be {guilty[p.name]!r} ({p.told})" for p in space.parameters if p.name in guilty
    )
    mend = (
        "Change its bounds."
        if len(guilty) == 1
        else "Change the bounds, or say by `when` with which choices a parameter exists."
    )
    return f"{space.name} lets {told}, which is not allowed: {problem} {mend}"


class _Draws:
    """Draws values as a trial of Optuna does."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        if step is not None:
            return low + step * int(self._rng.integers(round((high - low) / step) + 1))
        if log:
            drawn = np.exp(self._rng.uniform(np.log(low), np.log(high)))
            return float(np.clip(drawn, low, high))
        return float(self._rng.uniform(low, high))

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        return low + step * int(self._rng.integers((high - low) // step + 1))

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Any:  # noqa: ANN401
        return choices[int(self._rng.integers(len(choices)))]
