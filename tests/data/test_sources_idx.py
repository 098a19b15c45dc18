"""Files in the idx format become samples with their official split; lying files are refused."""

import contextlib
import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.idx import IdxSource

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
TYPES = {"uint8": 8, "int8": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}
TRAIN = np.random.default_rng(0).integers(0, 256, (40, 5, 7), np.uint8)
TEST = np.random.default_rng(1).integers(0, 256, (20, 5, 7), np.uint8)
TRAIN_Y = np.arange(40, dtype=np.uint8) % 4
TEST_Y = np.arange(20, dtype=np.uint8) % 4


def idx_bytes(array, dtype="uint8", shape=None):
    shape = array.shape if shape is None else shape
    header = bytes([0, 0, TYPES[dtype], len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return header + array.astype(dtype).tobytes()


@pytest.fixture
def folder(tmp_path):
    arrays = {
        "train-images-idx3-ubyte": TRAIN,
        "train-labels-idx1-ubyte": TRAIN_Y,
        "t10k-images-idx3-ubyte": TEST,
        "t10k-labels-idx1-ubyte": TEST_Y,
    }
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, array in arrays.items():
        (folder / name).write_bytes(idx_bytes(array))
    return folder


def read(folder, **parameters):
    return IdxSource.of(path=folder, **parameters).read(folder.parent)


def read_pair(tmp_path, images, labels, **parameters):
    for name, content in {"images": images, "labels": labels}.items():
        (tmp_path / name).write_bytes(content)
    paths = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    return IdxSource.of(**paths, **parameters).read(tmp_path)


def pack(folder):
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


@pytest.mark.parametrize("change", [lambda _: None, pack])
def test_a_folder_becomes_samples_with_the_official_split(folder, change):
    change(folder)
    reading = read(folder)
    np.testing.assert_array_equal(reading.x, np.concatenate([TRAIN, TEST])[:, None])
    assert reading.table["label"].tolist() == [str(y) for y in [*TRAIN_Y, *TEST_Y]]
    assert reading.table["official_split"].tolist() == ["train"] * 40 + ["test"] * 20
    assert reading.table["sample_id"].tolist()[38:42] == [
        "train_000038",
        "train_000039",
        "test_000000",
        "test_000001",
    ]
    assert reading.classes == ("0", "1", "2", "3")


def test_names_with_a_dot_and_a_folder_without_test_images(folder):
    for path in list(folder.iterdir()):
        if path.name.startswith("t10k"):
            path.unlink()
        else:
            path.rename(folder / path.name.replace("-idx", ".idx"))
    assert set(read(folder).table["official_split"]) == {"train"}


def test_classes_can_be_named(folder):
    names = ["Shirt", "Bag", "Coat", "Ankle boot"]
    reading = read(folder, classes=names)
    assert reading.classes == tuple(names)
    assert reading.table["label"].tolist()[:5] == [*names, "Shirt"]
    with pytest.raises(IngestError, match=r"row 2 is '2', and 20 of 40 .*Allowed: 0\.\.1"):
        read(folder, classes=names[:2])
    with pytest.raises(ValidationError, match="no two alike"):
        IdxSource.of(path=folder, classes=["a", "a"])


def test_classes_are_in_the_order_of_their_numbers(tmp_path):
    images = np.zeros((3, 2, 2), np.uint8)
    y = np.array([300, 20, 3])
    reading = read_pair(tmp_path, idx_bytes(images), idx_bytes(y, ">i2"))
    assert reading.classes == ("3", "20", "300")
    assert reading.table["official_split"].isna().all()


def test_images_can_be_resized(folder):
    assert read(folder, image_size=[3, 4]).x.shape == (60, 1, 3, 4)


def test_a_limit_keeps_the_share_of_each_class_and_part(folder):
    reading = read(folder, limit=30)
    counts = reading.table.groupby(["official_split", "label"]).size()
    assert counts.to_dict() == {("train", str(y)): 5 for y in range(4)} | {
        ("test", str(y)): 2 for y in range(4)
    }
    ids = [f"train_{i:06d}" for i in range(40)] + [f"test_{i:06d}" for i in range(20)]
    everything = dict(zip(ids, [*TRAIN, *TEST], strict=True))
    expected = [everything[sample_id] for sample_id in reading.table["sample_id"]]
    np.testing.assert_array_equal(reading.x[:, 0], expected)


IMAGES, LABELS = idx_bytes(TRAIN), idx_bytes(TRAIN_Y)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (idx_bytes(TRAIN, shape=(41, 5, 7)), LABELS, r"promises 1435 bytes.*more than 1400"),
        (
            gzip.compress(idx_bytes(TRAIN, shape=(40, 5, 8)), mtime=0),
            LABELS,
            "ends after 1400 bytes",
        ),
        (
            gzip.compress(idx_bytes(TRAIN, shape=(2**20, 2**10, 2**10)), mtime=0),
            LABELS,
            "promises 1099511627776 bytes .*cannot hold more",
        ),
        (IMAGES + b"x", LABELS, "goes on after the 1400 bytes"),
        (gzip.compress(IMAGES, mtime=0)[:-20], LABELS, "images' is damaged"),
        (b"\x1f\x8bnonsense", LABELS, "images' is damaged"),
        (IMAGES[:7], LABELS, "ends within its header"),
        (b"", LABELS, r"no idx file: it starts with the bytes \(none\)"),
        (b"\x89PNG....", LABELS, "no idx file: it starts with the bytes 89 50 4e 47. Expected"),
        (b"\0\0\x0a\x03" + IMAGES[4:], LABELS, "no idx file"),
        (b"\0\0\x08\x09" + IMAGES[4:], LABELS, "has 9 axes. Allowed: 1 to 4"),
        (LABELS, LABELS, r"holds uint8 of the shape \(40,\). Expected are uint8 of the shape"),
        (idx_bytes(TRAIN, ">f4"), LABELS, "holds float32 of the shape"),
        (IMAGES, IMAGES, r"Expected are integers of the shape \(N,\)"),
        (IMAGES, idx_bytes(TEST_Y), "holds 40 images, but .*labels' 20 labels"),
        (idx_bytes(TRAIN[:0]), idx_bytes(TRAIN_Y[:0]), "not empty"),
    ],
)
def test_files_that_are_not_what_they_say_are_refused(tmp_path, images, labels, message):
    with pytest.raises(IngestError, match=message):
        read_pair(tmp_path, images, labels)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_random_damage_never_escapes_as_another_error(tmp_path, pack):
    rng = np.random.default_rng(0)
    whole = np.frombuffer(pack(IMAGES), np.uint8)
    for _ in range(150):
        damaged = whole[: rng.integers(1, len(whole) + 1)].copy()
        damaged[rng.integers(0, min(len(damaged), 40), 2)] = rng.integers(0, 256, 2)
        with contextlib.suppress(IngestError):
            assert read_pair(tmp_path, damaged.tobytes(), LABELS).x.shape == (40, 1, 5, 7)


