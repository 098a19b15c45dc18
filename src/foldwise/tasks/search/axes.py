"""The axes of a space as tables and figures show them; free of Optuna."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from foldwise.config import Config
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.parameter import CategoricalParameter, SpaceParameter
from foldwise.tasks.search.trial import Value

Cell = str | int | float

# Last names that say nothing without what they are of.
_GENERAL = ("name", "method", "kind", "policy")


class Axis(Config):
    """One parameter of a space: what it is called, and which values it can have."""

    path: str
    label: str  # the end of the path, as much of it as no other has
    kind: Literal["float", "int", "categorical"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Cell, ...] = ()  # as in the table of trials
    as_json: bool = False  # the choices are neither all numbers nor all texts

    def cell(self, value: Value) -> Cell:
        """Return a value as the table of trials holds it.

        Numbers stay numbers; choices that are not all numbers or all texts are JSON.
        """
        if self.kind == "int" and isinstance(value, int | float):
            return int(value)
        if self.kind == "float" and isinstance(value, int | float):
            return float(value)
        return _cell(value, as_json=self.as_json)


def axes_of(config: SearchConfig) -> tuple[Axis, ...]:
    """Return the axes in the order of the space; a path that is there twice is one axis."""
    by_path: dict[str, list[SpaceParameter]] = {}
    for parameter in config.space:
        by_path.setdefault(parameter.path, []).append(parameter)
    labels = short_names(by_path)
    return tuple(_axis(path, labels[path], found) for path, found in by_path.items())


def axes_of_record(record: Mapping[str, Any]) -> tuple[Axis, ...]:
    """Return the axes that a record of studies tells of."""
    return tuple(Axis.model_validate(axis) for axis in record["axes"])


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Return for each path its end, as much of it as tells it from all others.

    >>> short_names(["train_cnn.fit.lr", "train_cnn.model.name"])
    {'train_cnn.fit.lr': 'lr', 'train_cnn.model.name': 'model.name'}
    """
    split = {path: path.split(".") for path in paths}
    names = {}
    for path, parts in split.items():
        others = [other for name, other in split.items() if name != path]
        size = 2 if parts[-1] in _GENERAL else 1
        while size < len(parts) and any(other[-size:] == parts[-size:] for other in others):
            size += 1
        names[path] = ".".join(parts[-size:])
    return names


def _axis(path: str, label: str, found: Sequence[SpaceParameter]) -> Axis:
    categorical = [p for p in found if isinstance(p, CategoricalParameter)]
    numbers = [p for p in found if not isinstance(p, CategoricalParameter)]
    if categorical:
        choices = [choice for p in categorical for choice in p.choices]
        # A path can be a range where one choice was made and a list where another was.
        as_json = bool(numbers) or not (_all_numbers(choices) or _all_texts(choices))
        cells = dict.fromkeys(_cell(choice, as_json=as_json) for choice in choices)
        shown = {"path": path, "label": label, "as_json": as_json}
        return Axis(**shown, kind="categorical", choices=tuple(cells))
    kind: Literal["float", "int"] = "int" if all(p.kind == "int" for p in numbers) else "float"
    return Axis(
        path=path,
        label=label,
        kind=kind,
        low=min(p.low for p in numbers),
        high=max(p.high for p in numbers),
        log=all(p.log for p in numbers),
    )


def _cell(value: Any, *, as_json: bool) -> Cell:  # noqa: ANN401  (any JSON value)
    found: Cell = json.dumps(value, sort_keys=True) if as_json else value
    return found


def _all_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _all_texts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
