"""Boxes in a table become samples, from a folder or an archive, as Pillow would cut them out."""

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.images.crop import crop_window
from foldwise.data.sources.image_table import ImageTableSource

BOX_COLUMNS = ("left", "upper", "right", "lower")
ROWS = [  # interleaved on purpose
    ("a.png", "x", 0, 0, 8, 8),
    ("sub/ä b.png", "y", 4, 2, 12, 10),
    ("a.png", "y", -3, 12, 5, 20),
    ("a.png", "x", 5, 5, 13, 13),
    ("sub/ä b.png", "x", 20, 10, 28, 18),
]
ORDER = [0, 2, 3, 1, 4]  # those of one picture together
NAMES = ("a.png", "sub/ä b.png")


def pixels(seed):
    return np.random.default_rng(seed).integers(1, 256, (16, 24), dtype=np.uint8)


def rows(*given):
    return pd.DataFrame(given or ROWS, columns=["path", "label", *BOX_COLUMNS])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with images in `data/pictures` and their table in `data`."""
    folder = tmp_path / "all"
    for seed, name in enumerate(NAMES):
        path = folder / "data" / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(seed)).save(path)
    rows().to_csv(folder / "data" / "boxes.csv", index=False)
    return folder


def read(tmp_path, **parameters):
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    reading = ImageTableSource.of(
        **{"image_size": 8, "box_columns": "left;upper;right;lower", **parameters}
    ).read(scratch)
    assert os.listdir(scratch) == ["x.npy"]
    return reading


def read_table(folder, tmp_path, table, **parameters):
    path = folder / "data" / "t.csv"
    table.to_csv(path, index=False)
    return read(tmp_path, path=path, image_folder="pictures", **parameters)


def crops(order=ORDER):
    """Return the boxes as Pillow cuts them, zeros beyond the picture, (N, 1, 8, 8)."""
    images = {name: Image.fromarray(pixels(seed)) for seed, name in enumerate(NAMES)}
    return np.stack([[np.asarray(images[ROWS[i][0]].crop(ROWS[i][2:]))] for i in order])


def test_every_box_is_a_sample(folder, tmp_path):
    reading = read(tmp_path, path=folder / "data" / "boxes.csv", image_folder="pictures")
    table = reading.table
    np.testing.assert_array_equal(reading.x, crops())
    assert reading.bad_files == ()
    assert table["label"].tolist() == ["x", "y", "x", "y", "x"]
    assert table["group"].tolist() == ["a.png"] * 3 + ["sub/ä b.png"] * 2
    assert table["sample_id"].tolist()[1:4] == [
        "a.png#-3,12,5,20",
        "a.png#5,5,13,13",
        "sub/ä b.png#4,2,12,10",
    ]
    assert table["meta_height"].tolist() == table["meta_width"].tolist() == [8] * 5
    assert not set(table) & {f"meta_{name}" for name in BOX_COLUMNS}


@pytest.mark.parametrize(("margin", "square"), [(0.25, False), (0.0, True), (0.1, True)])
def test_margin_and_square_reach_the_pixels(folder, tmp_path, margin, square):
    box = (3.5, 2, 15.5, 6)
    reading = read_table(
        folder, tmp_path, rows(("a.png", "x", *box)), box_margin=margin, box_square=square
    )
    window = crop_window(box, margin, square)
    crop = Image.fromarray(pixels(0)).crop(window).resize((8, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(reading.x[0, 0], crop)
    assert reading.table["sample_id"].tolist() == ["a.png#3.5,2,15.5,6"]
    assert reading.table[["meta_width", "meta_height"]].iloc[0].tolist() == [
        window.right - window.left,
        window.lower - window.upper,
    ]


def test_a_group_that_is_told_goes_before_the_picture(folder, tmp_path):
    table = rows().assign(patient=["p", "q", "p", None, "q"])
    groups = read_table(folder, tmp_path, table, group_column="patient").table["group"]
    assert groups.tolist() == ["p", "p", "a.png", "q", "q"]


def test_a_picture_is_one_group_however_it_is_spelled(folder, tmp_path):
    table = rows(("a.png", "x", 0, 0, 8, 8), ("sub/../a.png", "y", 8, 0, 16, 8))
    assert read_table(folder, tmp_path, table).table["group"].tolist() == ["a.png", "a.png"]


def test_boxes_are_those_of_the_upright_picture(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    path = folder / "data" / "pictures" / "turned.png"
    Image.fromarray(pixels(3)).save(path, exif=exif)
    reading = read_table(folder, tmp_path, rows(("turned.png", "x", 4, 15, 12, 23)))
    with Image.open(path) as stored:
        upright = ImageOps.exif_transpose(stored)
    assert upright.size == (16, 24)
    np.testing.assert_array_equal(reading.x[0, 0], upright.crop((4, 15, 12, 23)))


def test_boxes_that_cannot_be_cut_out_are_bad_rows(folder, tmp_path):
    (folder / "data" / "pictures" / "damaged.png").write_bytes(b"no picture")
    given = {
        ("a.png", 0, 0, 8, 8): None,
        ("a.png", 5, 5, 5, 5): "the box 5,5,5,5 of 'a.png' is 0 pixels wide and 0 high",
        ("a.png", 9, 1, 3, 4): "the box 9,1,3,4 of 'a.png' is -6 pixels wide and 3 high",
        ("a.png", 1, "", 3, 4): "an edge of the box (column 'upper') is missing",
        ("a.png", 1, 2, "three", 4): "(column 'right') is 'three'; expected is a number",
        ("a.png", 1, 2, 3, "1e300"): "(column 'lower') is '1e300'; expected is a number",
        ("a.png", "0.0", 0, 8, 8): "names the same box in the same image as a row above",
        ("a.png", 24, 0, 30, 8): "the box (24, 0, 30, 8) lies outside the picture, which is 24",
        ("a.png", 0, -9, 4, 0): "lies outside the picture",
        ("a.png", 0, 0, 900, 900): "makes a crop of 900 x 900 pixels; allowed are 1 to max_pix",
        ("damaged.png", 0, 0, 8, 8): "damaged.png#0,0,8,8: not an image of an allowed format",
        ("damaged.png", 0, 0, 8, 9): "damaged.png#0,0,8,9: not an image of an allowed format",
        ("gone.png", 0, 0, 8, 8): "the image 'gone.png' does not exist",
        ("../boxes.csv", 0, 0, 8, 8): "'../boxes.csv' leads out of the folder",
    }
    table = rows(*((path, "x", *box) for path, *box in given))
    reading = read_table(folder, tmp_path, table, max_pixels=10_000)
    assert reading.table["sample_id"].tolist() == ["a.png#0,0,8,8"]
    reasons = {bad.path: bad.reason for bad in reading.bad_files}
    for row, reason in enumerate(given.values(), start=2):
        if reason is not None:
            assert reason in reasons.pop(f"t.csv, row {row}")
    assert reasons == {}


def pack(folder, archive):
    """Pack a folder; the archive's name says how."""
    kind = {".zip": "zip", ".tar": "tar", ".gz": "gztar"}[archive.suffix]
    made = shutil.make_archive(str(archive.parent / "made"), kind, folder)
    return Path(made).rename(archive)


