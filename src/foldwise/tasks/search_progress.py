"""The progress of a search on the terminal."""

import time
from collections.abc import Sequence

from rich.console import Console

from foldwise.tasks.events import (
    SearchFinished,
    SearchNotice,
    StudyFinished,
    StudyStarted,
    TrainingEvent,
    TrialFinished,
)
from foldwise.tasks.progress_line import ProgressLine, shown_duration
from foldwise.tasks.search.trial import StudySpec, TrialRecord


class SearchProgress:
    """An observer that shows trial i of n, the best so far and the time left.

    On a terminal a line is redrawn in place; elsewhere each trial gets one line when it has ended.
    """

    def __init__(self, console: Console) -> None:
        """Show it on `console`."""
        self._line = ProgressLine(console)
        self._spec: StudySpec | None = None
        self._best: TrialRecord | None = None
        self._total = self._before = 0
        self._started: float | None = None  # when the first trial began

    def __call__(self, event: TrainingEvent) -> None:
        """Show what has happened, if it belongs to a search."""
        match event:
            case StudyStarted():
                self._begin(event)
            case TrialFinished():
                self._advance(event)
            case SearchNotice():
                self._line.say(event.message)
            case StudyFinished():
                self._end(event)
            case SearchFinished():
                self._line.stop()

    def _begin(self, event: StudyStarted) -> None:
        self._line.stop()
        self._spec, self._best = event.spec, None
        for record in event.finished:
            self._note_best(record)
        self._total, self._before = event.num_trials, len(event.finished)
        self._started = None
        points = "points of a grid" if event.sampler == "grid" else f"trials ({event.sampler})"
        done = f", {self._before} of them done before" if self._before else ""
        side = f", {event.num_workers} side by side" if event.num_workers > 1 else ""
        fits = f", of {event.spec.num_parts} fits each"
        self._line.say(f"Searching {event.spec.name}: {self._total} {points}{done}{fits}{side}.")
        if self._before < self._total:
            self._line.start()
            self._line.show(self._place(self._before), self._before, self._total, "")

    def _advance(self, event: TrialFinished) -> None:
        self._note_best(event.record)
        if self._started is None:
            self._started = time.monotonic() - event.record.seconds
        left = f"{shown_duration(self._seconds_left(event.num_done))} left"
        best = self._told_best()
        place = self._place(event.num_done)
        if self._line.is_shown:
            note = ", ".join(filter(None, (best, left)))
            self._line.show(place, event.num_done, self._total, note)
            if event.record.state == "failed":
                self._line.say(f"Trial {event.record.number} has failed: {event.record.error}")
            return
        notes = "; ".join(filter(None, (self._told(event.record), best, left)))
        self._line.say(f"{place}: {notes}")

    def _seconds_left(self, num_done: int) -> float:
        assert self._started is not None
        spent = time.monotonic() - self._started
        return (self._total - num_done) * spent / max(1, num_done - self._before)

    def _place(self, num_done: int) -> str:
        return f"Trial {num_done} of {self._total}"

    def _told(self, record: TrialRecord) -> str:
        if record.state == "complete":
            less = ", with less than a whole fit" if record.is_early else ""
            return f"{self._told_values(record)} ({record.seconds:.1f} s{less})"
        if record.state == "pruned":
            return f"pruned after {record.num_epochs} epochs"
        return f"failed: {record.error}"

    def _told_best(self) -> str:
        if self._best is None:
            return ""
        return f"best so far {self._told_values(self._best)} (trial {self._best.number})"

    def _told_values(self, record: TrialRecord) -> str:
        assert self._spec is not None
        return _told(self._spec, record.values)

    def _note_best(self, record: TrialRecord) -> None:
        """Keep it if it is the best one by the first objective."""
        assert self._spec is not None
        if record.state != "complete" or record.is_early:
            return
        sign = 1 if self._spec.directions[0] == "maximize" else -1
        if self._best is None or sign * record.values[0] > sign * self._best.values[0]:
            self._best = record

    def _end(self, event: StudyFinished) -> None:
        self._line.stop()
        result = event.result
        states = [trial.state for trial in result.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        cut = " The timeout came before the last of them." if result.was_interrupted else ""
        best = _told(result.spec, result.inner)
        self._line.say(
            f"{result.spec.name}: {counts}; the best is trial {result.winner_number} with "
            f"{best}.{cut}"
        )


def _told(spec: StudySpec, values: Sequence[float]) -> str:
    pairs = zip(spec.objectives, values, strict=True)
    return ", ".join(f"{name} {value:.4g}" for name, value in pairs)
