"""A tree of images becomes the same samples on every disk, or an error that says why not."""

import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reversed_listing import reverse_listing

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.image_folder import ImageFolderSource


def add_image(path, seed=0, mode="L", size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    Image.fromarray(pixels, mode).save(path)


SCRATCH = []


def without_time(table):
    return table.drop(columns="file_time")  # a copy is younger


@pytest.fixture(autouse=True)
def _scratch(tmp_path_factory):
    SCRATCH.append(tmp_path_factory.mktemp("scratch"))


@pytest.fixture(autouse=True)
def _no_code_hash(monkeypatch):
    # It is tested elsewhere, and takes longer than everything here.
    monkeypatch.setattr("foldwise.data.input_fingerprint.code_hash", lambda module: module)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "pictures"
    names = [
        "cats/2.png",
        "cats/10.PNG",
        "cats/deep/er/1.bmp",
        "dogs/ä ß.png",
        "Äpfel und $/x 1.tif",
    ]
    for seed, name in enumerate(names):
        add_image(root / name, seed)
    return root


def read(root, **parameters):
    scratch = Path(tempfile.mkdtemp(dir=SCRATCH[-1]))
    return ImageFolderSource.of(path=root, **{"image_size": 8, **parameters}).read(scratch)


def ingest_tree(root, on_bad_file="error", **parameters):
    source = {"kind": "image_folder", "path": root, "image_size": 8, **parameters}
    folder = Path(tempfile.mkdtemp(dir=SCRATCH[-1])) / "samples"
    return ingest(IngestConfig.of(source=source, on_bad_file=on_bad_file), folder)


def test_classes_are_folders_and_ids_are_paths_in_code_point_order(tree):
    reading = read(tree)
    assert reading.classes == ("cats", "dogs", "Äpfel und $")
    assert reading.table["sample_id"].tolist() == [
        "cats/10.PNG",
        "cats/2.png",
        "cats/deep/er/1.bmp",
        "dogs/ä ß.png",
        "Äpfel und $/x 1.tif",
    ]
    assert reading.table["label"].tolist() == ["cats"] * 3 + ["dogs", "Äpfel und $"]
    assert reading.table["meta_height"].tolist() == [6] * 5
    assert reading.table["meta_width"].tolist() == [8] * 5
    assert reading.bad_files == ()


def test_pixels_are_those_of_the_file(tree):
    reading = read(tree, image_size=[6, 8])
    assert reading.x.shape == (5, 1, 6, 8)
    for i, sample_id in enumerate(reading.table["sample_id"]):
        np.testing.assert_array_equal(reading.x[i, 0], np.asarray(Image.open(tree / sample_id)))


def test_the_order_of_creation_the_place_and_the_locale_do_not_matter(tree, tmp_path, monkeypatch):
    expected = ingest_tree(tree).samples
    files = [path for path in tree.rglob("*") if path.is_file()]
    for seed in range(4):
        random.Random(seed).shuffle(files)
        copy = tmp_path / f"copy {seed}"
        for path in files:
            target = copy / path.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        monkeypatch.setenv("LC_ALL", ["C", "sv_SE.UTF-8"][seed % 2])
        found = ingest_tree(copy).samples
        assert found.content_hash == expected.content_hash
        np.testing.assert_array_equal(found.x, expected.x)
        assert without_time(found.table).equals(without_time(expected.table))


def test_the_listing_order_of_the_disk_does_not_matter(tree, monkeypatch):
    expected = read(tree).table
    reverse_listing(monkeypatch)
    assert read(tree).table.equals(expected)


def test_decomposed_names_are_composed(tmp_path):
    add_image(tmp_path / "a\u0308" / "o\u0308.png")
    add_image(tmp_path / "b" / "1.png")
    table = read(tmp_path).table
    assert table["sample_id"].tolist() == ["b/1.png", "\u00e4/\u00f6.png"]
    assert table["label"].tolist() == ["b", "\u00e4"]


def test_names_that_differ_by_normalisation_only_are_bad(tree):
    add_image(tree / "dogs" / "a\u0308 ß.png", seed=9)
    with pytest.raises(IngestError, match=r"dogs/ä ß\.png: another file has the same name"):
        ingest_tree(tree)


def test_a_name_that_is_not_unicode_is_bad(tree):
    add_image(tree / "dogs" / os.fsdecode(b"\xff.png"))
    found = ingest_tree(tree, on_bad_file="skip")
    path, reason = found.skipped_files.iloc[0]
    assert path == r"dogs/\udcff.png"
    assert reason == "its name is not valid Unicode"
    assert len(found.samples) == 5


@pytest.mark.parametrize(
    ("modes", "channels", "expected"),
    [
        (["L", "L"], "auto", 1),
        (["L", "RGB"], "auto", 3),
        (["RGB", "RGB"], "auto", 3),
        (["RGB", "L"], 1, 1),
        (["L", "L"], 3, 3),
    ],
)
def test_channels(tmp_path, modes, channels, expected):
    for seed, mode in enumerate(modes):
        add_image(tmp_path / str(seed) / "x.png", seed, mode, size=(8, 8))
    reading = read(tmp_path, channels=channels)
    assert reading.x.shape == (2, expected, 8, 8)
    for i, mode in enumerate(modes):
        image = Image.open(tmp_path / str(i) / "x.png").convert("L" if expected == 1 else "RGB")
        pixels = np.asarray(image).reshape(8, 8, expected)
        np.testing.assert_array_equal(reading.x[i], np.moveaxis(pixels, -1, 0), str(mode))


@pytest.mark.parametrize("policy", ["resize", "center_crop", "pad"])
def test_mixed_sizes_come_to_one(tmp_path, policy):
    for seed, size in enumerate([(3, 50), (64, 64), (200, 7)]):
        add_image(tmp_path / "ab"[seed % 2] / f"{seed}.png", seed, size=size)
    reading = read(tmp_path, image_size=[10, 12], size_policy=policy)
    assert reading.x.shape == (3, 1, 10, 12)
    assert reading.size_policy == policy
    assert reading.table["meta_width"].tolist() == [3, 200, 64]


def test_other_and_hidden_files_are_passed_over_and_counted(tree, caplog):
    (tree / "dogs" / "notes.txt").write_text("no image")
    (tree / "Thumbs.db").write_text("")
    add_image(tree / "dogs" / ".hidden.png")
    add_image(tree / ".cache" / "x.png")
    add_image(tree / "__MACOSX" / "cats" / "x.png")
    add_image(tree / "loose.png")
    caplog.set_level("INFO")
    reading = read(tree)
    assert len(reading.table) == 5
    assert reading.classes == ("cats", "dogs", "Äpfel und $")
    assert "Passed over 3 hidden files or files of other kinds" in caplog.text
    assert "Passed over 1 images that lie outside the class folders" in caplog.text


def test_a_path_one_level_too_high_is_warned_of(tmp_path, caplog):
    for name in ("images/cat/1.png", "images/dog/1.png", "masks/cat/1.png"):
        add_image(tmp_path / name)
    read(tmp_path)
    assert "'images', 'masks': does ingest.source.path stand one level too high?" in caplog.text


def test_train_and_test_folders_become_the_official_split(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "valid/cat/2.png", "test/dog/3.png"):
        add_image(tmp_path / name)
    samples = ingest_tree(tmp_path).samples
    assert samples.classes == ("cat", "dog")
    assert dict(zip(samples.table["sample_id"], samples.table["official_split"], strict=True)) == {
        "train/cat/1.png": "train",
        "train/dog/1.png": "train",
        "valid/cat/2.png": "val",
        "test/dog/3.png": "test",
    }


def test_train_and_test_folders_without_classes_are_refused(tmp_path):
    add_image(tmp_path / "train" / "1.png")
    add_image(tmp_path / "test" / "1.png")
    with pytest.raises(IngestError, match="'test', 'train', which look like an official split"):
        read(tmp_path)


def make_bad_files(root):
    (root / "cats" / "text.png").write_text("this is text")
    (root / "cats" / "empty.jpg").write_bytes(b"")
    add_image(root / "dogs" / "half.jpg", size=(99, 99))
    whole = (root / "dogs" / "half.jpg").read_bytes()
    (root / "dogs" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    add_image(root / "dogs" / "huge.png", size=(60, 60))


def test_bad_files_are_reported_together(tree):
    make_bad_files(tree)
    with pytest.raises(IngestError) as caught:
        ingest_tree(tree, max_pixels=3000)
    assert "4 files or rows of ingest.source.path cannot be read" in str(caught.value)
    for line in (
        "  cats/empty.jpg: empty: it has no bytes",
        "  cats/text.png: not an image of an allowed format (BMP, GIF, ",
        "  dogs/half.jpg: 99 x 99 pixels, but max_pixels=3000",
        "  dogs/huge.png: 60 x 60 pixels, but max_pixels=3000",
    ):
        assert line in str(caught.value)
    with pytest.raises(IngestError, match=r"3 files(.|\n)*dogs/half.jpg: .*truncated"):
        ingest_tree(tree)


def test_bad_files_can_be_skipped(tree):
    expected = ingest_tree(tree).samples
    make_bad_files(tree)
    found = ingest_tree(tree, on_bad_file="skip", max_pixels=3000)
    assert found.samples.content_hash == expected.content_hash
    assert found.skipped_files["path"].tolist() == [
        "cats/empty.jpg",
        "cats/text.png",
        "dogs/half.jpg",
        "dogs/huge.png",
    ]
    assert found.skipped_files["reason"].str.len().min() > 0


def test_a_long_list_of_bad_files_is_cut(tree):
    for i in range(25):
        (tree / "cats" / f"bad{i:02d}.png").write_text("")
    with pytest.raises(IngestError, match="25 files") as caught:
        ingest_tree(tree)
    assert str(caught.value).count("empty: it has no bytes") == 20
    assert "... and 5 more" in str(caught.value)


def test_a_class_of_bad_files_only_is_an_error_even_when_skipping(tree):
    shutil.rmtree(tree / "dogs")
    (tree / "dogs").mkdir()
    (tree / "dogs" / "bad.png").write_text("")
    with pytest.raises(
        IngestError, match=r"classes 'dogs' have no sample .skipped: 1 file or row\)"
    ):
        ingest_tree(tree, on_bad_file="skip")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("outside/secret.png", "a link that leads out of the folder, to .*outside/secret.png"),
        ("outside", "a link that leads out of the folder"),
        ("pictures/cats", "a link to a folder; such links are not followed"),
        ("pictures/dogs/link.png", "a link to nothing or to itself"),
        ("nothing", "a link to nothing or to itself"),
    ],
)
def test_links_that_lead_astray_are_refused(tree, tmp_path, target, reason):
    add_image(tmp_path / "outside" / "secret.png")
    (tree / "dogs" / "link.png").symlink_to(tmp_path / target)
    with pytest.raises(IngestError, match=f"dogs/link.png: .*({reason})"):
        ingest_tree(tree)


