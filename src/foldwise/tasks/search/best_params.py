"""The parameters that a search has found, as YAML that can be pasted or trained with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foldwise.config import Config
from foldwise.data.balance import BalanceConfig
from foldwise.parameter_errors import explain
from foldwise.tasks.search.candidate import build_candidate
from foldwise.tasks.search.merging import Tree, as_given, merge, nested
from foldwise.tasks.search.trial import Candidate, SearchError, SearchFamily, Value

SHARED_GROUPS = ("augment", "balance")  # beside train_<family>; of generators none


@dataclass(frozen=True)
class BestFacts:
    """Where parameters come from."""

    study: str
    trial: int
    inner: Mapping[str, float]  # by objective: what the trial scored on inner parts
    samples: str  # content hash
    folds: str  # content hash


def best_params_text(
    family: SearchFamily, candidate: Candidate, base: Mapping[str, Config], facts: BestFacts
) -> str:
    """Return what a candidate has that its base has not, to be pasted into `conf/<experiment>/`.

    Args:
        family: Of the search.
        candidate: The winner.
        base: The parameters that the search started from.
        facts: For the comment above.
    """
    import yaml

    found = _differences(candidate, base)
    left = []
    for name, config in base.items():
        found[name], leftover = _pasted(config, candidate.parameters[name], found.get(name, {}))
        left += [f"{name}.{path}" for path in leftover]
    found = {name: tree for name, tree in found.items() if tree}
    lines = _header(family, facts, left)
    if not found:
        return "\n".join(
            [*lines, "# Nothing differs from what the search started from.", "{}", ""]
        )
    # JSON first: YAML would mark tuples
    return "\n".join([*lines, yaml.safe_dump(_plain(found), sort_keys=False, allow_unicode=True)])


def read_best_params(path: Path, family: str, shown: Path) -> Tree:
    """Return the parameters by name, such as train_cnn, augment and balance.

    Args:
        path: Of the file.
        family: Of the search.
        shown: What messages call the file.

    Raises:
        SearchError: There are none yet, or the file is no such file.
    """
    import yaml

    command = f"kedro run --pipeline=search_{family}"
    if not path.is_file():
        raise SearchError(
            f"train_{family}.use_best is true, but no search has found parameters yet: there is "
            f"no {shown}. Run `{command}` first, with the same experiment, or set "
            f"train_{family}.use_best=false."
        )
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise SearchError(f"{shown} cannot be read: {told} Run `{command}` to write it.") from None
    allowed = (f"train_{family}", *(() if family == "gan" else SHARED_GROUPS))
    if not isinstance(found, dict) or not all(isinstance(tree, dict) for tree in found.values()):
        raise SearchError(
            f"{shown} does not hold groups of parameters. Allowed: {', '.join(allowed)}, each "
            f"with parameters of its own. Run `{command}` to write it."
        )
    if unknown := [str(name) for name in found if name not in allowed]:
        raise SearchError(
            f"{shown} holds {', '.join(unknown)}. Allowed: {', '.join(allowed)}. Run `{command}` "
            "to write it."
        )
    return found


def with_best(
    config: Config, name: str, best: Mapping[str, Any], own: Config, command_line: object
) -> Config:
    """Return parameters with what a search has found, and above that what the user has given.

    Args:
        config: All that has been given, without what the search has found.
        name: What the parameters go by, e.g. train_cnn.
        best: What the search has found of them.
        own: As `config`, without what has been given on the command line.
        command_line: What that is: a mapping, or one text for `balance`.

    Raises:
        SearchError: They do not go together.
    """
    kind = type(config)
    if isinstance(command_line, str) and kind is BalanceConfig:
        command_line = {"method": command_line}
    given = merge(kind, as_given(own), best)
    if isinstance(command_line, Mapping):
        given = merge(kind, given, command_line)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        told = " ".join(explain(error, name, given))
        raise SearchError(
            f"With what the search has found, which use_best asks for, {name} is not allowed: "
            f"{told}"
        ) from None


def _differences(candidate: Candidate, base: Mapping[str, Config]) -> Tree:
    """Return the suggested values but for those without which all is the same."""
    values = dict(candidate.values)
    for path in candidate.values:
        others = {name: value for name, value in values.items() if name != path}
        if _leads_to(others, candidate, base):
            values = others
    found: Tree = {}
    for path in sorted(values, key=lambda path: path.count(".")):
        found = merge(None, found, nested(path, values[path]))
    return found


def _leads_to(
    values: Mapping[str, Value], candidate: Candidate, base: Mapping[str, Config]
) -> bool:
    try:
        return build_candidate(base, values).parameters == candidate.parameters
    except SearchError:
        return False


def _pasted(base: Config, wanted: Config, found: Tree) -> tuple[Tree, list[str]]:
    """Return what is to be pasted over a base, and what of the base has to go before.

    Files of parameters are merged name by name, so that what the base says about another variant
    would stay. Where the new variant knows it too, its value is written down.
    """
    stays = merge(None, as_given(base), found)
    target = wanted.model_dump()
    left = []
    for path, value in _leaves(stays):
        here = _at(target, path)
        if here is _NOTHING:
            left.append(path)
        elif here != value and _at(found, path) is _NOTHING:
            found = merge(None, found, nested(path, here))
    return found, left


_NOTHING = object()


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _at(tree: Any, path: str) -> Any:  # noqa: ANN401  (any parameter)
    for name in path.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return _NOTHING
        tree = tree[name]
    return tree


def _plain(value: Any) -> Any:  # noqa: ANN401  (any parameter)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _header(family: SearchFamily, facts: BestFacts, left: list[str]) -> list[str]:
    scores = ", ".join(f"{name} {value:.6g}" for name, value in facts.inner.items())
    lines = [
        f"Found by search_{family}: trial {facts.trial} of the study {facts.study}.",
        f"On inner parts: {scores}. What it comes to on outer folds stands in the report.",
        f"Samples {facts.samples}",
        f"Folds {facts.folds}",
        f"Train with it by train_{family}.use_best=true, or paste it into the files of",
        "conf/<experiment>/; what does not stand here is as the search found it there.",
    ]
    if left:
        lines.append("Where it is pasted, these have to go: " + ", ".join(left))
    return [f"# {' '.join(line.split())}" for line in lines]
