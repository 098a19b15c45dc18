"""Only one process writes to a journal at a time, and a dead one does not keep it."""

import multiprocessing
import os
import signal

import pytest

from foldwise.tasks.search.journal_lock import JournalLock

_FORK = multiprocessing.get_context("fork")


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path):
    path = tmp_path / "journal.log"
    held = _FORK.Event()

    def hold():
        JournalLock(path).acquire()
        held.set()
        signal.pause()

    process = _FORK.Process(target=hold)
    process.start()
    held.wait()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    lock = JournalLock(path)
    signal.alarm(5)  # ends the test if the lock is not given
    lock.acquire()
    signal.alarm(0)
    lock.release()


def test_another_process_waits(tmp_path):
    path = tmp_path / "journal.log"
    held, got = _FORK.Event(), _FORK.Event()

    def take():
        held.wait()
        JournalLock(path).acquire()
        got.set()

    process = _FORK.Process(target=take)
    process.start()  # before the lock is taken, which a fork would share
    lock = JournalLock(path)
    lock.acquire()
    held.set()
    assert not got.wait(0.1)
    lock.release()
    assert got.wait(10)
    process.join()


@pytest.mark.parametrize("size", [0, 10, 70_000])
@pytest.mark.parametrize("whole", [b"", b"{}\n", b'{"a":1}\n{"b":2}\n'])
def test_half_a_line_at_the_end_is_cut_off(tmp_path, whole, size):
    path = tmp_path / "journal.log"
    path.write_bytes(whole + b"x" * size)
    lock = JournalLock(path)
    lock.acquire()
    lock.release()
    assert path.read_bytes() == whole