@pytest.mark.parametrize("name", ["data.tar", "data.tar.gz", "data.zip", "folder"])
def test_table_and_images_may_lie_in_one_archive(folder, tmp_path, name):
    path = folder if name == "folder" else pack(folder, tmp_path / name)
    source = {"path": path, "table": "data/boxes.csv"}
    reading = read(tmp_path, **source, image_folder="data/pictures")
    np.testing.assert_array_equal(reading.x, crops())
    assert reading.table["sample_id"].tolist()[3] == "sub/ä b.png#4,2,12,10"
    assert list(ImageTableSource.of(**source).inputs()) == [path]


def test_images_are_looked_for_beside_a_table_in_the_archive(folder, tmp_path):
    table = rows().assign(path=lambda frame: "pictures/" + frame["path"])
    table.to_parquet(folder / "data" / "t.parquet")
    archive = pack(folder, tmp_path / "data.tar")
    reading = read(tmp_path, path=archive, table="data/t.parquet")
    np.testing.assert_array_equal(reading.x, crops())


@pytest.mark.parametrize("boxes", [BOX_COLUMNS, ()])
def test_the_table_may_lie_beside_the_archive(folder, tmp_path, boxes):
    table = rows().iloc[[1, 3]].drop(columns=[] if boxes else list(BOX_COLUMNS))
    table["path"] = "data/pictures/" + table["path"]
    table.to_csv(tmp_path / "t.csv", index=False)
    archive = pack(folder, tmp_path / "data.zip")
    reading = read(tmp_path, path=tmp_path / "t.csv", root=archive, box_columns=boxes)
    assert reading.x.shape == (2, 1, 8, 8)
    assert ("group" in reading.table) == bool(boxes)
    if boxes:
        np.testing.assert_array_equal(reading.x, crops([1, 3]))


