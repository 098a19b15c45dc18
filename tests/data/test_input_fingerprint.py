"""The fingerprint changes with whatever a reading depends on, and with nothing else."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from reversed_listing import reverse_listing

from foldwise.config import Config
from foldwise.data import input_fingerprint as module
from foldwise.data.input_fingerprint import input_fingerprint
from foldwise.data.sources.huggingface import HuggingfaceSource


class AnyConfig(Config):
    limit: int = 1


@pytest.fixture(autouse=True)
def _no_code_hash(monkeypatch):
    monkeypatch.setattr(module, "code_hash", lambda name: name)


@pytest.fixture
def tree(tmp_path):
    for name in ("a/1.png", "a/b/2.png", "c/ü 3.png", "table.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "c" / "link.png").symlink_to("../a/1.png")
    (tmp_path / "c" / "broken.png").symlink_to("gone")
    (tmp_path / "c" / os.fsdecode(b"\xff.png")).write_text("")
    return tmp_path


def of(*paths, config=None, code="foldwise.data.ingest"):
    return input_fingerprint(config or AnyConfig(), paths, code)


def rewrite(tree):
    (tree / "a" / "1.png").write_text("a/1.PNG")  # as long as before


def set_time_back(tree):
    rewrite(tree)
    os.utime(tree / "a" / "1.png", (0, 0))


CHANGES = [
    rewrite,
    set_time_back,
    lambda tree: (tree / "a" / "b" / "new.png").write_text(""),
    lambda tree: (tree / "a" / "b" / "2.png").unlink(),
    lambda tree: (tree / "a" / "b" / "2.png").rename(tree / "a" / "b" / "4.png"),
    lambda tree: (tree / "a" / "b" / "2.png").rename(tree / "a" / "2.png"),
    lambda tree: (tree / "c").rename(tree / "d"),
    lambda tree: (tree / "c" / "broken.png").unlink(),
    lambda tree: (tree / "gone").write_text("there now"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_files_is_noticed(tree, change):
    before = of(tree)
    assert of(tree) == before
    change(tree)
    assert of(tree) != before


def test_reading_changes_nothing(tree):
    before = of(tree)
    for path in tree.rglob("*.png"):
        if path.exists():
            path.read_bytes()
    assert of(tree) == before


def test_parameters_code_and_inputs_count(tree):
    found = {
        of(tree),
        of(tree, config=AnyConfig(limit=2)),
        of(tree, code="foldwise.data.folds"),
        of(tree / "a"),
        of(tree / "table.csv"),
        of(tree / "table.csv", tree),
        of(tree, tree / "table.csv"),
        of(),
    }
    assert len(found) == 8
    assert None not in found


def test_another_version_of_a_library_counts(tree, monkeypatch):
    before = of(tree)
    monkeypatch.setattr(module, "version", lambda name: "0")
    assert of(tree) != before


def test_the_order_in_which_the_disk_lists_does_not_count(tree, monkeypatch):
    before = of(tree)
    reverse_listing(monkeypatch)
    assert of(tree) == before


def test_a_missing_input_has_no_fingerprint(tree):
    assert of(tree / "nothing") is None
    assert of(Path(tree / "c" / "broken.png")) is None


def test_a_source_that_cannot_tell_its_inputs_has_none():
    assert input_fingerprint(AnyConfig(), None, "foldwise.data.ingest") is None
    hub = {"kind": "huggingface", "path": "someone/nothing_of_this_name"}
    assert HuggingfaceSource.of(**hub).inputs() is None
    assert HuggingfaceSource.of(**hub, revision="v1").inputs() == ()


@pytest.mark.parametrize("library", ["datasets", "numpy"])
def test_every_library_counts_and_may_be_missing(tree, monkeypatch, library):
    def other(name):
        if name == library:
            raise PackageNotFoundError
        return version(name)

    before = of(tree / "a")
    monkeypatch.setattr(module, "version", other)
    assert of(tree / "a") not in (before, None)
