"""Worker processes side by side; those that die are replaced, none outlives this one."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Self

from foldwise.tasks.search.memory_maps import hand_over_by_name
from foldwise.tasks.search.trial import SearchError, TrialRecord
from foldwise.tasks.search.worker import Broken, Idle, Order, Setup, serve

MAX_REPLACEMENTS = 3  # of workers that have died: a trial that takes too much memory takes more
_PATIENCE_S = 3.0  # until a worker that was asked to end is killed


@dataclass(frozen=True)
class WorkerLost:
    """A worker process has died; what it worked on has to be queued again."""

    exit_code: int | None


class WorkerPool:
    """Runs the trials of studies in processes.

    They are forked off a server that has imported everything once, which takes ten seconds, but
    has not computed: a fork of a process that has used OpenMP hangs. Ctrl-C reaches this process
    alone, which then ends the others.
    """

    def __init__(self, setup: Setup, size: int) -> None:
        """Prepare so many workers; they start when there is something to do."""
        self._setup, self._size = setup, size
        self._members: list[_Member] = []
        self._num_started = self._num_lost = 0
        self._context = multiprocessing.get_context("forkserver")

    def __enter__(self) -> Self:
        start_server((serve.__module__, *self._setup.modules))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for member in self._members:
            member.dismiss(at_once=kind is not None)
        end = time.monotonic() + _PATIENCE_S
        for member in self._members:
            member.wait_for_end(end)
        self._members.clear()
        if kind is not None:
            _stop_server()  # it may still be importing, and would go on until it has done so

    def trials(self, order: Order, num_waiting: int) -> Iterator[TrialRecord | WorkerLost]:
        """Yield what happens until no trial is waiting.

        Raises:
            SearchError: A worker cannot go on, or too many have died.
        """
        while len(self._members) < min(self._size, num_waiting):
            self._start()
        busy = {member.connection: member for member in self._members[:num_waiting]}
        for member in busy.values():
            member.give(order)
        while busy:
            for ready in connection.wait(list(busy)):
                member = busy[ready]  # type: ignore[index]  # what was given
                message = member.message()
                if isinstance(message, WorkerLost | Idle):
                    del busy[member.connection]
                if isinstance(message, WorkerLost):
                    self._members.remove(member)
                    yield message
                    replacement = self._replace()
                    if replacement is not None:
                        replacement.give(order)
                        busy[replacement.connection] = replacement
                elif isinstance(message, Broken):
                    raise (
                        SearchError(message.message)
                        if message.is_of_user
                        else RuntimeError(f"A worker of the search has failed:\n{message.message}")
                    )
                elif isinstance(message, TrialRecord):
                    yield message

    def _start(self) -> "_Member":
        member = _Member(self._context, self._setup, self._num_started)
        self._num_started += 1
        self._members.append(member)
        return member

    def _replace(self) -> "_Member | None":
        self._num_lost += 1
        if self._num_lost <= MAX_REPLACEMENTS:
            return self._start()
        if self._members:
            return None
        raise SearchError(
            f"{self._num_lost} worker processes of the search have died, killed perhaps for want "
            "of memory. Finished trials are kept. Fewer workers (`workers`), or a space without "
            "the largest networks and batches, need less; then start it again."
        )


class _Member:
    """One worker process, and the line to it."""

    def __init__(
        self, context: multiprocessing.context.ForkServerContext, setup: Setup, number: int
    ) -> None:
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=serve, args=(theirs, setup, number), name=f"trials-{number}", daemon=True
        )
        with theirs, _without_main(), hand_over_by_name():
            self._process.start()

    def give(self, order: Order) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has died: `message` will tell
            self.connection.send(order)

    def message(self) -> TrialRecord | Idle | Broken | WorkerLost:
        """Return what it says next; a process that has died says so."""
        try:
            found: TrialRecord | Idle | Broken = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            self.connection.close()
            return WorkerLost(self._process.exitcode)
        return found

    def dismiss(self, *, at_once: bool) -> None:
        if at_once:
            self._process.terminate()
        else:
            with contextlib.suppress(OSError):
                self.connection.send(None)

    def wait_for_end(self, latest: float) -> None:
        self._process.join(max(0.0, latest - time.monotonic()))
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()


def start_server(modules: tuple[str, ...]) -> None:
    """Start the server that workers are forked off, and let it import these modules."""
    resource_tracker.ensure_running()
    multiprocessing.set_forkserver_preload(list(modules))
    with _ctrl_c_blocked(), _path_for_children(), _without_main():
        forkserver.ensure_running()


def _stop_server() -> None:
    server: Any = forkserver._forkserver  # a next search starts another one
    if server._forkserver_pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server._forkserver_pid, signal.SIGKILL)


@contextlib.contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Let processes that start here never see Ctrl-C; here it arrives a moment later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _path_for_children() -> Iterator[None]:
    """Let a Python that starts here find the same modules."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Keep `multiprocessing` from running the main program anew in each process.

    That would take time, and a script would have to be written for it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