def test_a_small_archive_that_unpacks_too_large_is_refused_unread(tmp_path):
    bomb = gzip.compress(idx_bytes(np.zeros((4000, 100, 100), np.uint8)))
    assert len(bomb) < 50_000
    with pytest.raises(IngestError, match=r"unpacks to 40000000 bytes, but .*max_bytes=1000000"):
        read_pair(tmp_path, bomb, LABELS, max_bytes=1_000_000)


def test_what_is_missing_is_named(folder, tmp_path):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(IngestError, match="no 't10k-labels-idx1-ubyte', gzipped or not"):
        read(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(IngestError, match=r"holds no idx files\. Expected are train-images-idx3"):
        read(tmp_path / "empty")
    with pytest.raises(IngestError, match="gone' is no folder"):
        read(tmp_path / "gone")


def test_parts_of_other_sizes_are_refused(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(TEST[:, :4]))
    with pytest.raises(IngestError, match=r"not of one size: .*\(40, 5, 7\), .*\(20, 4, 7\)"):
        read(folder)


@pytest.mark.parametrize("given", [{}, {"images": "a"}, {"path": "a", "images": "b"}])
def test_a_folder_or_two_files_must_be_given(given):
    with pytest.raises(ValidationError, match="expected is 'path', or 'images' and 'labels'"):
        IdxSource.of(**given)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(
    not (DATA / "fashion_mnist").exists(),
    reason=f"{DATA / 'fashion_mnist'} is missing; FOLDWISE_DATA names its folder",
)
def test_fashion_mnist(tmp_path):
    names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
    names += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
    source = {"kind": "idx", "path": DATA / "fashion_mnist", "classes": names}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    assert samples.x.shape == (70_000, 1, 28, 28)
    assert samples.classes == tuple(names)
    counts = samples.table.groupby(["official_split", "label"]).size()
    assert set(counts["train"]) == {6000}
    assert set(counts["test"]) == {1000}
