"""Images named by a table, or described by one, become samples with all that is told of them."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.archive_table import copy_table
from foldwise.data.sources.image_folder import ImageFolderSource
from foldwise.data.sources.image_table import ImageTableSource

NAMES = ("pictures/ä 1.png", "pictures/b/2.png", "c;3.png", "d.png")


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)


def add_image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed)).save(path)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "my data"
    for seed, name in enumerate(NAMES):
        add_image(folder / name, seed)
    return folder


def frame(**columns):
    return pd.DataFrame({"path": NAMES, "label": ["10", "9", "10", "9"], **columns})


def read(table, tmp_path, **parameters):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return ImageTableSource.of(path=table, **{"image_size": 8, **parameters}).read(scratch)


def save(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        frame.to_csv(path, index=False, sep=separator, encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.parquet"])
def test_every_row_is_a_sample(folder, tmp_path, name):
    columns = frame(
        group=["p1", "p1", "p2", "p3"],
        split=["train", "valid", "test", "TRAIN"],
        time=["2024-01-01", "2024-01-02T12:00", "2024-01-03", "2024-02-01"],
        hospital=["A", "B", "A", "B"],
        age=[30, 40, 50, 60],
    )
    reading = read(save(columns, folder / name), tmp_path)
    table = reading.table
    assert reading.bad_files == ()
    assert reading.classes == ("9", "10")
    np.testing.assert_array_equal(reading.x, [[pixels(seed)] for seed in range(4)])
    assert table["sample_id"].tolist() == list(NAMES)
    assert table["label"].tolist() == ["10", "9", "10", "9"]
    assert table["group"].tolist() == ["p1", "p1", "p2", "p3"]
    assert table["official_split"].tolist() == ["train", "val", "test", "train"]
    assert table["time"].dt.day.tolist() == [1, 2, 3, 1]
    assert table["meta_hospital"].tolist() == ["A", "B", "A", "B"]
    assert table["meta_age"].tolist() == [30, 40, 50, 60]
    assert table["meta_height"].tolist() == [8] * 4
    assert table["file_bytes"].tolist() == [(folder / path).stat().st_size for path in NAMES]


def test_a_column_that_is_called_meta_already_keeps_its_name(folder, tmp_path):
    columns = frame(meta_fold=[0, 1, 0, 1])
    table = read(save(columns, folder / "t.csv"), tmp_path).table
    assert table["meta_fold"].tolist() == [0, 1, 0, 1]
    assert "meta_meta_fold" not in table
    with pytest.raises(IngestError, match="'meta_fold' and 'fold' would"):
        read(save(columns.assign(fold=2), folder / "t.csv"), tmp_path)


def test_columns_of_other_names_are_named_by_parameters(folder, tmp_path):
    columns = frame(patient=["x", "x", "y", "z"], height=[1, 2, 3, 4], group=[0, 0, 0, 1])
    columns = columns.rename(columns={"path": "file", "label": "kind"})
    (tmp_path / "tables").mkdir()
    table = read(
        save(columns, tmp_path / "tables" / "t.csv"),
        tmp_path,
        root=folder,
        path_column="file",
        label_column="kind",
        group_column="patient",
        meta_columns="height",
    ).table
    assert table["group"].tolist() == ["x", "x", "y", "z"]
    assert table["meta_height_in_table"].tolist() == [1, 2, 3, 4]
    assert table["meta_height"].tolist() == [8] * 4
    assert "meta_group" not in table


def test_rows_that_cannot_be_read_are_collected(folder, tmp_path):
    add_image(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "inside.png").symlink_to("d.png")
    (folder / "away").symlink_to(tmp_path)
    (folder / "text.png").write_text("no image")
    (folder / "empty.png").write_text("")
    paths = ["d.png", "../secret.png", str(tmp_path / "secret.png"), "link.png", "away/secret.png"]
    paths += [
        "gone.png",
        "pictures",
        "text.png",
        "empty.png",
        "d.png",
        "c;3.png",
        "",
        "inside.png",
    ]
    rows = pd.DataFrame({"path": paths, "label": ["a"] * 10 + ["", "b", "b"]})
    reading = read(save(rows, folder / "t.csv"), tmp_path)
    assert reading.table["sample_id"].tolist() == ["d.png", "inside.png"]
    reasons = {bad.path: bad.reason for bad in reading.bad_files}
    for row, reason in {
        3: "leads out of the folder",
        4: "leads out of the folder",
        5: "a link that leads out of the folder",
        6: "leads out of the folder",
        7: "'gone.png' does not exist",
        8: "'pictures' is not a regular file",
        9: "text.png: not an image of an allowed format",
        10: "empty.png: empty",
        11: "the same image as a row above",
        12: "the label (column 'label') is missing",
        13: "the path of the image (column 'path') is missing",
    }.items():
        assert reason in reasons.pop(f"t.csv, row {row}")
    assert reasons == {}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"label_column": "lable"},
            "label_column: .* no column 'lable'. Did you mean 'label'",
        ),
        ({"path_column": "file"}, "path_column: .* has no column 'file'.*'path', 'label'"),
        ({"group_column": "patient"}, "group_column: .* has no column 'patient'"),
        ({"root": "/nowhere"}, "ingest.source.root: '/nowhere' is not a folder"),
    ],
)
def test_what_is_not_there_is_named(folder, tmp_path, parameters, message):
    with pytest.raises(IngestError, match=message):
        read(save(frame(), folder / "t.csv"), tmp_path, **parameters)


def test_nothing_is_decoded_beyond_the_limit(folder, tmp_path):
    paths = [f"{i}.png" for i in range(40)]
    for i, path in enumerate(paths):
        (folder / path).write_text("not decoded") if i % 4 else add_image(folder / path, i)
    rows = pd.DataFrame({"path": paths, "label": ["a", "b"] * 20})
    reading = read(save(rows, folder / "t.csv"), tmp_path, limit=4)
    assert len(reading.table) + len(reading.bad_files) == 4


def read_folder(root, tmp_path, **parameters):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return ImageFolderSource.of(path=root, image_size=8, **parameters).read(scratch)


@pytest.fixture
def classes(tmp_path):
    for seed, name in enumerate(("cat/1.png", "cat/2.png", "dog/3.png", "dog/ö 4.png")):
        add_image(tmp_path / "classes" / name, seed)
    return tmp_path / "classes"


@pytest.mark.parametrize(
    "keys",
    [
        ["cat/1.png", "cat/2.png", "dog/3.png", "dog/ö 4.png"],
        ["classes/cat/1.png", "./classes/cat/2.png", "/a/classes/dog/3.png", "dog/ö 4.png"],
        ["1.png", "2.png", "3.png", "o\u0308 4.png".replace("o\u0308", "ö")],
    ],
)
def test_a_table_tells_the_groups_of_a_folder(classes, tmp_path, keys):
    rows = pd.DataFrame({"image": keys, "group": [7, 7, 8, 9], "exposure": [1, 2, 3, 4]})
    table = save(rows.iloc[[2, 0, 3, 1]], tmp_path / "groups.csv")
    reading = read_folder(classes, tmp_path, table=table)
    assert reading.table["group"].tolist() == ["7", "7", "8", "9"]
    assert reading.table["meta_exposure"].tolist() == [1, 2, 3, 4]
    assert reading.bad_files == ()


def test_an_image_without_a_row_is_bad_and_a_row_without_an_image_is_not(classes, tmp_path):
    rows = pd.DataFrame({"file": ["1.png", "3.png", "ö 4.png", "9.png"], "patient": list("aabb")})
    table = save(rows, tmp_path / "t.csv")
    reading = read_folder(classes, tmp_path, table=table, table_key="file", group_column="patient")
    assert reading.table["sample_id"].tolist() == ["cat/1.png", "dog/3.png", "dog/ö 4.png"]
    assert reading.table["group"].tolist() == ["a", "a", "b"]
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("cat/2.png", "has no row in t.csv")
    ]
    np.testing.assert_array_equal(reading.x[:, 0], [pixels(0), pixels(2), pixels(3)])


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["1.png", "cat/1.png"], r"t.csv, row 3: 'cat/1.png' has a row already"),
        (["8.png", "9.png"], "no row belongs to an image. Its first path is '8.png'"),
        (["same.png"], "t.csv, row 2: 'same.png' fits 2 images: 'cat/same.png', 'dog/same.png'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(classes, tmp_path, keys, message):
    add_image(classes / "cat" / "same.png")
    add_image(classes / "dog" / "same.png")
    table = save(pd.DataFrame({"image": keys, "group": keys}), tmp_path / "t.csv")
    with pytest.raises(IngestError, match=message):
        read_folder(classes, tmp_path, table=table)


def test_nothing_in_a_folder_is_decoded_beyond_the_limit(classes, tmp_path):
    for i in range(20):
        (classes / "cat" / f"no picture {i}.png").write_text("")
        (classes / "dog" / f"no picture {i}.png").write_text("")
    reading = read_folder(classes, tmp_path, limit=6)
    assert len(reading.table) + len(reading.bad_files) == 6


def test_the_file_that_was_checked_is_the_one_that_is_read(folder, tmp_path):
    add_image(tmp_path / "secret.png", 99)
    add_image(folder / "secret.png", 7)
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "ln").symlink_to("a/b")
    rows = pd.DataFrame({"path": ["ln/../../secret.png", "d.png"], "label": ["a", "b"]})
    reading = read(save(rows, folder / "t.csv"), tmp_path)
    np.testing.assert_array_equal(reading.x, [[pixels(7)], [pixels(3)]])


@pytest.mark.parametrize(("place", "value"), [(0, 1), (2, 99)])  # encrypted; an unknown packing
def test_a_table_that_cannot_be_unpacked_is_named(tmp_path, place, value):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t.csv", "path,label\n")
    data = bytearray(path.read_bytes())
    for start, signature in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        data[data.index(signature) + start + place] = value
    path.write_bytes(data)
    with pytest.raises(
        IngestError, match=r"ingest.source.table: 't.csv' in .* cannot be unpacked"
    ):
        copy_table(path, "t.csv", tmp_path, 1000)