def test_paths_that_are_not_in_the_archive_are_bad_rows(folder, tmp_path):
    (folder / "data" / "pictures" / "link.png").symlink_to("/etc/hostname")
    Image.fromarray(pixels(5)).save(folder / "data" / "beside.png")
    names = ["./a.png", "../beside.png", "../../../a.png", "/a.png", "gone.png", "link.png", "sub"]
    table = rows(*((name, "x", 0, 0, 8, 8) for name in names))
    table.to_csv(folder / "data" / "t.csv", index=False)
    archive = pack(folder, tmp_path / "data.tar.gz")
    reading = read(tmp_path, path=archive, table="data/t.csv", image_folder="data/pictures")
    assert reading.table["sample_id"].tolist() == ["./a.png#0,0,8,8"]
    leads_out = "leads out of the folder 'data.tar.gz/data/pictures'"
    expected = [leads_out] * 3 + ["does not exist", "leads out of the archive", "does not exist"]
    for row, (bad, reason) in enumerate(zip(reading.bad_files, expected, strict=True), start=3):
        assert bad.path == f"t.csv, row {row}"
        assert reason in bad.reason


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "data.tar.gz' is an archive, not a table. ingest.source.table says"),
        ({"table": "data/box.csv"}, "no file 'data/box.csv'. Did you mean 'data/boxes.csv'"),
        (
            {"table": "data/boxes.csv", "max_unpacked_bytes": 10},
            "unpacks to .* ingest.source.max_unpacked_bytes=10",
        ),
        (
            {"table": "data/boxes.csv", "image_folder": "images"},
            "image_folder: .* has no folder 'images'. Its folders are 'data', 'data/pictures'",
        ),
        (
            {"table": "data/boxes.csv", "label_column": "lable"},
            r"label_column: '.*data.tar.gz/data/boxes.csv' has no column 'lable'",
        ),
        (
            {"table": "data/boxes.csv", "box_columns": "left;upper;right;bottom"},
            "box_columns: .* has no column 'bottom'",
        ),
    ],
)
def test_what_is_not_in_the_archive_is_named(folder, tmp_path, parameters, message):
    archive = pack(folder, tmp_path / "data.tar.gz")
    with pytest.raises(IngestError, match=message):
        read(tmp_path, path=archive, **parameters)


@pytest.mark.parametrize("name", ["data.tar.gz", "data.zip", "data.tar"])
@pytest.mark.parametrize("what", ["path", "root"])
def test_a_damaged_archive_is_named(folder, tmp_path, name, what):
    archive = pack(folder, tmp_path / name)
    archive.write_bytes(archive.read_bytes()[:200])
    others = {"path": {"root": folder}, "root": {"path": folder}}[what]
    message = f"ingest.source.{what}: '.*{name}' is (damaged|no archive)"
    with pytest.raises(IngestError, match=message):
        read(tmp_path, **{what: archive}, table="data/boxes.csv", **others)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"box_columns": "left;upper;right"}, "four columns .left; upper; right; lower edge"),
        ({"box_columns": "a;b;c;a"}, "four columns"),
        ({"box_margin": 0.1}, "need box_columns"),
        ({"box_square": True}, "need box_columns"),
        ({"box_columns": "a;b;c;d", "box_margin": -0.1}, "greater than or equal to 0"),
    ],
)
def test_parameters_of_boxes_must_fit_together(parameters, message):
    with pytest.raises((ValidationError, ValueError), match=message):
        ImageTableSource.of(path="t.csv", **parameters)


def test_the_limit_counts_boxes(folder, tmp_path):
    table = rows(*(("a.png", "xy"[i % 2], i, 0, i + 8, 8) for i in range(20)))
    reading = read_table(folder, tmp_path, table, limit=6)
    assert reading.table["label"].value_counts().to_dict() == {"x": 3, "y": 3}


DATA = Path(os.environ.get("FOLDWISE_DATA", "/nonexistent"))


@pytest.mark.real_data
@pytest.mark.skipif(
    not (DATA / "bccd_detection.tar.gz").exists(), reason="FOLDWISE_DATA has no BCCD"
)
def test_blood_cells_are_cut_out_of_their_archive(tmp_path):
    archive = DATA / "bccd_detection.tar.gz"
    boxes = ("xmin", "ymin", "xmax", "ymax")
    reading = read(
        tmp_path,
        path=archive,
        table="bccd/boxes.csv",
        image_folder="bccd/images",
        path_column="image",
        box_columns=boxes,
        box_margin=0.05,
        box_square=True,
        image_size=32,
    )
    assert reading.x.shape == (4886, 3, 32, 32)
    counts = reading.table["label"].value_counts().to_dict()
    assert counts == {"RBC": 4153, "WBC": 372, "Platelets": 361}
    assert reading.table["group"].nunique() == 364
    assert [bad.reason.split("'")[1] for bad in reading.bad_files] == [
        "BloodImage_00338.jpg",
        "BloodImage_00343.jpg",
    ]
    with np.load(DATA / "blood_cell_crops.npz", allow_pickle=False) as cut_before:
        cut, labels = cut_before["x"], cut_before["classes"][cut_before["y"]]
    assert reading.table["label"].tolist() == labels.tolist()
    crops = reading.x.transpose(0, 2, 3, 1)
    assert np.abs(crops.astype(int) - cut).mean(axis=(1, 2, 3)).max() < 3  # it took Lanczos
    with tarfile.open(archive) as tar:
        for i in range(0, 4886, 500):
            name, _, edges = reading.table["sample_id"][i].partition("#")
            image = Image.open(tar.extractfile(f"bccd/images/{name}"))
            crop = image.crop(crop_window(tuple(map(float, edges.split(","))), 0.05, True))
            expected = crop.resize((32, 32), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(crops[i], expected)
            expected = crop.resize((32, 32), Image.Resampling.LANCZOS)
            np.testing.assert_array_equal(cut[i], expected)
