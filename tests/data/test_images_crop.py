"""What is cut out of a picture for a box, and that the picture is decoded once for all of them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foldwise.data.images import workers
from foldwise.data.images.crop import Window, crop_window, cut
from foldwise.data.images.decode import ImageSpec
from foldwise.data.images.pack import pack_images
from foldwise.data.images.store import FolderStore

EDGES = st.integers(-12, 24)


def picture(seed, shape=(9, 13)):
    return np.random.default_rng(seed).integers(1, 256, shape, dtype=np.uint8)


@given(
    st.tuples(EDGES, st.integers(1, 20)),
    st.tuples(EDGES, st.integers(1, 20)),
    st.sampled_from([(9, 13), (9, 13, 3)]),
)
def test_a_window_is_cut_as_pillow_cuts_it(x, y, shape):
    window = Window(x[0], y[0], sum(x), sum(y))
    pixels = picture(0, shape)
    np.testing.assert_array_equal(cut(pixels, window), Image.fromarray(pixels).crop(window))


@given(EDGES, EDGES, st.integers(1, 50), st.integers(1, 50))
def test_a_window_without_a_margin_is_the_box(left, upper, width, height):
    box = (left, upper, left + width, upper + height)
    assert crop_window(box, 0.0, is_square=False) == box


@given(EDGES, EDGES, st.floats(0.1, 50), st.floats(0.1, 50), st.floats(0, 2), st.booleans())
def test_a_margin_is_added_on_each_side(left, upper, width, height, margin, is_square):
    window = crop_window((left, upper, left + width, upper + height), margin, is_square)
    across, down = (max(width, height),) * 2 if is_square else (width, height)
    x, y = left + width / 2, upper + height / 2
    expected = [
        x - across / 2 - margin * across,
        y - down / 2 - margin * down,
        x + across / 2 + margin * across,
        y + down / 2 + margin * down,
    ]
    np.testing.assert_allclose(window, expected, rtol=0, atol=0.5 + 1e-6)


@pytest.fixture
def files(tmp_path):
    for i in range(4):
        Image.fromarray(picture(i)).save(tmp_path / f"{i}.png")
    (tmp_path / "2.png").write_bytes(b"no picture")
    return tmp_path


def entries():
    """Return three boxes in each of four pictures, 4 x 4 pixels."""
    return [[f"{i}.png", [j, i, j + 4, i + 4]] for i in range(4) for j in (0, 2, 4)]


@pytest.mark.parametrize("how", ["threads", "processes"])
def test_every_box_gets_its_row(files, tmp_path, how, monkeypatch):
    monkeypatch.setattr(workers, "MIN_FILES_FOR_PROCESSES", 1 if how == "processes" else 99)
    monkeypatch.setattr(workers, "_num_cores", lambda: 2)
    spec = ImageSpec(4, 4, "resize", 1, 10**6, box_margin=0.0)
    packed = pack_images(entries(), FolderStore(str(files)), spec, tmp_path / "x.npy")
    assert sorted(packed.result.bad) == [6, 7, 8]
    good = [entry for entry in entries() if entry[0] != "2.png"]
    expected = [Image.open(files / name).crop(box) for name, box in good]
    np.testing.assert_array_equal(packed.x[:, 0], [np.asarray(crop) for crop in expected])


@pytest.mark.parametrize("batch_files", [3, 4, 5, 7, 100])
def test_a_picture_is_read_once_for_all_its_boxes(files, tmp_path, batch_files, monkeypatch):
    monkeypatch.setattr(workers, "_batch_files", lambda *_: batch_files)
    reads = Counter()

    class CountingStore(FolderStore):
        def read(self, entry):
            reads[entry] += 1
            return super().read(entry)

    spec = ImageSpec(4, 4, "resize", 1, 10**6, box_margin=0.0)
    pack_images(entries(), CountingStore(str(files)), spec, tmp_path / "x.npy")
    assert reads == {f"{i}.png": 1 for i in range(4)}


def test_boxes_of_one_picture_may_fill_several_batches(files, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_batch_files", lambda *_: 2)
    spec = ImageSpec(4, 4, "resize", 1, 10**6, box_margin=0.0)
    boxes = [["0.png", [j, 0, j + 4, 4]] for j in range(7)]
    packed = pack_images(boxes, FolderStore(str(files)), spec, tmp_path / "x.npy")
    expected = [picture(0)[:4, j : j + 4] for j in range(7)]
    np.testing.assert_array_equal(packed.x[:, 0], expected)
