"""Trials as Optuna's storage keeps them, read as records."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from foldwise.tasks.search.objective import NUM_EPOCHS, PARTS
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import PartScore, TrialRecord
from foldwise.tasks.search.trial_attributes import EARLY, ERROR, is_lost

_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned"}


def record_of(
    trial: FrozenTrial, study: str, space: Space, parts: Sequence[PartScore] | None = None
) -> TrialRecord:
    """Return the record of a trial that has ended.

    Args:
        trial: The trial.
        study: The name of its study.
        space: What its values are of.
        parts: Its parts where they are known with their curves, which the storage does not keep.
    """
    attributes = trial.user_attrs
    found = tuple(parts or map(_part, attributes.get(PARTS, ())))
    duration = trial.duration
    state = _STATES.get(trial.state, "lost" if is_lost(trial) else "failed")
    return TrialRecord(
        study=study,
        number=trial.number,
        state=state,  # type: ignore[arg-type]  # one of the four
        values=tuple(trial.values) if trial.state == TrialState.COMPLETE else (),
        params=space.read(trial.params),
        parts=found,
        seconds=float("nan") if duration is None else duration.total_seconds(),
        error=attributes.get(ERROR),
        num_epochs=attributes.get(NUM_EPOCHS, sum(part.num_epochs for part in found)),
        reported=tuple(sorted(trial.intermediate_values.items())),
        is_early=bool(attributes.get(EARLY)),
    )


def _part(values: Sequence[Any]) -> PartScore:
    repeat, fold, inner, score, num_epochs, best_epoch, seconds = values
    return PartScore(repeat, fold, inner, score, num_epochs, best_epoch, (), seconds)
