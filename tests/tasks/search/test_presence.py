"""A process is there as long as it lives, whatever its id is used for later."""

import multiprocessing
import os
import signal

from foldwise.tasks.search.presence import is_anyone_present, is_present, present

_FORK = multiprocessing.get_context("fork")


def test_a_process_is_there_until_it_is_killed(tmp_path):
    ours, theirs = _FORK.Pipe()

    def stay():
        theirs.send(present(tmp_path))
        signal.pause()

    process = _FORK.Process(target=stay)
    process.start()
    name = ours.recv()
    assert is_present(tmp_path, name)
    assert is_anyone_present(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not is_present(tmp_path, name)
    assert not is_anyone_present(tmp_path)
    present(tmp_path)
    assert not (tmp_path / "workers" / name).exists()  # swept by who came next


def test_a_process_has_one_name_in_a_folder_and_does_not_count_itself(tmp_path):
    name = present(tmp_path)
    assert present(tmp_path) == name
    assert is_present(tmp_path, name)
    assert not is_anyone_present(tmp_path)


def test_who_was_never_there_is_not_there(tmp_path):
    assert not is_present(tmp_path, "123-abc")
    assert not is_anyone_present(tmp_path)
