"""What is read is what was written, or it is refused."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldwise.data import samples as samples_module
from foldwise.data.samples import (
    Samples,
    SamplesError,
    array_hash,
    fill_samples_folder,
    read_samples,
    write_samples,
)


def make_samples(seed=0, num_samples=6):
    x = np.random.default_rng(seed).integers(0, 256, (num_samples, 1, 4, 5), dtype=np.uint8)
    table = pd.DataFrame(
        {
            "sample_id": [f"ä {i}" for i in range(num_samples)],
            "label": ["b", "a"] * (num_samples // 2),
            "group": pd.Series([None] * num_samples, dtype="str"),
            "official_split": pd.Series(["train", None] * (num_samples // 2), dtype="str"),
            "source": "made",
            "sha256": [array_hash(sample) for sample in x],
            "meta_height": np.arange(num_samples),
        }
    )
    return Samples(x, table, classes=("a", "b"), size_policy="pad")


@pytest.fixture
def folder(tmp_path):
    write_samples(tmp_path / "samples", make_samples())
    return tmp_path / "samples"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_read_equals_what_was_written(folder):
    written, read = make_samples(), read_samples(folder)
    np.testing.assert_array_equal(read.x, written.x)
    pd.testing.assert_frame_equal(read.table, written.table)
    assert (read.classes, read.size_policy) == (written.classes, written.size_policy)
    assert read.content_hash == written.content_hash
    assert isinstance(read.x, np.memmap)
    assert read.y.tolist() == [1, 0] * 3


def test_equal_samples_give_equal_bytes(folder, tmp_path):
    write_samples(tmp_path / "again", make_samples())
    assert contents(tmp_path / "again") == contents(folder)


@pytest.mark.parametrize("name", ["x.npy", "table.parquet", "schema.json"])
def test_each_flipped_byte_is_refused_or_changes_nothing(folder, name):
    path = folder / name
    whole = path.read_bytes()
    expected = read_samples(folder)
    num_refused = 0
    positions = range(0, len(whole), max(1, len(whole) // 60))
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        path.write_bytes(bytes(damaged))
        try:
            read = read_samples(folder)
        except SamplesError as error:
            assert str(path) in str(error)  # noqa: PT017  (some flips are harmless white space)
            num_refused += 1
        else:
            assert name == "schema.json"
            assert read.content_hash == expected.content_hash
            assert (read.classes, read.size_policy) == (expected.classes, expected.size_policy)
    assert num_refused > 0.9 * len(positions)


def test_a_byte_flipped_in_place_with_its_time_set_back_is_refused(folder):
    read_samples(folder)  # its hash is now remembered
    path = folder / "x.npy"
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(SamplesError, match=r"x\.npy is damaged"):
        read_samples(folder)


@pytest.mark.parametrize("name", ["x.npy", "table.parquet", "schema.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(SamplesError, match=f"{name} is missing. Run the stage 'ingest'"):
        read_samples(folder)


@pytest.mark.parametrize("moment", ["table", "schema"])
def test_a_failure_in_mid_write_leaves_the_earlier_folder(folder, monkeypatch, moment):
    def fail(*_, **__):
        raise KeyboardInterrupt

    target = (
        (pd.DataFrame, "to_parquet")
        if moment == "table"
        else (samples_module, "write_sealed_json")
    )
    monkeypatch.setattr(*target, fail)
    before = contents(folder)
    with pytest.raises(KeyboardInterrupt):
        write_samples(folder, make_samples(seed=1))
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["samples"]


def test_a_full_disk_is_an_error_with_the_path_and_leaves_the_earlier_folder(folder, monkeypatch):
    def fill(file, x, **_):
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "save", fill)
    before = contents(folder)
    with pytest.raises(OSError, match=f"No space left on device: '{folder}'"):
        write_samples(folder, make_samples(seed=1))
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["samples"]


def test_the_content_hash_sees_ids_labels_groups_splits_and_pixels():
    base = make_samples()
    for column in ("sample_id", "label", "group", "official_split", "sha256"):
        table = base.table.copy()
        table.loc[0, column] = "test"
        assert Samples(base.x, table, base.classes).content_hash != base.content_hash, column
    table = base.table.assign(source="elsewhere", meta_height=0)
    assert Samples(base.x, table, base.classes).content_hash == base.content_hash


def test_positions_follow_the_order_of_the_ids():
    samples = make_samples()
    assert samples.positions(pd.Series(["ä 4", "ä 0"])).tolist() == [4, 0]
    with pytest.raises(SamplesError, match="'x' is not among the 6 samples"):
        samples.positions(pd.Series(["ä 4", "x"]))


def mapped(folder):
    samples = make_samples()
    np.save(folder / "x.npy", samples.x)
    return samples, np.load(folder / "x.npy", mmap_mode="r")


def test_an_array_that_is_in_its_place_stays_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples, x = mapped(tmp_path)
    inode = (tmp_path / "x.npy").stat().st_ino
    fill_samples_folder(Path("."), Samples(x, samples.table, samples.classes))
    assert (tmp_path / "x.npy").stat().st_ino == inode
    np.testing.assert_array_equal(read_samples(tmp_path).x, samples.x)


def test_part_of_an_array_that_is_in_that_place_is_cut_out(tmp_path):
    samples, x = mapped(tmp_path)
    first, some = samples.table.iloc[:4], Samples(x[:4], samples.table.iloc[:4], samples.classes)
    fill_samples_folder(tmp_path, some)
    np.testing.assert_array_equal(read_samples(tmp_path).x, samples.x[:4])
    pd.testing.assert_frame_equal(read_samples(tmp_path).table, first)


@pytest.mark.parametrize("label", ["-1", -1, None])
def test_a_label_that_is_no_class_is_refused_with_its_row(label):
    samples = make_samples()
    labels = samples.table["label"].astype(object).tolist()
    labels[3] = label
    wrong = replace(samples, table=samples.table.assign(label=pd.Series(labels, dtype=object)))
    with pytest.raises(
        SamplesError, match=r"Row 3 .* has the label .*, and 1 of 6 rows .*Allowed"
    ):
        _ = wrong.y
