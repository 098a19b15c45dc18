"""How long the training of a fold has taken, over all processes that worked on it."""

import contextlib
import time
from pathlib import Path

from foldwise.atomic import read_sealed_json, write_sealed_json

_FILE = "seconds.json"


class FoldSeconds:
    """The seconds that a fold's training has taken so far; kept beside its state.

    What is lost is the time between the last `keep` and the end of a process that was killed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._started, self._earlier = time.monotonic(), 0.0
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            self._earlier = float(read_sealed_json(self._path)["seconds"])

    @property
    def total(self) -> float:
        """Seconds until now."""
        return self._earlier + time.monotonic() - self._started

    def keep(self) -> None:
        """Write the seconds until now, for a process that goes on after this one."""
        write_sealed_json(self._path, {"seconds": self.total})
