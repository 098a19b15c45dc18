"""What the trials of a study have come to."""

from collections.abc import Sequence
from typing import Literal

import optuna

from foldwise.tasks.search.space import Space
from foldwise.tasks.search.study import finished_trials
from foldwise.tasks.search.trial import SearchError, StudyResult, StudySpec, TrialRecord
from foldwise.tasks.search.trial_record import record_of

_MAX_QUOTED = 3  # errors of trials


def study_result(
    study: optuna.Study, spec: StudySpec, space: Space, *, was_interrupted: bool
) -> StudyResult:
    """Return the trials and the best of those that were given all of a fit.

    With several objectives the winner is the best by the first one, which is on the front too.

    Raises:
        SearchError: No trial was completed; it quotes the errors of those that failed.
    """
    trials = tuple(record_of(trial, spec.name, space) for trial in finished_trials(study))
    able = [trial for trial in trials if trial.state == "complete" and not trial.is_early]
    if not able:
        raise SearchError(_nothing(spec, trials, was_interrupted=was_interrupted))
    front = _front(able, spec.directions)
    sign = -1 if spec.directions[0] == "maximize" else 1
    best = min(front, key=lambda trial: (sign * trial.values[0], trial.number))
    return StudyResult(
        spec=spec,
        trials=trials,
        winner=space.candidate(best.params),
        winner_number=best.number,
        inner=best.values,
        front=tuple(trial.number for trial in front),
        was_interrupted=was_interrupted,
    )


def quoted_errors(trials: Sequence[TrialRecord]) -> str:
    """Return what the last failed trials have said, one line each; equal ones once."""
    errors: dict[str, int] = {}
    for trial in reversed(trials):
        if trial.state == "failed":
            errors.setdefault(trial.error or "It told no error.", trial.number)
    lines = [f"\n  trial {number}: {error}" for error, number in errors.items()]
    return "".join(lines[:_MAX_QUOTED])


def _front(
    trials: Sequence[TrialRecord], directions: Sequence[Literal["maximize", "minimize"]]
) -> list[TrialRecord]:
    """Return the trials that no other one beats: none is as good in all and better in one."""
    signs = [1 if direction == "maximize" else -1 for direction in directions]

    def beats(one: TrialRecord, other: TrialRecord) -> bool:
        gains = [
            sign * (a - b) for sign, a, b in zip(signs, one.values, other.values, strict=True)
        ]
        return min(gains) >= 0 and max(gains) > 0

    return [trial for trial in trials if not any(beats(other, trial) for other in trials)]


def _nothing(spec: StudySpec, trials: Sequence[TrialRecord], *, was_interrupted: bool) -> str:
    counts = dict.fromkeys(("complete", "pruned", "failed"), 0)
    for trial in trials:
        counts[trial.state] = counts.get(trial.state, 0) + 1
    early = f"{counts['complete']} were completed with less than a whole fit (early), "
    why = (
        "the timeout came first"
        if was_interrupted
        else f"{early if counts['complete'] else ''}{counts['pruned']} were pruned, "
        f"{counts['failed']} failed"
    )
    errors = quoted_errors(trials)
    return f"No trial of the study {spec.name} was completed, so there is no winner: {why}." + (
        f" The last errors:{errors}" if errors else ""
    )