def test_a_link_within_the_folder_and_a_link_as_the_folder_are_fine(tree, tmp_path):
    (tree / "dogs" / "link.png").symlink_to("../cats/2.png")
    (tmp_path / "linked").symlink_to(tree, target_is_directory=True)
    table = read(tmp_path / "linked").table
    assert "dogs/link.png" in table["sample_id"].tolist()


def test_a_pipe_is_refused_and_not_waited_for(tree):
    os.mkfifo(tree / "dogs" / "pipe.png")
    with pytest.raises(IngestError, match=r"dogs/pipe\.png: not a regular file"):
        ingest_tree(tree)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "has no sub-folders; directly in it are 0 images and 0 other files. Expected is"),
        (["1.png", "2.png", "a.txt"], "directly in it are 2 images and 1 other files"),
        (["only/1.png"], r"found 1 class \('only'\). Expected are at least 2"),
        (
            ["a/1.png", "b/readme.md", "c/"],
            "class folders 'b', 'c' hold no images.*ending in .bmp",
        ),
        (["train/a/1.png", "test/b/"], "class folders 'b' hold no images"),
    ],
)
def test_what_is_not_a_folder_per_class_is_an_error(tmp_path, files, message):
    for name in files:
        if name.endswith(".png"):
            add_image(tmp_path / name)
        elif name.endswith("/"):
            (tmp_path / name).mkdir(parents=True)
        else:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("")
    with pytest.raises(IngestError, match=message):
        ingest_tree(tmp_path)


