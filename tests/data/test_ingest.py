"""Ingest as a whole: what every source must come to, and the real data."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError
from sklearn.datasets import load_digits

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.readers import scratch_array
from foldwise.data.samples import TABLE_COLUMNS, array_hash, read_samples, write_samples
from foldwise.data.sources.digits import DigitsSource
from foldwise.data.sources.image_folder import ImageFolderSource
from foldwise.data.sources.source import Reading

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))


def needs(name):
    return pytest.mark.skipif(
        not (DATA / name).exists(),
        reason=f"{DATA / name} is missing; FOLDWISE_DATA names its folder",
    )


@pytest.fixture
def ingest_from(tmp_path):
    """Ingest a kind of source, with parameters, into a folder of the test."""

    def run(kind, on_bad_file="error", **parameters):
        config = IngestConfig.of(source={"kind": kind, **parameters}, on_bad_file=on_bad_file)
        return ingest(config, tmp_path / "samples")

    return run


def test_digits_are_those_of_scikit_learn(ingest_from):
    samples = ingest_from("digits").samples
    digits = load_digits()
    assert samples.x.shape == (1797, 1, 8, 8)
    assert samples.classes == tuple("0123456789")
    np.testing.assert_array_equal(samples.y, digits.target)
    np.testing.assert_allclose(samples.x[:, 0] / 255 * 16, digits.images, atol=0.04)
    assert samples.x.min() == 0
    assert samples.x.max() == 255


def test_digits_can_be_enlarged(ingest_from):
    samples = ingest_from("digits", image_size=28).samples
    assert samples.x.shape == (1797, 1, 28, 28)
    assert samples.size_policy == "resize"


def test_the_table_has_all_columns_and_survives_the_disk(ingest_from, tmp_path):
    ingested = ingest_from("digits")
    table = ingested.samples.table
    assert tuple(table.columns) == TABLE_COLUMNS
    assert table[["group", "official_split"]].isna().all(axis=None)
    assert table["sample_id"].is_unique
    assert set(table["source"]) == {"digits"}
    assert table["sha256"].tolist() == [array_hash(sample) for sample in ingested.samples.x]
    assert list(ingested.skipped_files.columns) == ["path", "reason"]
    assert len(ingested.skipped_files) == 0
    write_samples(tmp_path / "copy", ingested.samples)
    assert read_samples(tmp_path / "copy").table.equals(table)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": {"kind": "imagefolder"}}, "'digits', .*'image_folder', .*'npz'"),
        (
            {"source": {"kind": "digits", "path": "x"}},
            "unknown parameter 'path'.*image_size, kind.*source.kind is 'digits'.*take a path: "
            "huggingface, idx, image_folder, image_table, npz, .*, windows",
        ),
        ({"source": {"kind": "image_folder"}}, r"source.image_folder.path"),
        ({"source": {"kind": "npz", "path": "x", "layout": "HWC"}}, "'auto', 'NHWC' or 'NCHW'"),
        ({"on_bad_file": "ignore"}, "'error' or 'skip'"),
        ({"on_bad_fil": "skip"}, "did you mean 'on_bad_file'"),
    ],
)
def test_wrong_parameters_are_refused_with_what_is_allowed(values, message):
    with pytest.raises(ValidationError, match=message):
        IngestConfig.of(**values)


@pytest.fixture
def pictures(tmp_path):
    for name in ("cats/1.png", "cats/2.png", "dogs/3.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), len(list(tmp_path.rglob("*.png")))).save(path)
    return tmp_path / "pictures"


def test_a_single_bad_file_is_told_of_in_the_singular(ingest_from, pictures):
    (pictures / "cats" / "bad.png").write_text("")
    with pytest.raises(IngestError, match=r"^1 file or row of ingest.source.path cannot be read"):
        ingest_from("image_folder", path=pictures, image_size=8)


@pytest.mark.parametrize(
    ("kind", "name", "parameters"),
    [
        ("table", "data.csv", {}),
        ("npz", "data.npz", {}),
        ("image_folder", "data.zip", {"image_size": 8}),
        ("image_table", "data.csv", {"image_size": 8, "label_column": "y"}),
    ],
)
def test_what_may_not_be_read_is_named(ingest_from, tmp_path, monkeypatch, kind, name, parameters):
    file, open_file = tmp_path / name, Path.open
    file.write_bytes(b"x,y\n1,a\n")

    def refuse(path, *arguments, **options):
        if path == file:
            raise PermissionError(13, "Permission denied", str(path))
        return open_file(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(IngestError, match=rf"ingest.source.path: '.*{name}' .*Permission denied"):
        ingest_from(kind, path=file, **parameters)


@pytest.fixture
def readings(monkeypatch):
    """Count how often a folder of images was read."""
    count, read = [], ImageFolderSource.read
    monkeypatch.setattr(
        ImageFolderSource, "read", lambda self, scratch: count.append(self) or read(self, scratch)
    )
    return count


def test_unchanged_input_is_not_read_again(ingest_from, pictures, readings, tmp_path):
    (pictures / "cats" / "bad.png").write_text("")
    parameters = {"path": pictures, "image_size": 8, "on_bad_file": "skip"}
    first = ingest_from("image_folder", **parameters)
    schema = (tmp_path / "samples" / "schema.json").stat()
    second = ingest_from("image_folder", **parameters)
    assert len(readings) == 1
    assert second.samples.table.equals(first.samples.table)
    assert second.skipped_files.equals(first.skipped_files)
    assert second.skipped_files["path"].tolist() == ["cats/bad.png"]
    np.testing.assert_array_equal(second.samples.x, first.samples.x)
    assert (tmp_path / "samples" / "schema.json").stat() == schema


def add_file(pictures, monkeypatch):
    Image.new("L", (8, 8), 99).save(pictures / "dogs" / "4.png")
    return {}


def change_file_and_set_its_time_back(pictures, monkeypatch):
    path = pictures / "dogs" / "3.png"
    stat = path.stat()
    Image.new("L", (8, 8), 99).save(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return {}


def change_parameter(pictures, monkeypatch):
    return {"image_size": 9}


def change_code(pictures, monkeypatch):
    monkeypatch.setattr("foldwise.data.input_fingerprint.code_hash", lambda module: "other code")
    return {}


@pytest.mark.parametrize(
    "change", [add_file, change_file_and_set_its_time_back, change_parameter, change_code]
)
def test_any_change_is_read(ingest_from, pictures, readings, monkeypatch, change):
    parameters = {"path": pictures, "image_size": 8}
    ingest_from("image_folder", **parameters)
    parameters |= change(pictures, monkeypatch)
    changed = ingest_from("image_folder", **parameters).samples
    assert len(readings) == 2
    if change is change_file_and_set_its_time_back:
        assert (changed.x[-1] == 99).all()


@pytest.mark.parametrize(
    "name", ["x.npy", "table.parquet", "schema.json", "skipped_files.parquet"]
)
def test_damaged_samples_are_read_again(ingest_from, pictures, readings, tmp_path, name):
    parameters = {"path": pictures, "image_size": 8}
    expected = ingest_from("image_folder", **parameters).samples.table
    path = tmp_path / "samples" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert ingest_from("image_folder", **parameters).samples.table.equals(expected)
    assert len(readings) == 2


@pytest.mark.real_data
@needs("magnetic_tile/images")
def test_the_groups_of_magnetic_tiles(ingest_from):
    folder = DATA / "magnetic_tile"
    table = ingest_from(
        "image_folder", path=folder / "images", table=folder / "groups.csv"
    ).samples.table
    expected = pd.read_csv(folder / "groups.csv").set_index("image")
    found = table.set_index("images/" + table["sample_id"]).loc[expected.index]
    assert found["group"].astype(int).tolist() == expected["group"].tolist()
    assert found["meta_exposure"].tolist() == expected["exposure"].tolist()
    assert table["group"].nunique() == 205


@pytest.mark.real_data
@pytest.mark.slow
@needs("cifar10_jpeg.tar.gz")
def test_cifar10_in_its_archive(ingest_from):
    samples = ingest_from("image_folder", path=DATA / "cifar10_jpeg.tar.gz", image_size=32).samples
    assert samples.x.shape == (60_000, 3, 32, 32)
    counts = samples.table[["label", "official_split"]].value_counts().unstack()
    assert (counts["train"] == 5000).all()
    assert (counts["test"] == 1000).all()
    assert set(samples.table["file_jpeg_quality"]) == {75}
    is_train = samples.table["official_split"] == "train"
    means = samples.x[is_train.to_numpy()].mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(means, [0.4913, 0.4821, 0.4465], atol=1e-4)  # its README


@pytest.mark.real_data
@needs("magnetic_tile/images")
@pytest.mark.parametrize("policy", ["resize", "center_crop", "pad"])
def test_magnetic_tiles(ingest_from, policy):
    samples = ingest_from(
        "image_folder", path=DATA / "magnetic_tile" / "images", size_policy=policy
    ).samples
    assert samples.x.shape == (1344, 1, 64, 64)
    assert samples.table["label"].value_counts().to_dict() == {
        "free": 952,
        "blowhole": 115,
        "uneven": 103,
        "break": 85,
        "crack": 57,
        "fray": 32,
    }
    assert samples.table[["meta_height", "meta_width"]].max(axis=1).unique().tolist() == [128]
    assert samples.x.std(axis=(1, 2, 3)).min() > 0


@pytest.mark.real_data
@needs("blood_cell_crops.npz")
def test_blood_cells(ingest_from):
    path = DATA / "blood_cell_crops.npz"
    samples = ingest_from("npz", path=path).samples
    assert samples.x.shape == (4886, 3, 32, 32)
    assert samples.table["label"].value_counts().to_dict() == {
        "RBC": 4153,
        "WBC": 372,
        "Platelets": 361,
    }
    assert samples.table["group"].nunique() == 364
    with np.load(path, allow_pickle=False) as stored:
        np.testing.assert_array_equal(np.moveaxis(samples.x, 1, -1), stored["x"])
        assert [samples.classes[i] for i in samples.y] == stored["classes"][stored["y"]].tolist()


@pytest.mark.parametrize("taken", [{"limit": 300}, {"long_tail": 5.0}], ids=["limit", "long_tail"])
def test_rows_are_taken_in_bounded_memory(tmp_path, monkeypatch, taken):
    x = np.random.default_rng(0).normal(size=(400, 8192)).astype(np.float32)  # 12.5 MiB
    path = tmp_path / "x.npy"
    np.save(path, x)
    frame = pd.DataFrame({"sample_id": [f"s{i}" for i in range(400)], "label": list("ab") * 200})
    rows = np.load(path, mmap_mode="r")
    read_at_once = []

    class Watched(np.memmap):
        def __getitem__(self, key):
            part = super().__getitem__(key)
            read_at_once.append(part.nbytes)
            return part

    def read(self, scratch):
        (scratch / "x.npy").hardlink_to(path)
        x = np.load(scratch / "x.npy", mmap_mode="r").view(Watched)
        return Reading(x=x, table=frame, classes=("a", "b"), modality="table")

    monkeypatch.setattr(DigitsSource, "read", read)
    monkeypatch.setattr(scratch_array, "_PART_BYTES", 2**20)
    limit = {"kind": "digits", "limit": taken.get("limit")}
    config = IngestConfig.of(source=limit, long_tail=taken.get("long_tail"))
    samples = ingest(config, tmp_path / "samples").samples
    assert 0 < max(read_at_once) <= 2**20
    places = samples.table["sample_id"].str.removeprefix("s").astype(int)
    assert 200 < len(places) < 400
    np.testing.assert_array_equal(samples.x, rows[places])
    files = {file.name for file in (tmp_path / "samples").iterdir()}
    assert files == {"x.npy", "table.parquet", "schema.json", "skipped_files.parquet"}
