"""The lock of a journal, which ends with the process that holds it."""

import fcntl
import os
from pathlib import Path

from optuna.storages.journal._file import BaseJournalFileLock

_BLOCK = 1 << 16  # bytes


class JournalLock(BaseJournalFileLock):
    """An exclusive lock on the journal itself, for Optuna's `JournalFileBackend`.

    Optuna's own locks are files that a killed process leaves behind: the others wait 30 s and
    then break them. This one is the kernel's (flock), which releases it at once.

    A process that was killed while it wrote may also leave half a line, after which Optuna reads
    the journal no more. Who takes the lock next cuts it off: nobody has acted on it yet.
    """

    def __init__(self, path: Path) -> None:
        """Guard the journal at `path`; one object serves one thread at a time."""
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _cut_half_line(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let the next one write."""
        assert self._descriptor is not None
        os.close(self._descriptor)
        self._descriptor = None


def _cut_half_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    end = size
    while end:
        start = max(0, end - _BLOCK)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            os.ftruncate(descriptor, start + place + 1)
            return
        end = start
    os.ftruncate(descriptor, 0)
