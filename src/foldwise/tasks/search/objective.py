"""What Optuna calls for each trial: suggest, fit and score, report, prune."""

import math
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from foldwise.errors import UserError
from foldwise.tasks.search.claim import claim
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.fold_curve import FoldCurve
from foldwise.tasks.search.space import Space
from foldwise.tasks.search.trial import (
    Fidelity,
    PartScore,
    Scorer,
    SearchError,
    StudySpec,
    SurplusTrialError,
)
from foldwise.tasks.search.trial_attributes import ERROR, INTERRUPTED, PLAN

PARTS, NUM_EPOCHS = "parts", "num_epochs"  # further user attributes of a trial
_MAX_ERROR = 1500  # letters


@dataclass
class Objective:
    """Scores the trials of one study in one process.

    What a trial has come to is kept with it in the storage, the curves of its epochs left out:
    the scorer has them, of the last trial alone.
    """

    spec: StudySpec
    space: Space
    config: SearchConfig
    scorer: Scorer
    # Parts whose scores were told to the pruner, of the trial that runs.
    _reported: set[int] = field(default_factory=set, init=False)

    def __call__(self, trial: optuna.Trial) -> float | tuple[float, ...]:
        """Score one trial.

        Raises:
            SurplusTrialError: The trial was not planned, or another one has its place.
            TrialPruned: Others were better at this epoch.
            Exception: Whatever the fit has failed with; it is kept with the trial.
        """
        self._reported.clear()
        self.scorer.finished = []
        curve = FoldCurve(self.spec.max_epochs)
        try:
            claim(trial)
            return self._score(trial, self.fidelity(trial.user_attrs[PLAN]), curve)
        except optuna.TrialPruned:
            self._keep(trial, curve)
            raise
        except SurplusTrialError:
            raise
        except (KeyboardInterrupt, SystemExit):
            trial.set_user_attr(INTERRUPTED, True)
            raise
        except Exception as error:
            self._keep(trial, curve)
            trial.set_user_attr(ERROR, _text(error))
            raise

    def fidelity(self, plan: int) -> Fidelity:
        """Return how much the trial at this place of the plan is given."""
        early = self.config.early
        return Fidelity(early.max_epochs, early.limit) if plan < early.trials else Fidelity()

    def _score(
        self, trial: optuna.Trial, fidelity: Fidelity, curve: FoldCurve
    ) -> float | tuple[float, ...]:
        candidate = self.space.candidate(self.space.suggest(trial))

        def on_epoch(part: int, scores: Sequence[float]) -> None:
            self._report(trial, curve.advance(part, scores))

        found = self.scorer(candidate, fidelity, on_epoch)
        if not all(math.isfinite(value) for value in found.values):
            raise SearchError(f"The score is no number: {found.values}.")
        if isinstance(trial.study.pruner, optuna.pruners.WilcoxonPruner):
            self._report_part(trial)
        self._keep(trial, curve)
        return found.values[0] if len(found.values) == 1 else found.values

    def _report(self, trial: optuna.Trial, point: tuple[int, float] | None) -> None:
        """Tell the pruner of a new epoch, if there is a pruner: each report is written down."""
        pruner = trial.study.pruner
        if isinstance(pruner, optuna.pruners.NopPruner):
            return
        if isinstance(pruner, optuna.pruners.WilcoxonPruner):
            if not self._report_part(trial):
                return
        elif point is None:
            return
        else:
            step, value = point
            trial.report(value, step)
        if trial.should_prune():
            raise optuna.TrialPruned

    def _report_part(self, trial: optuna.Trial) -> bool:
        """Tell of the score of the part that was finished last; whether it was new."""
        finished = self.scorer.finished
        number = len(finished) - 1
        if number < 0 or number in self._reported:
            return False
        self._reported.add(number)
        trial.report(finished[number].score, number)
        return True

    def _keep(self, trial: optuna.Trial, curve: FoldCurve) -> None:
        trial.set_user_attr(NUM_EPOCHS, curve.num_epochs)
        if self.scorer.finished:
            trial.set_user_attr(PARTS, [_without_history(p) for p in self.scorer.finished])


def _without_history(part: PartScore) -> list[int | float]:
    return [
        part.repeat,
        part.fold,
        part.inner,
        part.score,
        part.num_epochs,
        part.best_epoch,
        part.seconds,
    ]


def _text(error: Exception) -> str:
    """Return what a user's error says; of another one also its kind and where it arose."""
    if isinstance(error, UserError):
        return str(error)[:_MAX_ERROR]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}"[:_MAX_ERROR] + where
