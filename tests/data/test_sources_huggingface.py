"""Data sets of `datasets`, read from the disk; the hub is never asked unless one says so."""

import importlib.util
import io
import socket

import numpy as np
import pytest
from PIL import Image

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.huggingface import HuggingfaceSource

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(self, address, *_):
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)


def read(path, scratch, **parameters):
    scratch.mkdir()
    return HuggingfaceSource.of(path=str(path), **parameters).read(scratch)


def png(value, mode="L", size=(5, 4)):
    buffer = io.BytesIO()
    Image.new(mode, size, value).save(buffer, format="PNG")
    return buffer.getvalue()


FEATURES = {
    "image": datasets.Image(),
    "label": datasets.ClassLabel(names=["zebra", "ant"]),
    "who": datasets.Value("string"),
}


def image_set(cells, labels):
    columns = {"image": cells, "label": labels, "who": [f"w{i % 2}" for i in range(len(cells))]}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(FEATURES))


def stored(*values):
    return [{"bytes": png(value), "path": None} for value in values]


@pytest.fixture
def image_parts(tmp_path):
    folder = tmp_path / "my images"
    folder.mkdir()
    parts = {
        "train": image_set(stored(10, 20, 30), [0, 1, 0]),
        "validation": image_set(stored(40), [1]),
        "test": image_set(stored(50, 60), [1, 0]),
    }
    for name, part in parts.items():
        part.to_parquet(folder / f"{name}.parquet")
    return folder


def test_images_in_parquet_files_with_an_official_split(image_parts, tmp_path):
    reading = read(image_parts, tmp_path / "s", image_size=[4, 5], group_column="who")
    assert reading.x.shape == (6, 1, 4, 5)
    assert reading.x[:, 0, 0, 0].tolist() == [10, 20, 30, 40, 50, 60]
    table = reading.table
    assert table["sample_id"].tolist() == [
        *("train/000000", "train/000001", "train/000002"),
        *("validation/000000", "test/000000", "test/000001"),
    ]
    assert table["official_split"].tolist() == ["train"] * 3 + ["val"] + ["test"] * 2
    assert table["label"].tolist() == ["zebra", "ant", "zebra", "ant", "ant", "zebra"]
    assert table["group"].tolist() == ["w0", "w1", "w0", "w0", "w0", "w1"]
    assert table["meta_width"].unique().tolist() == [5]
    assert reading.classes == ("zebra", "ant")  # in the data set's own order
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["x.npy"]


def test_images_are_scaled_and_limited(image_parts, tmp_path):
    source = {"kind": "huggingface", "path": str(image_parts), "image_size": 8, "limit": 2}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    assert samples.x.shape == (2, 1, 8, 8)
    assert set(samples.table["label"]) == {"ant", "zebra"}
    names = {"train/000000": 10, "train/000001": 20, "train/000002": 30, "validation/000000": 40}
    names |= {"test/000000": 50, "test/000001": 60}
    for pixels, sample_id in zip(samples.x, samples.table["sample_id"], strict=True):
        assert (pixels == names[sample_id]).all()


def test_bad_rows_are_collected(tmp_path):
    outside = {"bytes": None, "path": __file__}
    cells = [*stored(1), None, *stored(3), {"bytes": b"no picture", "path": None}, outside]
    image_set(cells, [0, 1, -1, 1, 1]).to_parquet(tmp_path / "set.parquet")
    reading = read(tmp_path / "set.parquet", tmp_path / "s")
    assert reading.table["sample_id"].tolist() == ["train/000000"]
    assert {(bad.path, bad.reason) for bad in reading.bad_files} >= {
        ("set.parquet, row 2", "the image is missing"),
        ("set.parquet, row 3", "the label (column 'label') is missing"),
        ("set.parquet, row 5", "the image is missing"),
    }
    assert "not an image" in {bad.path: bad.reason for bad in reading.bad_files}["train/000003"]


def test_a_folder_of_images(tmp_path):
    for part in ("train", "test"):
        for label, value in (("a", 50), ("b", 100)):
            folder = tmp_path / "set" / part / label
            folder.mkdir(parents=True)
            (folder / "1 é.png").write_bytes(png((value, 0, 0), "RGB"))
    reading = read(tmp_path / "set", tmp_path / "s", image_size=4)
    assert reading.x[:, :, 0, 0].tolist() == [[50, 0, 0], [100, 0, 0]] * 2
    assert reading.table["official_split"].tolist() == ["train", "train", "test", "test"]
    assert reading.table["label"].tolist() == ["a", "b", "a", "b"]


