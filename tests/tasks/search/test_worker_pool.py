"""The running of a search in several processes: shared, killed, interrupted."""

import os
import pickle
import signal
import subprocess
import sys
import time
from io import BytesIO
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import fake_scorers as fake
import numpy as np
import psutil
import pytest

from foldwise.tasks.events import SearchNotice, StudyStarted, TrialFinished
from foldwise.tasks.search.memory_maps import hand_over_by_name
from foldwise.tasks.search.run_search import run_studies
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.search.worker import Setup

HERE = Path(__file__).parent
SCRIPT = """
import sys
from pathlib import Path
import fake_scorers as fake
from foldwise.tasks.search.run_search import run_studies
from foldwise.tasks.search.worker import Setup
# No guard of the main program: its workers do not run it again.
name, folder, trials, workers = sys.argv[1:]
config = fake.config(n_trials=int(trials), workers=int(workers), pruner="none")
setup = Setup(fake.problem(folder), config, Path(folder), getattr(fake, name), ("fake_scorers",))
events = []
(result,) = run_studies([fake.spec()], setup, events.append)
print("own", sum(type(event).__name__ == "TrialFinished" for event in events))
print("all", len(result.trials))
"""


class Search:
    def __init__(self, folder: Path) -> None:
        self.folder, self.events = folder, []

    def run(self, scorer=fake.FakeScorer, *, workers=2, **config):
        self.events = []
        found = fake.config(workers=workers, pruner="none", **config)
        modules = ("fake_scorers",)
        setup = Setup(fake.problem(self.folder), found, self.folder, scorer, modules)
        (result,) = run_studies([fake.spec()], setup, self.events.append)
        return result

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def search(tmp_path):
    return Search(tmp_path)


def start(*arguments):
    """Run the script as a group of processes of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def alive(group):
    """Return the processes of a group that still run."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == group and process.info["status"] != "zombie":
                found.append(process.pid)
        except ProcessLookupError:
            continue
    return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.slow
def test_processes_share_the_trials_and_find_what_one_finds(search):
    result = search.run(fake.Slow, n_trials=8)
    files = [path.name.rsplit("-", 1) for path in search.folder.glob("0.*")]
    assert len(files) == 8  # none is run twice
    assert len({pid for _, pid in files}) == 2
    assert str(os.getpid()) not in {pid for _, pid in files}
    assert search.of(StudyStarted)[0].num_workers == 2
    assert sorted(event.num_done for event in search.of(TrialFinished)) == list(range(1, 9))
    alone = Search(search.folder / "alone").run(n_trials=8, workers=1)
    assert result.winner == alone.winner
    assert {t.values for t in result.trials} == {t.values for t in alone.trials}


@pytest.mark.slow
def test_a_trial_whose_worker_is_killed_is_run_again_by_another_one(search):
    result = search.run(fake.KilledOnce, n_trials=6)
    assert [trial.state for trial in result.trials] == ["complete"] * 6
    (notice,) = search.of(SearchNotice)
    assert "exit code -9" in notice.message
    alone = Search(search.folder / "alone").run(n_trials=6, workers=1)
    assert {t.values for t in result.trials} == {t.values for t in alone.trials}


@pytest.mark.slow
def test_workers_that_die_again_and_again_are_not_replaced_for_ever(search):
    with pytest.raises(SearchError, match="5 worker processes of the search have died"):
        search.run(fake.KilledAlways, n_trials=30)


@pytest.mark.slow
def test_failures_of_all_workers_together_end_the_search(search):
    # The other worker may have failed once more by the time the third failure is read.
    with pytest.raises(SearchError, match=r"[345] trials in a row have failed"):
        search.run(fake.AlwaysFails, n_trials=30, max_failures=3)
    assert len(search.of(TrialFinished)) == 3


@pytest.mark.slow
def test_what_keeps_workers_from_beginning_is_told_as_it_is(search):
    with pytest.raises(SearchError, match=r"^there is nothing to score on$"):
        search.run(fake.Unable)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "send"),
    [
        (2, lambda process: os.killpg(process.pid, signal.SIGINT)),  # as a terminal does
        (2, lambda process: process.send_signal(signal.SIGTERM)),
        (2, lambda process: process.kill()),
        (1, lambda process: os.killpg(process.pid, signal.SIGINT)),
    ],
    ids=["ctrl-c", "terminated", "killed", "ctrl-c in one process"],
)
def test_an_interrupted_search_leaves_no_process_and_goes_on(tmp_path, workers, send):
    process = start("Endless", tmp_path, 9, workers)
    wait_for(lambda: len(list(tmp_path.glob("endless-*"))) == workers)
    send(process)
    begun = time.monotonic()
    _, errors = process.communicate(timeout=30)
    wait_for(lambda: not alive(process.pid))
    assert time.monotonic() - begun < 10
    assert process.returncode != 0
    assert errors.count("Traceback") == (1 if "KeyboardInterrupt" in errors else 0)
    again = Search(tmp_path)
    result = again.run(n_trials=9, workers=1)
    done = len(again.of(StudyStarted)[0].finished)
    assert done == 2 * workers
    assert len(again.of(TrialFinished)) == 9 - done
    assert [trial.state for trial in result.trials] == ["complete"] * 9


@pytest.mark.slow
def test_two_searches_of_one_folder_share_its_trials_and_wait_for_each_other(tmp_path):
    searches = [start("Slow", tmp_path, 10, 1) for _ in range(2)]
    answers = [search.communicate(timeout=60) for search in searches]
    assert [search.returncode for search in searches] == [0, 0], answers
    own = [int(output.split()[1]) for output, _ in answers]
    assert sum(own) == 10
    assert [output.split()[3] for output, _ in answers] == ["10", "10"]
    assert len(list(tmp_path.glob("0.*"))) == 10


def handed_over(array):
    """Return an array as a worker gets it, and how many bytes it took."""
    with hand_over_by_name():
        data = bytes(ForkingPickler.dumps(array))
    return pickle.load(BytesIO(data)), len(data)


def test_a_mapped_array_is_handed_over_by_the_name_of_its_file(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(100_000, dtype=np.float32).reshape(1000, 100))
    array = np.load(tmp_path / "x.npy", mmap_mode="r")
    found, size = handed_over(array)
    assert size < 1000
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, array)
    # A part of it still has the name of the file.
    for part in (array[10:20], array[:, 3], array[::2]):
        np.testing.assert_array_equal(handed_over(part)[0], part)


def test_an_array_in_memory_is_copied():
    array = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(handed_over(array)[0], array)
