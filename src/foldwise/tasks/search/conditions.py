"""Whether the paths and conditions of a space can be what they say."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from foldwise.config import Config, Scalar
from foldwise.tasks.search.candidate import build_candidate
from foldwise.tasks.search.merging import names
from foldwise.tasks.search.parameter import (
    CategoricalParameter,
    SpaceParameter,
    encode,
    is_same,
)
from foldwise.tasks.search.trial import SearchError

ABSENT = object()
_MOST_NAMES = 5


def covers(path: str, name: str) -> bool:
    """Tell whether a parameter of a path also sets this name, alone or within its group."""
    return name == path or name.startswith(f"{path}.")


def within(value: object, path: str, name: str) -> object:
    """Return what a group that stands at a path says of a name within it, or ABSENT."""
    for step in name.removeprefix(path).split(".")[1:]:
        value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def require_known(
    space: str, parameters: Sequence[SpaceParameter], base: Mapping[str, Config]
) -> None:
    """Refuse unknown paths, and conditions that can never be decided or met.

    Args:
        space: Its name, for messages.
        parameters: All of them.
        base: The parameters that the search starts from, by name.

    Raises:
        SearchError: The first that is wrong, with the nearest names or with what is allowed.
    """
    known = [path for name, config in base.items() for path in names(type(config), name)]
    for parameter in parameters:
        if parameter.path not in known:
            raise SearchError(f"{space}: {_unknown(parameter.path, known)}")
    for parameter in parameters:
        _require_acyclic(space, parameters, parameter, ())
    for parameter in parameters:
        for name, value in _conditions(parameter):
            if name not in known:
                raise SearchError(
                    f"{space}: {parameter.path} has a condition on what is neither in the space "
                    f"nor a parameter: {_unknown(name, known)}"
                )
            governing = [p for p in parameters if covers(p.path, name)]
            if governing:
                _require_reachable(space, parameter, name, value, governing)
            else:
                _require_allowed(space, parameter, name, value, base)


def require_once(space: str, parameters: Sequence[SpaceParameter]) -> None:
    """Refuse two parameters that set the same, unless their conditions exclude each other.

    Raises:
        SearchError: Which name is set twice.
    """
    for one, other in combinations(parameters, 2):
        sets_both = one.path == other.path or _holds_other(one, other)
        if sets_both and not _exclude_each_other(one, other):
            raise SearchError(
                f"{space}: {max(one.path, other.path, key=len)} is set twice, and nothing says "
                "when by which. Allowed: once, or several times with `when` of one name and "
                "different values."
            )


def parents(
    parameters: Sequence[SpaceParameter], parameter: SpaceParameter
) -> list[SpaceParameter]:
    """Return the parameters that decide whether another one exists."""
    return [p for p in parameters if any(covers(p.path, name) for name in parameter.when)]


def _conditions(parameter: SpaceParameter) -> Iterator[tuple[str, Scalar]]:
    for name in parameter.when:
        for value in parameter.allowed(name):
            yield name, value


def _require_reachable(
    space: str,
    parameter: SpaceParameter,
    name: str,
    value: Scalar,
    governing: Sequence[SpaceParameter],
) -> None:
    if any(_can_be(one, name, value) for one in governing):
        return
    told = " or ".join(one.told for one in governing)
    raise SearchError(
        f"{space}: {parameter.path} exists only with {name}={value!r}, which it can never be: "
        f"{name} is {told}."
    )


def _require_allowed(
    space: str,
    parameter: SpaceParameter,
    name: str,
    value: Scalar,
    base: Mapping[str, Config],
) -> None:
    """Refuse a value that a parameter outside of the space cannot have either."""
    if not any(name in config.flat(group) for group, config in base.items()):
        return  # of another variant than the base's
    try:
        build_candidate(base, {name: value})
    except SearchError as error:
        raise SearchError(
            f"{space}: {parameter.path} exists only with {name}={value!r}, but {error}"
        ) from None


def _require_acyclic(
    space: str,
    parameters: Sequence[SpaceParameter],
    parameter: SpaceParameter,
    above: tuple[str, ...],
) -> None:
    way = (*above, parameter.path)
    if parameter.path in above:
        circle = " > ".join(reversed(way[above.index(parameter.path) :]))
        raise SearchError(
            f"{space}: conditions go in a circle, so that none of them can be decided first: "
            f"{circle}."
        )
    for parent in parents(parameters, parameter):
        _require_acyclic(space, parameters, parent, way)


def _can_be(parameter: SpaceParameter, name: str, value: Scalar) -> bool:
    if name == parameter.path:
        return parameter.has(value)
    choices = parameter.choices if isinstance(parameter, CategoricalParameter) else ()
    return any(is_same(encode(within(one, parameter.path, name)), value) for one in choices)


def _holds_other(one: SpaceParameter, other: SpaceParameter) -> bool:
    """Tell whether one of them is a group of which a choice holds the other's path."""
    group, inner = sorted((one, other), key=lambda p: len(p.path))
    if not covers(group.path, inner.path) or not isinstance(group, CategoricalParameter):
        return False
    found: list[Any] = [within(choice, group.path, inner.path) for choice in group.choices]
    return any(value is not ABSENT for value in found)


def _exclude_each_other(one: SpaceParameter, other: SpaceParameter) -> bool:
    return any(
        not any(is_same(a, b) for a in one.allowed(name) for b in other.allowed(name))
        for name in one.when
        if name in other.when
    )


def _unknown(path: str, known: Sequence[str]) -> str:
    last, of_family = path.rsplit(".", 1)[-1], path.split(".")[0]
    same = [name for name in known if name.rsplit(".", 1)[-1] == last]
    same.sort(key=lambda name: (name.split(".")[0] != of_family, name.count(".")))
    close = difflib.get_close_matches(path, known, n=_MOST_NAMES, cutoff=0.6)
    near = list(dict.fromkeys([*same, *close]))[:_MOST_NAMES]
    hint = f" The nearest: {', '.join(near)}." if near else ""
    groups = ", ".join(dict.fromkeys(name.split(".")[0] for name in known))
    return f"there is no parameter {path!r}.{hint} Allowed: names within {groups}."