def test_texts_in_csv_files(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\nOne two,x\n,y\nthree,y\n")
    (folder / "test.csv").write_text("text,label\ntwo,y\n")
    reading = read(folder, tmp_path / "s", text_column="text", tokens="words")
    assert reading.modality == "tokens"
    assert reading.tokens == ("", "one", "three", "two")
    assert reading.x.tolist() == [[1, 3], [2, 0], [3, 0]]
    assert reading.table["official_split"].tolist() == ["train", "train", "test"]
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("set, row 2", "the text (column 'text') is missing")
    ]


def test_tables_saved_to_disk(tmp_path):
    frame = {"age": [1.5, None, 3], "city": ["P", "R", "P"], "id": [1, 2, 3], "label": [0, 1, 0]}
    datasets.Dataset.from_dict(frame).save_to_disk(tmp_path / "set")
    reading = read(tmp_path / "set", tmp_path / "s", drop_columns="id", task="classification")
    assert reading.modality == "table"
    assert [feature.name for feature in reading.features] == ["age", "city"]
    np.testing.assert_array_equal(reading.x, [[1.5, 0], [np.nan, 1], [3, 0]])
    assert "official_split" not in reading.table
    assert reading.classes == ("0", "1")


def test_a_mistyped_number_does_not_make_categories(tmp_path):
    frame = {"age": [*map(str, range(19)), "4o"], "x": range(20), "label": ["a", "b"] * 10}
    datasets.Dataset.from_dict(frame).save_to_disk(tmp_path / "set")
    with pytest.raises(IngestError, match="19 of 20 cells of 'age' are numbers; row 20 is '4o'"):
        read(tmp_path / "set", tmp_path / "s")
    reading = read(tmp_path / "set", tmp_path / "t", missing_values="4o", numeric_columns="age")
    np.testing.assert_array_equal(reading.x[:, 0], [*range(19), np.nan])


def test_parts_of_other_names_are_left_out(tmp_path):
    part = datasets.Dataset.from_dict({"x": [1.0, 2.0], "label": ["a", "b"]})
    parts = datasets.DatasetDict({"test": part, "unsupervised": part, "train": part})
    parts.save_to_disk(tmp_path / "set")
    reading = read(tmp_path / "set", tmp_path / "s")
    assert reading.table["official_split"].tolist() == ["train", "train", "test", "test"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"label_column": "lable"}, r"label_column: .*Did you mean 'label'\?"),
        ({"image_column": "img"}, r"image_column: .*no column 'img'"),
        ({"image_column": "image", "text_column": "who"}, "are both given"),
    ],
)
def test_columns_that_do_not_fit_are_refused(image_parts, tmp_path, parameters, message):
    with pytest.raises(IngestError, match=message):
        read(image_parts, tmp_path / "s", **parameters)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("somebody/something", "no file or folder here.*download=true"),
        ("./nothing here", "does not exist. Expected is a folder"),
    ],
)
def test_what_is_not_here_is_not_fetched(tmp_path, path, message):
    with pytest.raises(IngestError, match=message):
        read(path, tmp_path / "s")


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(IngestError, match="any data files"):
        read(tmp_path / "empty", tmp_path / "s1")
    (tmp_path / "data.pkl").write_bytes(b"x")
    with pytest.raises(IngestError, match=r"ends with '.pkl'; allowed are '.arrow'"):
        read(tmp_path / "data.pkl", tmp_path / "s2")
    (tmp_path / "data.parquet").write_bytes(b"x")
    with pytest.raises(IngestError, match="cannot be read"):
        read(tmp_path / "data.parquet", tmp_path / "s3")


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(IngestError, match=r"pip install foldwise\[huggingface\]"):
        read(tmp_path, tmp_path / "s")


def test_the_settings_of_datasets_are_left_as_they_were(image_parts, tmp_path):
    read(image_parts, tmp_path / "s")
    assert datasets.config.HF_HUB_OFFLINE is False
