"""A writer that fails or is killed leaves the earlier result whole, and no strays for long."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from foldwise import atomic
from foldwise.atomic import atomic_directory, atomic_path, sweep_strays, write_json

DEAD_WRITER = """
import os, signal, sys
from pathlib import Path
from foldwise import atomic

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

moment, target = sys.argv[1], Path(sys.argv[2])
if moment == "before":
    atomic._move_into_place = die
elif moment == "after":
    atomic._remove = die
elif moment == "between":  # of the two renames, where folders cannot be exchanged
    atomic._exchange = lambda *_: False
    rename, calls = Path.rename, []
    def counted(self, other):
        calls.append(other)
        return die() if len(calls) == 3 else rename(self, other)
    Path.rename = counted
with atomic.atomic_directory(target) as temporary:
    (temporary / "value").write_text("new")
    if moment == "inside":
        die()
"""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def kill_writer(moment: str, target: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DEAD_WRITER, moment, str(target)], check=False)
    assert ended.returncode == -9


@pytest.fixture
def earlier(tmp_path):
    target = tmp_path / "result"
    with atomic_directory(target) as temporary:
        (temporary / "value").write_text("old")
        (temporary / "gone").write_text("not in the new one")
    return target


def test_a_new_folder_replaces_the_old_one_whole(earlier):
    with atomic_directory(earlier) as temporary:
        (temporary / "value").write_text("new")
    assert names(earlier) == ["value"]
    assert names(earlier.parent) == ["result"]


def test_replacing_works_where_folders_cannot_be_exchanged(earlier, monkeypatch):
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    with atomic_directory(earlier) as temporary:
        (temporary / "value").write_text("new")
    assert (earlier / "value").read_text() == "new"
    assert names(earlier.parent) == ["result"]


def test_a_failed_second_rename_puts_the_old_folder_back(earlier, monkeypatch):
    monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    rename = Path.rename

    def refuse(self, target):
        if ".tmp-" in self.name and not earlier.exists():
            raise OSError(errno.EIO, "broken disk", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="broken disk"), atomic_directory(earlier) as temporary:
        (temporary / "value").write_text("new")
    assert (earlier / "value").read_text() == "old"
    assert names(earlier.parent) == ["result"]


def test_a_link_to_a_folder_is_replaced_and_its_target_left_alone(earlier):
    link = earlier.with_name("link")
    link.symlink_to(earlier, target_is_directory=True)
    with atomic_directory(link) as temporary:
        (temporary / "value").write_text("new")
    assert not link.is_symlink()
    assert (earlier / "value").read_text() == "old"
    assert names(earlier.parent) == ["link", "result"]


@pytest.mark.parametrize("moment", ["inside", "before"])
def test_a_kill_before_the_rename_keeps_the_old_folder(earlier, moment):
    kill_writer(moment, earlier)
    assert (earlier / "value").read_text() == "old"
    sweep_strays(earlier.parent)
    assert names(earlier.parent) == ["result"]


def test_a_kill_after_the_rename_keeps_the_new_folder(earlier):
    kill_writer("after", earlier)
    assert (earlier / "value").read_text() == "new"
    sweep_strays(earlier.parent)
    assert names(earlier.parent) == ["result"]


def test_a_kill_between_two_renames_is_mended_by_the_next_writer(earlier):
    kill_writer("between", earlier)
    assert not earlier.exists()
    write_json(earlier.with_name("other.json"), {})
    assert (earlier / "value").read_text() == "old"
    assert names(earlier.parent) == ["other.json", "result"]


def test_temporaries_of_living_processes_stay(tmp_path):
    mine = atomic.temporary_sibling(tmp_path / "mine")
    parent = tmp_path / f".theirs.tmp-{os.getppid()}-{'0' * 16}"
    earlier_life = tmp_path / f".before.tmp-{os.getpid()}-{'0' * 16}"
    for stray in (mine, parent, earlier_life):
        stray.write_text("")
    sweep_strays(tmp_path)
    assert names(tmp_path) == sorted([mine.name, parent.name])


@pytest.mark.parametrize(
    ("error", "number", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), errno.ENOSPC, "No space left"),
        (OSError("100 requested and 7 written"), errno.EIO, "7 written .is the disk full"),
    ],
)
def test_a_full_disk_names_the_destination_and_leaves_it_alone(earlier, error, number, text):
    file = earlier / "value"
    for target, writer in ((earlier, atomic_directory), (file, atomic_path)):
        with pytest.raises(OSError, match=text) as caught, writer(target):
            raise error
        assert caught.value.filename == str(target)
        assert caught.value.errno == number
    assert file.read_text() == "old"
    assert names(earlier.parent) == ["result"]


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "out"):
        (tmp_path / "input").read_text()
    assert caught.value.filename == str(tmp_path / "input")


def test_equal_json_values_give_equal_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "ä": [2]})
    write_json(tmp_path / "b.json", {"ä": [2], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
