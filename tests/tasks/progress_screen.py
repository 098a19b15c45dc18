"""A console for tests of what is shown of a run's progress."""

import re
import time
from io import StringIO

from rich.console import Console

from foldwise.tasks.progress import ProgressDisplay

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A console whose time stands still until it is moved, and what was drawn on it."""

    def __init__(self, monkeypatch, *, is_terminal):
        self.file, self.now = StringIO(), 100.0
        console = Console(file=self.file, force_terminal=is_terminal, width=160, color_system=None)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.display = ProgressDisplay(console)

    def after(self, seconds, event):
        """Send an event after some seconds; return what was drawn since."""
        self.now += seconds
        start = len(self.file.getvalue())
        self.display(event)
        return CONTROL.sub("", self.file.getvalue()[start:])
