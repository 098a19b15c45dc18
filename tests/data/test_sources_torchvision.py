"""Data sets that torchvision finds in its own layout become samples with their official split."""

import struct

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from torchvision import datasets

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.readers.torchvision_sets import ALLOWED
from foldwise.data.sources.torchvision_source import TorchvisionSource

TRAIN = np.random.default_rng(0).integers(0, 256, (40, 6, 6), np.uint8)
TEST = np.random.default_rng(1).integers(0, 256, (20, 6, 6), np.uint8)
TRAIN_Y = np.arange(40, dtype=np.uint8) % 4
TEST_Y = np.arange(20, dtype=np.uint8) % 4
NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress"]


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def write_mnist(root, name):
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    write_idx(raw / "train-images-idx3-ubyte", TRAIN)
    write_idx(raw / "train-labels-idx1-ubyte", TRAIN_Y)
    write_idx(raw / "t10k-images-idx3-ubyte", TEST)
    write_idx(raw / "t10k-labels-idx1-ubyte", TEST_Y)


def write_image(path, seed, mode="RGB", size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, 3) if mode == "RGB" else size
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def read(tmp_path, name, **parameters):
    return TorchvisionSource.of(name=name, root=tmp_path, **parameters).read(tmp_path)


def test_fashion_mnist_has_its_names_and_official_split(tmp_path):
    write_mnist(tmp_path, "FashionMNIST")
    reading = read(tmp_path, "FashionMNIST")
    np.testing.assert_array_equal(reading.x, np.concatenate([TRAIN, TEST])[:, None])
    assert reading.classes == tuple(NAMES)
    assert reading.table["label"].tolist() == [NAMES[y] for y in [*TRAIN_Y, *TEST_Y]]
    assert reading.table["official_split"].tolist() == ["train"] * 40 + ["test"] * 20
    assert reading.table["sample_id"].tolist()[39:41] == ["train_000039", "test_000000"]


def test_an_ingest_of_mnist(tmp_path):
    write_mnist(tmp_path, "MNIST")
    source = {"kind": "torchvision", "name": "MNIST", "root": tmp_path, "image_size": [3, 4]}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    assert samples.x.shape == (60, 1, 3, 4)
    assert samples.classes == ("0 - zero", "1 - one", "2 - two", "3 - three")


def test_a_limit_decodes_only_what_is_taken(tmp_path, monkeypatch):
    write_mnist(tmp_path, "MNIST")
    decoded = []
    getitem = datasets.MNIST.__getitem__
    monkeypatch.setattr(
        datasets.MNIST,
        "__getitem__",
        lambda self, index: decoded.append(index) or getitem(self, index),
    )
    reading = read(tmp_path, "MNIST", limit=30)
    assert len(decoded) == len(reading.x) == 28  # of each class 5 of 10, and 2 of 5
    everything = {f"train_{i:06d}": x for i, x in enumerate(TRAIN)}
    everything |= {f"test_{i:06d}": x for i, x in enumerate(TEST)}
    expected = [everything[name] for name in reading.table["sample_id"]]
    np.testing.assert_array_equal(reading.x[:, 0], expected)


@pytest.fixture
def eurosat(tmp_path):
    """A set without parts, one folder per class."""
    folder = tmp_path / "eurosat" / "2750"
    return {
        f"eurosat/2750/{name}/{i}.png": write_image(folder / name / f"{i}.png", 10 * n + i)
        for n, name in enumerate(["Forest", "River"])
        for i in range(3)
    }


def test_a_set_without_parts_is_named_by_its_files(tmp_path, eurosat):
    reading = read(tmp_path, "EuroSAT")
    assert reading.table["sample_id"].tolist() == list(eurosat)
    assert reading.table["official_split"].isna().all()
    assert reading.classes == ("Forest", "River")
    for x, pixels in zip(reading.x, eurosat.values(), strict=True):
        np.testing.assert_array_equal(np.moveaxis(x, 0, -1), pixels)


