"""A study in memory, made from the table of trials: figures need no storage and change none."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from foldwise.tasks.search.axes import Axis, Cell

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_MAX_CHOICE = 26  # characters


def rebuilt_study(
    trials: pd.DataFrame,
    axes: Sequence[Axis],
    objectives: Sequence[str],
    directions: Sequence[str],
) -> "Study":
    """Return a study of one table's trials under their numbers; numbers that lack are failed.

    Parameters have the labels of their axes, choices one short line of text each. Trials that
    were given less are left out: their scores are of another kind.

    Args:
        trials: Of one study.
        axes: The parameters.
        objectives: Columns of the table.
        directions: `maximize` or `minimize`, one per objective.
    """
    import optuna
    from optuna.study import StudyDirection
    from optuna.trial import TrialState, create_trial

    from foldwise.tasks.search.quiet import quiet_optuna

    wanted = [StudyDirection[direction.upper()] for direction in directions]
    with quiet_optuna():
        study = optuna.create_study(directions=wanted)
    found = {axis: _labels(axis, trials[axis.path]) for axis in axes}
    distributions = {axis: _distribution(axis, trials[axis.path], found[axis]) for axis in axes}
    shown = trials[~trials["is_early"]].sort_values("number")
    for row in shown.to_dict("records"):
        while len(study.get_trials(deepcopy=False)) < row["number"]:
            study.add_trial(create_trial(state=TrialState.FAIL))
        study.add_trial(_trial(row, found, distributions, objectives))
    return study


def choice_labels(choices: Sequence[Cell]) -> dict[Cell, str | int | float]:
    """Return what choices are called in figures: numbers as they are, texts short and different.

    >>> choice_labels(['{"name": "cosine"}', '[16, 32]', "null"])
    {'{"name": "cosine"}': 'name: cosine', '[16, 32]': '16, 32', 'null': 'null'}
    """
    if not any(isinstance(choice, str) for choice in choices):
        return {choice: choice for choice in choices}
    labels: dict[Cell, str | int | float] = {}
    for choice in choices:
        label = _short(str(choice))
        number = 2
        while label in labels.values():
            end = f" ({number})"
            label, number = _short(str(choice), _MAX_CHOICE - len(end)) + end, number + 1
        labels[choice] = label
    return labels


def _short(text: str, size: int = _MAX_CHOICE) -> str:
    if text[:1] in ("{", "[", '"'):
        text = _without_brackets(text)
    text = " ".join(text.split()) or "(blank)"
    text = text if len(text) <= size else f"{text[: size - 1]}…"
    return text.replace("$", r"\$")  # never mathematics


def _without_brackets(text: str) -> str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:  # a text that only looks like one
        return text
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(item)}" for name, item in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _plain(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    return value if isinstance(value, str) else json.dumps(value)


def _labels(axis: Axis, values: pd.Series) -> dict[Cell, str | int | float]:
    """Return the labels of a list of choices; of a range, none."""
    if axis.kind != "categorical":
        return {}
    return choice_labels(list(dict.fromkeys([*axis.choices, *values.dropna()])))


def _distribution(
    axis: Axis, values: pd.Series, labels: Mapping[Cell, str | int | float]
) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.kind == "categorical":
        return CategoricalDistribution(list(labels.values()))
    assert axis.low is not None
    assert axis.high is not None
    # A value that a user has enqueued may lie outside of the range.
    known = values.dropna()
    low, high = min([axis.low, *known]), max([axis.high, *known])
    if axis.kind == "int":
        return IntDistribution(int(low), int(high), log=axis.log and low >= 1)
    return FloatDistribution(float(low), float(high), log=axis.log and low > 0)


def _trial(
    row: Mapping[Any, Any],
    labels: Mapping[Axis, Mapping[Cell, str | int | float]],
    distributions: Mapping[Axis, "BaseDistribution"],
    objectives: Sequence[str],
) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    there = [axis for axis in labels if not pd.isna(row[axis.path])]
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    state = states.get(row["state"], TrialState.FAIL)
    reported = {step: value for step, value in json.loads(row["reported"]) if value is not None}
    return create_trial(
        state=state,
        params={axis.label: labels[axis].get(row[axis.path], row[axis.path]) for axis in there},
        distributions={axis.label: distributions[axis] for axis in there},
        values=[row[name] for name in objectives] if state == TrialState.COMPLETE else None,
        intermediate_values=reported,
    )