def test_a_path_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(
        IngestError, match=r"ingest.source.path: '.*gone' does not exist. Expected is"
    ):
        read(tmp_path / "gone")
    add_image(tmp_path / "1.png")
    with pytest.raises(IngestError, match=r"'.*1.png' is no archive.*Expected is a folder, or a"):
        read(tmp_path / "1.png")


def test_a_folder_that_cannot_be_listed_is_named(tree, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "dogs":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        IngestError, match=r"source.path: '.*dogs' cannot be read .Permission denied"
    ):
        read(tree)


def test_home_is_expanded(tree, monkeypatch):
    monkeypatch.setenv("HOME", str(tree.parent))
    assert len(read("~/pictures").table) == 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"image_size": 0}, "image_size"),
        ({"image_size": [8, 8, 8]}, "image_size"),
        ({"size_policy": "stretch"}, "'resize', 'center_crop' or 'pad'"),
        ({"channels": 2}, "'auto', 1 or 3"),
        ({"max_pixels": 10**9}, "max_pixels"),
        ({"image_sise": 8}, "did you mean 'image_size'"),
    ],
)
def test_parameters_out_of_range_are_refused(tmp_path, parameters, message):
    with pytest.raises(ValueError, match=message):
        ImageFolderSource.of(path=tmp_path, **parameters)
