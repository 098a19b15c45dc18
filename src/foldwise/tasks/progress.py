"""The progress of a training on the terminal."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from foldwise.tasks.events import (
    EpochFinished,
    FoldFinished,
    FoldStarted,
    GanEpochFinished,
    GanFoldFinished,
    GanFoldStarted,
    MethodStarted,
    TrainingEvent,
    TrainingFinished,
    TrainingStarted,
)
from foldwise.tasks.fold_models import ModelCard
from foldwise.tasks.gan_models import GanCard
from foldwise.tasks.progress_line import ProgressLine, shown_duration
from foldwise.tasks.search_progress import SearchProgress


class ProgressDisplay:
    """An observer that shows fold i of k, epoch, loss, validation score and the time left.

    On a terminal a line is redrawn in place; elsewhere each fold gets one line when it is done.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Show it on `console`, by default on standard error."""
        console = console or Console(stderr=True)
        self._line = ProgressLine(console)
        self._num_folds = self._max_epochs = self._done = self._epochs = 0
        self._worked = self._started = 0.0
        self._warned: set[str] = set()  # kinds of findings of this attempt
        self._search = SearchProgress(console)

    def __call__(self, event: TrainingEvent) -> None:
        """Show what has happened."""
        match event:
            case TrainingStarted():
                self._begin(event)
            case FoldStarted():
                self._begin_fold(len(event.history))
            case GanFoldStarted():
                self._begin_attempt(event)
            case EpochFinished():
                self._advance(event.record.epoch, _epoch_note(event))
            case GanEpochFinished():
                self._advance(event.record.epoch, _gan_epoch_note(event))
                self._warn(event)
            case FoldFinished():
                self._end_fold(_best(event.card), was_skipped=event.was_skipped)
            case GanFoldFinished():
                self._end_fold(_last(event.card), was_skipped=event.was_skipped)
            case TrainingFinished():
                self._line.stop()
            case MethodStarted():
                seed = "" if event.seed is None else f", seed {event.seed}"
                self._line.say(f"Method {event.number} of {event.total}: {event.name}{seed}")
            case _:
                self._search(event)

    def _begin(self, event: TrainingStarted) -> None:
        self._num_folds, self._max_epochs = event.num_folds, event.max_epochs
        self._done = self._epochs = 0
        self._worked = 0.0
        self._line.say(
            f"Training {_folds(event.num_folds, event.max_epochs)}, "
            f"on {event.device} in {event.precision}."
        )
        self._line.start()

    def _begin_fold(self, num_done: int) -> None:
        if num_done:
            self._line.say(
                f"Fold {self._done + 1} of {self._num_folds} goes on after epoch {num_done}."
            )
        self._started = time.monotonic()
        self._line.show(
            f"fold {self._done + 1} of {self._num_folds}", num_done, self._max_epochs, ""
        )

    def _begin_attempt(self, event: GanFoldStarted) -> None:
        if event.attempt:
            self._line.say(
                f"Fold {self._done + 1} of {self._num_folds}, attempt {event.attempt + 1}: the "
                f"one before was given up. {event.findings[-1].message}"
            )
        self._warned = set()
        self._begin_fold(len(event.history))

    def _advance(self, epoch: int, note: str) -> None:
        self._epochs += 1
        spent = self._worked + time.monotonic() - self._started
        this_fold = self._max_epochs - epoch - 1
        left = this_fold + (self._num_folds - self._done - 1) * self._max_epochs
        self._line.show(
            f"fold {self._done + 1} of {self._num_folds}, epoch {epoch + 1}",
            epoch + 1,
            self._max_epochs,
            f"{note}  {shown_duration(left * spent / self._epochs)} left",
        )

    def _warn(self, event: GanEpochFinished) -> None:
        """Say what was found, once for each kind of it."""
        for finding in event.findings:
            if finding.check not in self._warned:
                self._warned.add(finding.check)
                self._line.say(finding.message)

    def _end_fold(self, result: str, *, was_skipped: bool) -> None:
        self._done += 1
        seconds = 0.0 if was_skipped else time.monotonic() - self._started
        self._worked += seconds
        note = "unchanged, not trained again" if was_skipped else f"{seconds:.1f} s"
        self._line.say(f"Fold {self._done} of {self._num_folds}: {result} ({note})")


def _folds(number: int, max_epochs: int) -> str:
    epochs = f"at most {max_epochs} epochs"
    return f"1 fold, {epochs}" if number == 1 else f"{number} folds, {epochs} each"


def _epoch_note(event: EpochFinished) -> str:
    record = event.record
    return f"loss {record.train_loss:.4f}  val loss {record.val_loss:.4f}  {_score(vars(record))}"


def _gan_epoch_note(event: GanEpochFinished) -> str:
    record = event.record
    losses = f"losses {record.generator_loss:.3f} and {record.discriminator_loss:.3f}"
    if record.discriminator_accuracy is None:
        return losses
    return f"{losses}  discriminator right in {record.discriminator_accuracy:.0%}"


def _last(card: GanCard) -> str:
    """Say how the generator was at the last epoch, where samples are always looked at."""
    last = card.history[-1]
    number = last["num_clusters"]
    diversity = "" if last["diversity"] is None else f"diversity {last['diversity']:.2f}, "
    again = f", at attempt {card.num_restarts + 1}" if card.num_restarts else ""
    return (
        f"{len(card.history)} epochs{again}, {diversity}samples in "
        f"{number - last['missing_clusters']} of {number} clusters of real ones"
    )


def _best(card: ModelCard) -> str:
    best = card.history[card.best_epoch]
    return (
        f"best epoch {card.best_epoch + 1} of {len(card.history)}, "
        f"val loss {best['val_loss']:.4f}, {_score(best)}"
    )


def _score(record: Mapping[str, Any]) -> str:
    """Name the score of classes or of numbers.

    >>> _score({"val_f1": 0.75}), _score({"val_f1": None, "val_mae": 0.5})
    ('val F1 0.7500', 'val MAE 0.5000')
    """
    if record.get("val_f1") is not None:
        return f"val F1 {record['val_f1']:.4f}"
    return f"val MAE {record['val_mae']:.4f}"
