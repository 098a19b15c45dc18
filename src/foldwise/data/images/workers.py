"""Batches decoded by several threads or processes, in order, a few of them at a time.

Threads are enough where a picture takes long: the decoders release the interpreter lock. Of small
pictures it is the lock that takes long, and processes are twice as fast on two cores; they take
a quarter of a second to start.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from foldwise.data.images.batch import BatchResult, decode_batch
from foldwise.data.images.decode import ImageSpec, prepare_decoders
from foldwise.data.images.store import Entry, Store
from foldwise.data.packing import RowFile

MIN_FILES_FOR_PROCESSES = 50_000  # below, starting them takes longer than they save
_SOURCE_ROOT = str(Path(__file__).resolve().parents[3])
_MAX_WORKERS = 16  # bounds the memory for decoded images of full size
_MAX_BATCH_FILES = 256
_MAX_BATCH_BYTES = 4 * 2**20  # of decoded pixels

Batch = tuple[int, Sequence[Entry]]  # the first row, and what is to be read
Decode = Callable[[int, Sequence[Entry]], BatchResult]


def decode_in_order(
    entries: Sequence[Entry], store: Store, spec: ImageSpec, rows: RowFile
) -> Generator[BatchResult]:
    """Yield the results of one batch after the other; memory does not grow with their number.

    Raises:
        DecodingProcessError: A process died.
    """
    num_workers = min(_num_cores(), _MAX_WORKERS)
    step = _batch_files(len(entries), num_workers, rows.row_bytes)
    batches = _batches(entries, step, have_boxes=spec.box_margin is not None)
    with contextlib.ExitStack() as stack:
        if len(entries) >= MIN_FILES_FOR_PROCESSES and num_workers > 1:
            pool = ProcessPool(num_workers, store, spec, rows)
            decode: Decode = stack.enter_context(pool).decode
        else:
            prepare_decoders()

            def decode(start: int, entries: Sequence[Entry]) -> BatchResult:
                return decode_batch(start, entries, store, spec, rows)

        threads = stack.enter_context(ThreadPoolExecutor(num_workers))
        yield from _in_order(threads, decode, batches, 2 * num_workers)


class DecodingProcessError(RuntimeError):
    """A decoding process ended early: killed, perhaps, for want of memory."""


class ProcessPool:
    """Processes that decode; they end with this object, and with this process however it ends.

    The modules of `multiprocessing` are not used: they import the main program anew in each
    process, which must be written for that.
    """

    def __init__(self, size: int, store: Store, spec: ImageSpec, rows: RowFile) -> None:
        self._setup: dict[str, Any] = {
            "store": store.describe(),
            "spec": asdict(spec),
            "path": str(rows.path.resolve()),
            "row_shape": rows.row_shape,
        }
        self._size = size
        self._processes: list[subprocess.Popen[str]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()

    def __enter__(self) -> "ProcessPool":
        try:
            for _ in range(self._size):
                process = _start_process()
                self._processes.append(process)
                _send(process, self._setup)
                self._idle.put(process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()  # it holds nothing: what it wrote is written
            process.communicate()

    def decode(self, start: int, entries: Sequence[Entry]) -> BatchResult:
        """Let an idle process decode a batch; call it from no more threads than processes."""
        process = self._idle.get()
        try:
            _send(process, [start, entries])
            answer = _receive(process)
        finally:
            self._idle.put(process)
        values = json.loads(answer)
        if "errno" in values:
            raise OSError(values["errno"], values["reason"], self._setup["path"])
        bad = {int(row): reason for row, reason in values.pop("bad").items()}
        return BatchResult(**values, bad=bad)


def _start_process() -> "subprocess.Popen[str]":
    # A session of its own: Ctrl-C reaches this process alone, which then ends the others.
    path = os.pathsep.join([_SOURCE_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "foldwise.data.images.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        encoding="ascii",
        start_new_session=True,
    )


def _send(process: "subprocess.Popen[str]", value: object) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        raise _early_end(process) from None


def _receive(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise _early_end(process)
    return line


def _early_end(process: "subprocess.Popen[str]") -> DecodingProcessError:
    return DecodingProcessError(
        f"A decoding process ended with exit code {process.wait()}; killed for want of memory, "
        "perhaps. A smaller ingest.source.max_pixels may help."
    )


def _in_order(
    threads: ThreadPoolExecutor, decode: Decode, batches: Iterator[Batch], max_pending: int
) -> Iterator[BatchResult]:
    pending: deque[Future[BatchResult]] = deque()
    try:
        for start, entries in batches:
            pending.append(threads.submit(decode, start, entries))
            if len(pending) >= max_pending:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)


def _batches(entries: Sequence[Entry], step: int, have_boxes: bool) -> Iterator[Batch]:
    start = 0
    while start < len(entries):
        end = min(start + step, len(entries))
        if have_boxes and end < len(entries):
            end = _between_pictures(entries, start, end)
        yield start, entries[start:end]
        start = end


def _between_pictures(entries: Sequence[Entry], start: int, end: int) -> int:
    """Return the last place up to `end` where a picture's boxes end; `end` if there is none.

    So a picture is decoded once, unless its boxes alone are more than a batch.
    """
    places = range(end, start, -1)
    changes = (place for place in places if entries[place][0] != entries[place - 1][0])
    return next(changes, end)


def _batch_files(num_files: int, num_workers: int, row_bytes: int) -> int:
    """Return how many files make a batch: few enough for memory, and for all workers to share."""
    shared = -(-num_files // (4 * num_workers))
    return max(1, min(_MAX_BATCH_FILES, shared, _MAX_BATCH_BYTES // row_bytes))


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