def test_an_image_that_cannot_be_decoded_is_bad(tmp_path, eurosat):
    (tmp_path / "eurosat/2750/Forest/1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    reading = read(tmp_path, "EuroSAT")
    assert [bad.path for bad in reading.bad_files] == ["eurosat/2750/Forest/1.png"]
    assert "damaged or missing" in reading.bad_files[0].reason
    del eurosat["eurosat/2750/Forest/1.png"]
    assert reading.table["sample_id"].tolist() == list(eurosat)
    np.testing.assert_array_equal(np.moveaxis(reading.x, 1, -1), np.stack(list(eurosat.values())))


def test_images_of_several_sizes_need_a_size(tmp_path, eurosat):
    write_image(tmp_path / "eurosat/2750/River/9.png", 99, size=(5, 8))
    with pytest.raises(IngestError, match=r"8 x 8 pixels, another 5 x 8.*image_size"):
        read(tmp_path, "EuroSAT")
    assert read(tmp_path, "EuroSAT", image_size=4).x.shape == (7, 3, 4, 4)


def test_grey_images_among_coloured_ones_get_three_equal_channels(tmp_path):
    folder = tmp_path / "caltech101" / "101_ObjectCategories"
    (tmp_path / "caltech101" / "Annotations").mkdir(parents=True)
    (folder / "BACKGROUND_Google").mkdir(parents=True)
    grey = write_image(folder / "ant" / "image_0001.jpg", 0, "L")
    write_image(folder / "bee" / "image_0001.jpg", 1)
    reading = read(tmp_path, "Caltech101")
    assert reading.classes == ("ant", "bee")
    assert reading.x.shape == (2, 3, 8, 8)
    assert (reading.x[0] == reading.x[0, :1]).all()
    assert np.abs(reading.x[0, 0].astype(int) - grey).mean() < 20
    assert read(tmp_path, "Caltech101", channels=1).x.shape == (2, 1, 8, 8)


def test_a_set_whose_training_part_has_another_name(tmp_path):
    folder = tmp_path / "oxford-iiit-pet"
    (folder / "annotations").mkdir(parents=True)
    parts = {
        "trainval": ["big_cat_2 1", "small_dog_1 2"],
        "test": ["big_cat_1 1", "small_dog_3 2"],
    }
    for split, rows in parts.items():
        (folder / "annotations" / f"{split}.txt").write_text(" 0 0\n".join([*rows, ""]))
        for row in rows:
            write_image(folder / "images" / f"{row.split()[0]}.jpg", 0)
    reading = read(tmp_path, "OxfordIIITPet")
    assert reading.classes == ("Big Cat", "Small Dog")
    assert reading.table["official_split"].tolist() == ["train", "train", "test", "test"]
    assert [name.rpartition("/")[2] for name in reading.table["sample_id"]] == [
        f"{name}.jpg" for name in ("big_cat_2", "small_dog_1", "big_cat_1", "small_dog_3")
    ]


def test_missing_files_are_told_with_what_was_looked_for(tmp_path):
    with pytest.raises(
        IngestError,
        match=r"FashionMNIST from '.*Dataset not found.*looks for 'train-images-idx3-ubyte', .*"
        r" in '.*FashionMNIST/raw'; .*kind=idx.*download=true fetches it",
    ):
        read(tmp_path, "FashionMNIST")
    with pytest.raises(IngestError, match=r"FER2013.* torchvision cannot download it"):
        read(tmp_path, "FER2013")
    with pytest.raises(IngestError, match=r"USPS.*No such file.*download=true"):
        read(tmp_path, "USPS")


def test_a_download_without_a_network_is_told(tmp_path, monkeypatch):
    def offline(*_args, **_kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr("torchvision.datasets.semeion.download_url", offline)
    with pytest.raises(IngestError, match=r"Network is unreachable.*Without a network, put its"):
        read(tmp_path, "SEMEION", download=True)
    with pytest.raises(IngestError, match="not found or corrupted"):
        read(tmp_path, "SEMEION")  # which torchvision would download by default


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "LSUN"])
def test_sets_that_are_unpickled_are_refused(name):
    with pytest.raises(ValidationError, match=f"unpickles the files of {name}.*image_folder"):
        TorchvisionSource.of(name=name, root="x")


def test_unknown_names_and_options_are_told_with_what_is_allowed(tmp_path):
    with pytest.raises(ValidationError, match=r"'fashionmnist' \(did you mean 'FashionMNIST'"):
        TorchvisionSource.of(name="fashionmnist", root="x")
    with pytest.raises(IngestError, match=r"EMNIST has no 'splt'. Allowed: 'split'"):
        read(tmp_path, "EMNIST", options={"splt": "letters"})
    with pytest.raises(IngestError, match="split"):
        read(tmp_path, "EMNIST")  # has no default


def test_all_sets_that_are_allowed_exist():
    assert all(hasattr(datasets, name) for name in ALLOWED)
