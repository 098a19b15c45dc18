"""What a study is of, kept with it, so that a study of something else is not gone on with."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import StudySpec

_TOLD = {  # all but the space
    "fingerprint": "the samples, the folds, the base parameters or how a trial is scored",
    "folds": "the outer folds (repeat, fold)",
    "num_parts": "the number of parts that a trial is scored on",
    "objectives": "the objectives",
    "sampler": "the sampler",
    "seed": "the seed",
    "early": "the early trials",
}
# One study of Optuna cannot change these.
_FIXED = ("objectives",)
_ABSENT = object()


def study_facts(spec: StudySpec, space: Space, config: SearchConfig) -> dict[str, Any]:
    """Return what the values of a study's trials depend on, as JSON values."""
    facts = {
        "fingerprint": spec.fingerprint,
        "folds": spec.folds,
        "num_parts": spec.num_parts,
        "objectives": list(zip(spec.objectives, spec.directions, strict=True)),
        "sampler": config.sampler,
        "seed": config.seed,
        "early": config.early.model_dump(mode="json"),
        "space": space.fingerprint(),
        # As Optuna knows them; the base decides too which of them there are.
        "known_as": {p.name: _shape(p.model_dump(mode="json")) for p in space.parameters},
    }
    found: dict[str, Any] = json.loads(json.dumps(facts, allow_nan=False))
    return found


def changes(known: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """Return what has changed, a line each.

    >>> changes({"seed": 0, "space": []}, {"seed": 1, "space": []})
    ['the seed: 0, now 1']
    """
    lines = []
    for name, told in _TOLD.items():
        before, now = known.get(name), facts.get(name)
        if before == now:
            continue
        is_readable = name != "fingerprint"
        lines.append(f"{told}: {_text(before)}, now {_text(now)}" if is_readable else told)
    return lines + _space_changes(known["space"], facts["space"])


def is_continuable(known: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Tell whether the trials of both can stand in one study of Optuna.

    There a parameter keeps its kind, its scale and, where it is categorical, its choices.
    """
    if any(known.get(name) != facts.get(name) for name in _FIXED):
        return False
    before = known.get("known_as", {})
    return all(before.get(name, shape) == shape for name, shape in facts["known_as"].items())


def _shape(parameter: Mapping[str, Any]) -> list[Any]:
    return [parameter["kind"], parameter.get("log"), parameter.get("choices")]


def _space_changes(
    before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]
) -> list[str]:
    known, wanted = _by_path(before), _by_path(now)
    lines = [f"the space: {path} is not in it any more" for path in known if path not in wanted]
    lines += [f"the space: {path} is new in it" for path in wanted if path not in known]
    for path, parameters in wanted.items():
        former = known.get(path, parameters)
        if len(former) == len(parameters) == 1:
            lines += _parameter_changes(path, former[0], parameters[0])
        elif former != parameters:
            lines.append(f"the space: {path} has other values or conditions")
    if not lines and list(before) != list(now):
        lines.append("the space: its parameters stand in another order")
    return lines


def _parameter_changes(path: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*before, *now])
    return [
        f"the space: {path}.{name} was {_text(before.get(name))}, now {_text(now.get(name))}"
        for name in names
        if before.get(name, _ABSENT) != now.get(name, _ABSENT)
    ]


def _by_path(space: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for parameter in space:
        found.setdefault(parameter["path"], []).append(parameter)
    return found


def _text(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
