"""A line of progress on the terminal, redrawn in place, and messages above it."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn


class ProgressLine:
    """What is done, a bar and a note; where there is no terminal, messages alone."""

    def __init__(self, console: Console) -> None:
        """Show it on `console`."""
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)

    @property
    def is_shown(self) -> bool:
        """Whether a line is on the screen."""
        return self._progress is not None

    def start(self) -> None:
        """Show an empty line, on a terminal."""
        if not self._console.is_terminal:
            return
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, note="")
        self._progress.start()

    def show(self, description: str, completed: int, total: int, note: str) -> None:
        """Redraw the line, if it is on the screen."""
        if self._progress is not None:
            self._progress.update(
                self._task,
                description=description,
                completed=completed,
                total=total,
                note=note,
                refresh=True,
            )

    def say(self, message: str) -> None:
        """Print a line of text as it is: no markup in it, no break put into it."""
        self._console.print(message, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Take the line from the screen; messages stay."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def shown_duration(seconds: float) -> str:
    """Write a duration.

    >>> shown_duration(75.4), shown_duration(3 * 3600 + 61)
    ('1:15', '3:01:01')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
