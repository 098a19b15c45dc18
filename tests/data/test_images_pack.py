"""Threads and processes pack the same rows, in order, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from foldwise.data.images import workers
from foldwise.data.images.batch import row_hashes
from foldwise.data.images.decode import ImageSpec
from foldwise.data.images.pack import pack_images
from foldwise.data.images.store import FolderStore
from foldwise.data.images.workers import DecodingProcessError
from foldwise.data.packing import RowFile
from foldwise.data.samples import array_hash

SPEC = ImageSpec(8, 8, "resize", "auto", 10**6)


def pixels(seed, colour=False):
    shape = (8, 8, 3) if colour else (8, 8)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def make_files(folder, num_files, *, colour=(), bad=()):
    names = [f"ü {i:03d}.png" for i in range(num_files)]
    for i, name in enumerate(names):
        if i in bad:
            (folder / name).write_text("no picture")
        else:
            Image.fromarray(pixels(i, i in colour)).save(folder / name)
    return names


@pytest.fixture(params=["threads", "processes"])
def how(request, monkeypatch):
    if request.param == "processes":
        monkeypatch.setattr(workers, "MIN_FILES_FOR_PROCESSES", 1)
        monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    return request.param


def pack(folder, names, spec=SPEC):
    return pack_images(names, FolderStore(str(folder)), spec, folder / "x.npy")


def test_rows_are_the_pictures_in_order(tmp_path, how):
    names = make_files(tmp_path, 30, bad=(0, 7, 8, 29))
    packed = pack(tmp_path, names)
    good = [i for i in range(30) if i not in (0, 7, 8, 29)]
    np.testing.assert_array_equal(packed.x, [[pixels(i)] for i in good])
    np.testing.assert_array_equal(np.flatnonzero(packed.is_good), good)
    assert sorted(packed.result.bad) == [0, 7, 8, 29]
    assert "not an image" in packed.result.bad[7]
    assert packed.result.sha256 == [array_hash(x) for x in packed.x]
    assert packed.result.file_bytes == [(tmp_path / names[i]).stat().st_size for i in good]
    assert packed.result.file_time == [int((tmp_path / names[i]).stat().st_mtime) for i in good]
    assert packed.result.file_mode == ["L"] * 26
    assert packed.result.file_jpeg_quality == [None] * 26


@pytest.mark.parametrize("colour", [(0,), (98,), range(100)])
def test_the_first_colour_gives_all_three_channels(tmp_path, how, colour, monkeypatch):
    monkeypatch.setattr("foldwise.data.images.pack._NUM_PROBES", 2)
    packed = pack(tmp_path, make_files(tmp_path, 100, colour=colour))
    assert packed.x.shape == (100, 3, 8, 8)
    for i in (0, 1, 98, 99):
        expected = pixels(i, i in colour)
        if i not in colour:
            expected = np.stack([expected] * 3, axis=-1)
        np.testing.assert_array_equal(packed.x[i], expected.transpose(2, 0, 1))
    assert packed.result.sha256 == [array_hash(x) for x in packed.x]


def test_hashes_of_rows_are_those_of_the_samples():
    for shape in ((5, 3, 4, 4), (2, 1, 1, 1), (0, 1, 8, 8)):
        x = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        assert row_hashes(x) == [array_hash(row) for row in x]


def test_only_a_few_batches_are_held_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_MAX_BATCH_FILES", 2)
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    begun = []
    monkeypatch.setattr(workers, "decode_batch", lambda start, *_: begun.append(start) or start)
    rows = type("Rows", (), {"row_bytes": 64})
    results = workers.decode_in_order(range(100), None, SPEC, rows)
    assert [next(results), next(results)] == [0, 2]
    assert len(begun) <= 6
    results.close()
    assert len(begun) <= 8


def children():
    return psutil.Process().children(recursive=True)


def test_no_process_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "MIN_FILES_FOR_PROCESSES", 1)
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    before = children()
    pack(tmp_path, make_files(tmp_path, 5))
    assert children() == before


def test_a_killed_process_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "MIN_FILES_FOR_PROCESSES", 1)
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    start = workers._start_process

    def start_and_kill():
        process = start()
        process.kill()
        return process

    monkeypatch.setattr(workers, "_start_process", start_and_kill)
    with pytest.raises(DecodingProcessError, match="exit code -9; killed for want of memory"):
        pack(tmp_path, make_files(tmp_path, 5))


@pytest.mark.parametrize("how_it_ends", [signal.SIGINT, signal.SIGKILL])
def test_the_processes_end_with_the_one_that_started_them(tmp_path, how_it_ends):
    make_files(tmp_path, 4)
    code = f"""
        from foldwise.data.images import workers
        from foldwise.data.images.decode import ImageSpec
        from foldwise.data.images.pack import pack_images
        from foldwise.data.images.store import FolderStore
        from pathlib import Path
        workers.MIN_FILES_FOR_PROCESSES, workers._num_cores = 1, lambda: 2
        folder = Path({str(tmp_path)!r})
        names = sorted(p.name for p in folder.glob("*.png")) * 500_000
        spec = ImageSpec(8, 8, "resize", 1, 100)
        print("begun", flush=True)
        pack_images(names, FolderStore(str(folder)), spec, folder / "x.npy")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    decoding = wait_for(lambda: psutil.Process(process.pid).children(), lambda c: len(c) == 2)
    time.sleep(0.5)
    process.send_signal(how_it_ends)
    _, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "images/worker.py" not in errors
    wait_for(lambda: [p for p in decoding if p.is_running()], lambda alive: not alive)


def wait_for(get, is_right, seconds=20):
    end = time.monotonic() + seconds
    while not is_right(value := get()):
        assert time.monotonic() < end, value
        time.sleep(0.05)
    return value


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path, how, monkeypatch):
    names = make_files(tmp_path, 5)
    monkeypatch.setattr(RowFile, "create", lambda self, num_rows: None)
    with pytest.raises(FileNotFoundError) as caught:
        pack(tmp_path, names)
    assert str(caught.value.filename) == str(tmp_path / "x.npy")


def test_an_unreadable_file_is_bad(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    names = make_files(tmp_path, 3)
    (tmp_path / names[1]).chmod(0)
    assert pack(tmp_path, names).result.bad == {1: "Permission denied"}


def test_a_file_that_is_gone_is_bad(tmp_path):
    names = make_files(tmp_path, 3)
    Path(tmp_path / names[1]).unlink()
    assert pack(tmp_path, names).result.bad == {1: "No such file or directory"}


def test_a_huge_file_is_bad_before_it_is_read(tmp_path):
    names = make_files(tmp_path, 3)
    with (tmp_path / names[1]).open("r+b") as file:
        file.truncate(2**40)  # takes no room
    assert pack(tmp_path, names).result.bad == {1: "1099511627776 bytes; allowed are 536870912"}
