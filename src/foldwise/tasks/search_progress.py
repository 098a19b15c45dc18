"""The progress of a search on the terminal."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from foldwise.tasks.events import (
    SearchFinished,
    SearchNotice,
    StudyFinished,
    StudyStarted,
    TrainingEvent,
    TrialFinished,
)
from foldwise.tasks.search.trial import StudySpec, TrialRecord


class SearchProgress:
    """An observer that shows trial i of n, the best so far and the time left.

    On a terminal a line is redrawn in place; elsewhere each trial gets one line when it has ended.
    """

    def __init__(self, console: Console) -> None:
        """Show it on `console`."""
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None
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
                self._say(event.message)
            case StudyFinished():
                self._end(event)
            case SearchFinished():
                self._stop()

    def _begin(self, event: StudyStarted) -> None:
        self._stop()
        self._spec, self._best = event.spec, None
        for record in event.finished:
            self._note_best(record)
        self._total, self._before = event.num_trials, len(event.finished)
        self._started = None
        points = "points of a grid" if event.sampler == "grid" else f"trials ({event.sampler})"
        done = f", {self._before} of them done before" if self._before else ""
        side = f", {event.num_workers} side by side" if event.num_workers > 1 else ""
        fits = f", of {event.spec.num_parts} fits each"
        self._say(f"Searching {event.spec.name}: {self._total} {points}{done}{fits}{side}.")
        if self._console.is_terminal and self._before < self._total:
            self._show_bar()

    def _show_bar(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(
            self._place(self._before), total=self._total, completed=self._before, note=""
        )
        self._progress.start()

    def _advance(self, event: TrialFinished) -> None:
        self._note_best(event.record)
        if self._started is None:
            self._started = time.monotonic() - event.record.seconds
        left = f"{_duration(self._seconds_left(event.num_done))} left"
        best = self._told_best()
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task,
                completed=event.num_done,
                description=self._place(event.num_done),
                note=", ".join(filter(None, (best, left))),
                refresh=True,
            )
            if event.record.state == "failed":
                self._say(f"Trial {event.record.number} has failed: {event.record.error}")
            return
        notes = "; ".join(filter(None, (self._told(event.record), best, left)))
        self._say(f"{self._place(event.num_done)}: {notes}")

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
        self._stop()
        result = event.result
        states = [trial.state for trial in result.trials]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        cut = " The timeout came before the last of them." if result.was_interrupted else ""
        best = _told(result.spec, result.inner)
        self._say(
            f"{result.spec.name}: {counts}; the best is trial {result.winner_number} with "
            f"{best}.{cut}"
        )

    def _say(self, message: str) -> None:
        """Print a line as it is: no markup in it, no break put into it."""
        self._console.print(message, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _told(spec: StudySpec, values: Sequence[float]) -> str:
    pairs = zip(spec.objectives, values, strict=True)
    return ", ".join(f"{name} {value:.4g}" for name, value in pairs)


def _duration(seconds: float) -> str:
    """Write a duration.

    >>> _duration(75.4), _duration(3 * 3600 + 61)
    ('1:15', '3:01:01')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
