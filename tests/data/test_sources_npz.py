"""Arrays of every allowed layout and type become the same samples; others are refused by name."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.npz import NpzSource

GREY = np.random.default_rng(0).integers(0, 256, (6, 5, 7), dtype=np.uint8)  # (N, H, W)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)  # (N, H, W, C)
Y = np.array([0, 1, 0, 1, 1, 0])


@pytest.fixture
def read(tmp_path):
    def read(parameters=None, **arrays):
        path = tmp_path / "data.npz"
        np.savez_compressed(path, **{"x": GREY, "y": Y, **arrays})
        return NpzSource.of(path=path, **(parameters or {})).read(tmp_path)

    return read


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (COLOUR, np.moveaxis(COLOUR, -1, 1)),
        (np.moveaxis(COLOUR, -1, 1), np.moveaxis(COLOUR, -1, 1)),
        (GREY.astype(np.int64), GREY[:, None]),
        (GREY.astype(np.float64), GREY[:, None]),
        ((COLOUR / 255).astype(np.float32), np.moveaxis(COLOUR, -1, 1)),
        (GREY > 127, np.where(GREY > 127, 255, 0)[:, None]),
        (np.asfortranarray(GREY), GREY[:, None]),
        (GREY.astype(">i2"), GREY[:, None]),
    ],
)
def test_layouts_and_types(read, x, expected):
    reading = read(x=x)
    assert reading.x.dtype == np.uint8
    assert reading.x.flags.c_contiguous
    np.testing.assert_array_equal(reading.x, expected)


def test_a_shape_that_could_be_either_needs_the_layout(read):
    x = np.arange(6 * 3 * 2 * 3).reshape(6, 3, 2, 3).astype(np.uint8)
    with pytest.raises(IngestError, match=r"\(6, 3, 2, 3\): two axes that could hold.*layout"):
        read(x=x)
    assert read({"layout": "NHWC"}, x=x).x.shape == (6, 3, 3, 2)
    assert read({"layout": "NCHW"}, x=x).x.shape == (6, 3, 2, 3)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (GREY[:, 0], r"key x has the shape \(6, 7\). Expected is \(N, H, W\)"),
        (GREY[:0], r"key x is empty: its shape is \(0, 5, 7\)"),
        (np.zeros((6, 5, 7, 4), np.uint8), "no axis that could hold the channels"),
        (np.full((6, 5, 7), 256), "row 0 holds 256; 6 of 6 rows.*0..1 or 0..255"),
        (GREY.astype(float) - 300, "row 0 holds -"),
        (GREY.astype(str), "key x has the type <U3. Allowed: uint8"),
        (GREY.astype(complex), "key x has the type complex128"),
        (GREY.astype(object), "key x: an array of Python objects, which is never unpickled"),
    ],
)
def test_what_is_no_image_is_refused(read, x, message):
    with pytest.raises(IngestError, match=message):
        read(x=x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named_by_row(read, value):
    x = GREY / 255
    x[2, 3, 4] = x[4, 0, 0] = value
    with pytest.raises(IngestError, match=f"key x: row 2 holds {value}; 2 of 6 rows"):
        read(x=x)


@pytest.mark.parametrize(
    ("y", "classes", "labels", "names"),
    [
        ([10, 9, 10, 9, 9, 2], None, ["10", "9", "10", "9", "9", "2"], ("2", "9", "10")),
        (list("babaab"), None, list("babaab"), ("a", "b")),
        ([0, 1, 0, 1, 1, 0], ["z", "a"], list("zazaaz"), ("z", "a")),
        (list("babaab"), ["b", "a"], list("babaab"), ("b", "a")),
        (np.array(list("babaab"), "S"), None, list("babaab"), ("a", "b")),
        (["a\u0308", "b"] * 3, ["b", "\u00e4"], ["\u00e4", "b"] * 3, ("b", "\u00e4")),
        (np.array([7, 8] * 3, np.uint8), None, ["7", "8"] * 3, ("7", "8")),
    ],
)
def test_labels(read, y, classes, labels, names):
    arrays = {} if classes is None else {"classes": np.array(classes)}
    reading = read(y=np.array(y), **arrays)
    assert reading.table["label"].tolist() == labels
    assert reading.classes == names


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": Y[:5]}, "x has 6 rows, but y has 5"),
        ({"group": np.arange(7)}, "x has 6 rows, but group has 7"),
        ({"y": np.eye(6)}, r"key y has the shape \(6, 6\); expected is \(N,\)"),
        ({"y": Y.astype(float)}, "key y has the type float64. Allowed: integers or strings"),
        ({"y": Y.astype(object)}, "key y: an array of Python objects"),
        ({"y": np.array(["a", " "] * 3)}, "key y: row 1 is blank, as 3 of 6"),
        ({"y": np.array([b"\xff"] * 6)}, "key y holds bytes that are not UTF-8"),
        ({"classes": np.array(["a"])}, r"row 1 is '1', and 3 of 6 rows.*Allowed: 0..0"),
        ({"y": Y - 1, "classes": np.array(["a", "b"])}, "row 0 is '-1', and 3 of 6"),
        (
            {"y": np.array(list("abcabc")), "classes": np.array(["a", "b"])},
            "row 2 is 'c', and 2 of 6 rows are not among the classes. Allowed: 'a', 'b'",
        ),
        ({"classes": np.array(["a", "a"])}, "key classes names a class twice"),
        ({"classes": np.array([["a", "b"]])}, r"key classes has the shape \(1, 2\)"),
        ({"group": np.array(["g", ""] * 3)}, "key group: row 1 is blank"),
        ({"group": np.full(6, np.nan)}, "key group has the type float64"),
    ],
)
def test_keys_that_do_not_fit_are_refused(read, arrays, message):
    with pytest.raises(IngestError, match=message):
        read(**arrays)


def test_groups_become_strings(read):
    assert "group" not in read().table
    assert read(group=np.array([3, 3, 1, 1, 2, 2])).table["group"].tolist() == list("331122")
    assert read(group=np.array(["ä", "b"] * 3)).table["group"].tolist() == ["ä", "b"] * 3


def test_ids_are_row_numbers(read):
    assert read().table["sample_id"].tolist() == [f"row_00000{i}" for i in range(6)]


def test_images_are_resized_on_demand(read):
    assert read({"image_size": [4, 9]}, x=COLOUR).x.shape == (6, 3, 4, 9)
    assert read({"image_size": 4}).size_policy == "resize"
    assert read().size_policy == "none"


def test_a_class_without_a_row_is_an_error(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=GREY, y=Y, classes=np.array(["a", "b", "none of us"]))
    with pytest.raises(IngestError, match="the classes 'none of us' have no sample"):
        ingest(IngestConfig.of(source={"kind": "npz", "path": path}), tmp_path / "samples")


def test_missing_keys_are_named_with_the_keys_found(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, images=GREY, y=Y)
    with pytest.raises(
        IngestError, match=r"no key 'x'; found are the keys 'images', 'y'\. Expected"
    ):
        NpzSource(path=path).read(tmp_path)


def test_other_keys_are_not_looked_at(read):
    assert len(read(extra=np.array([object()], dtype=object)).table) == 6


def test_files_that_are_no_npz_are_refused(tmp_path):
    with pytest.raises(IngestError, match=r"gone.npz' does not exist"):
        NpzSource(path=tmp_path / "gone.npz").read(tmp_path)
    (tmp_path / "x.csv").write_text("a,b")
    for path in (tmp_path, tmp_path / "x.csv"):
        with pytest.raises(IngestError, match=r"is not an \.npz or \.npy file"):
            NpzSource(path=path).read(tmp_path)


def test_damage_is_an_error(read, tmp_path):
    read()
    path = tmp_path / "data.npz"
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            reading = NpzSource(path=path).read(tmp_path)
        except IngestError:
            continue
        np.testing.assert_array_equal(reading.x[:, 0], GREY)  # only time stamps and the like


def test_an_archive_that_unpacks_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((300, 100, 100), np.uint8), y=np.zeros(300, int))
    assert path.stat().st_size < 10_000
    with pytest.raises(IngestError, match=r"unpacks to 300\d+ bytes, but .*max_bytes=1000000"):
        NpzSource(path=path, max_bytes=1_000_000).read(tmp_path)


def test_an_array_header_that_lies_about_its_size_is_refused(tmp_path):
    path = tmp_path / "lie.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 10000, 10000), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
        archive.writestr("y.npy", b"")
    with pytest.raises(IngestError, match="key x is damaged"):
        NpzSource(path=path).read(tmp_path)


@pytest.fixture
def read_npy(tmp_path):
    def read_npy(x, y, **parameters):
        for name, array in {"images.npy": x, "labels.npy": y}.items():
            np.save(tmp_path / name, array, allow_pickle=True)
        paths = {"path": tmp_path / "images.npy", "labels": tmp_path / "labels.npy"}
        return NpzSource.of(**paths, **parameters).read(tmp_path)

    return read_npy


@pytest.mark.parametrize("x", [GREY, GREY / 255, np.asfortranarray(GREY)])
def test_an_npy_with_labels_in_another(read_npy, tmp_path, x):
    reading = read_npy(x, np.array(list("babaab")))
    np.testing.assert_array_equal(reading.x[:, 0], GREY)
    assert reading.table["label"].tolist() == list("babaab")
    assert Path(reading.x.filename) == tmp_path / "x.npy"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (GREY, Y[:5], "x has 6 rows, but y has 5"),
        (GREY, Y.astype(float), r"labels.npy' has the type float64"),
        (GREY, Y.astype(object), r"labels.npy': an array of Python objects"),
        (GREY.astype(object), Y, r"images.npy': an array of Python objects"),
        (GREY[:, 0], Y, r"images.npy' has the shape \(6, 7\)"),
    ],
)
def test_npy_files_that_do_not_fit_are_refused(read_npy, x, y, message):
    with pytest.raises(IngestError, match=message):
        read_npy(x, y)


def test_labels_belong_to_an_npy_only(tmp_path):
    np.savez(tmp_path / "data.npz", x=GREY, y=Y)
    np.save(tmp_path / "images.npy", GREY)
    with pytest.raises(IngestError, match=r"labels is for an \.npy file"):
        NpzSource(path=tmp_path / "data.npz", labels=tmp_path / "images.npy").read(tmp_path)
    with pytest.raises(IngestError, match="labels is missing"):
        NpzSource(path=tmp_path / "images.npy").read(tmp_path)
    with pytest.raises(IngestError, match=r"source.labels: .*gone.npy' does not exist"):
        NpzSource(path=tmp_path / "images.npy", labels=tmp_path / "gone.npy").read(tmp_path)


def test_a_truncated_npy_is_refused(read_npy, tmp_path):
    read_npy(GREY, Y)
    whole = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "images.npy").write_bytes(whole[:-1])
    with pytest.raises(IngestError, match=r"images.npy' is damaged"):
        NpzSource(path=tmp_path / "images.npy", labels=tmp_path / "labels.npy").read(tmp_path)


def test_a_limit_keeps_the_share_of_each_class(read_npy):
    x = np.arange(200, dtype=np.uint8).repeat(4).reshape(200, 2, 2)
    y = np.where(np.arange(200) < 150, "common", "rare")
    reading = read_npy(x, y, limit=40)
    assert reading.table["label"].value_counts().to_dict() == {"common": 30, "rare": 10}
    ids = [f"row_{i:06d}" for i in reading.x[:, 0, 0, 0]]
    assert reading.table["sample_id"].tolist() == ids


SERIES = np.random.default_rng(2).normal(size=(6, 5, 3))
SERIES[2, 0, 1] = np.nan  # a missing value


@pytest.mark.parametrize(
    ("modality", "x", "expected"),
    [
        ("series", SERIES, SERIES),
        ("series", SERIES[:, :, 0], SERIES[:, :, :1]),
        ("table", SERIES[:, 0], SERIES[:, 0]),
        ("table", Y[:, None] > 0, Y[:, None]),
    ],
)
@pytest.mark.parametrize("is_npy", [False, True])
def test_series_and_tables(read, read_npy, modality, x, expected, is_npy):
    reading = read_npy(x, Y, modality=modality) if is_npy else read({"modality": modality}, x=x)
    assert reading.modality == modality
    assert reading.x.dtype == np.float32
    np.testing.assert_array_equal(reading.x, expected.astype(np.float32))
    assert [feature.name for feature in reading.features] == [
        f"x{i}" for i in range(expected.shape[-1])
    ]


@pytest.mark.parametrize(
    ("modality", "x", "message"),
    [
        ("series", SERIES[:, 0, 0], r"has the shape \(6,\). Expected is \(N, T, F\) or \(N, T\)"),
        ("table", SERIES, r"has the shape \(6, 5, 3\). Expected is \(N, F\), not empty"),
        ("table", SERIES[:, 0].astype(str), "has the type <U"),
        ("table", np.where(SERIES[:, 0] == SERIES[4, 0, 1], np.inf, 0), "row 4 holds a value"),
        ("table", np.full((6, 2), 1e300), "row 0 holds .* too large for 32 bits"),
    ],
)
def test_what_is_no_series_or_table_is_refused(read, modality, x, message):
    with pytest.raises(IngestError, match=message):
        read({"modality": modality}, x=x)


def test_series_have_no_image_size():
    with pytest.raises(ValidationError, match="are for images, but modality=series"):
        NpzSource.of(path="x.npz", modality="series", image_size=8)
