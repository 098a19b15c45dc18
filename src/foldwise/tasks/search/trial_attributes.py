"""What a study keeps with its trials beside Optuna's own, and what follows from it."""

from collections.abc import Iterable

from optuna.trial import FrozenTrial, TrialState

# User attribute of a study: how many trials it has; set when they are all enqueued.
PLANNED = "planned"
# User attributes of a trial.
PLAN = "plan"  # its place in the plan of the study; a retried trial has the place of the lost one
SURPLUS = "surplus"  # nobody planned it, or another trial has its place
ERROR = "error"  # what it has failed with
EARLY = "early"  # it is given less, so its values cannot be compared
LOSSES = "losses"  # how many processes have died over its place
LOST = "lost"  # its process has died
INTERRUPTED = "interrupted"  # it was asked to end, so that the trial bears no blame
WORKER = "worker"  # who runs it: its name in the folder, host and process id


def is_surplus(trial: FrozenTrial) -> bool:
    """Tell whether a trial counts nowhere: it was not planned, or its place was taken."""
    return PLAN not in trial.user_attrs or bool(trial.user_attrs.get(SURPLUS))


def is_lost(trial: FrozenTrial) -> bool:
    """Tell whether a trial was ended from outside: it failed without an error of its own."""
    return trial.state == TrialState.FAIL and not (is_surplus(trial) or ERROR in trial.user_attrs)


def holders(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return for each place of the plan the trial that holds it, if there is one.

    Two processes may both fill the place of a lost trial. Which of the two holds it is decided
    by the trials alone, so that all processes agree: one that has ended before one that has not,
    then the earlier one.
    """
    found: dict[int, FrozenTrial] = {}
    for trial in trials:
        if is_surplus(trial) or is_lost(trial):
            continue
        place = trial.user_attrs[PLAN]
        if place not in found or _rank(trial) < _rank(found[place]):
            found[place] = trial
    return found


def _rank(trial: FrozenTrial) -> tuple[bool, int]:
    return not trial.state.is_finished(), trial.number
