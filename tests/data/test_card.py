"""The data card counts right, and the contact sheet can be drawn of anything."""

import io
import json
import warnings

import numpy as np
import pandas as pd
import pytest

from foldwise.data.card import data_card
from foldwise.data.contact_sheet import contact_sheet
from foldwise.data.samples import Samples

NOTHING_SKIPPED = pd.DataFrame({"path": [], "reason": []}, dtype="str")


def make_samples(counts, shape=(1, 6, 5), **columns):
    labels = [name for name, count in counts.items() for _ in range(count)]
    x = np.random.default_rng(0).integers(0, 256, (len(labels), *shape), dtype=np.uint8)
    table = pd.DataFrame({"sample_id": [str(i) for i in range(len(labels))], "label": labels})
    table["sha256"] = [f"hash {i // 2}" for i in range(len(labels))]
    missing = pd.Series([None] * len(labels), dtype="str")
    table = table.assign(**{"group": missing, "official_split": missing, **columns})
    return Samples(x, table, tuple(counts), size_policy="pad")


def test_the_card_counts_what_there_is():
    samples = make_samples(
        {"b": 6, "a": 2},
        group=list("xxyyzzzz"),
        official_split=["train"] * 5 + ["test"] * 3,
        meta_height=range(8),
        meta_width=10,
    )
    skipped = pd.DataFrame({"path": ["a/1.png"], "reason": ["empty"]})
    card = data_card(samples, skipped)
    assert card == json.loads(json.dumps(card))
    assert card["num_samples"] == 8
    assert card["num_distinct_samples"] == 4
    assert list(card["classes"].items()) == [("b", 6), ("a", 2)]
    assert card["imbalance_ratio"] == 3
    assert card["shape"] == [1, 6, 5]
    assert card["size_policy"] == "pad"
    assert card["num_groups"] == 3
    assert card["official_splits"] == {"test": 3, "train": 5}
    assert card["original_size"] == {
        "height": {"min": 0, "median": 3.5, "max": 7},
        "width": {"min": 10, "median": 10, "max": 10},
    }
    assert card["content_hash"] == samples.content_hash
    assert card["skipped_files"] == [{"path": "a/1.png", "reason": "empty"}]


def test_what_there_is_not_is_null():
    card = data_card(make_samples({"a": 1, "b": 1}), NOTHING_SKIPPED)
    assert card["num_groups"] is None
    assert card["official_splits"] is None
    assert card["original_size"] is None
    assert card["num_skipped_files"] == 0


@pytest.mark.parametrize("chunk_bytes", [1, 2**22])
def test_pixel_statistics_are_those_of_numpy(monkeypatch, chunk_bytes):
    monkeypatch.setattr("foldwise.data.card._CHUNK_BYTES", chunk_bytes)
    samples = make_samples({"a": 7, "b": 4}, shape=(3, 6, 5))
    pixels = data_card(samples, NOTHING_SKIPPED)["pixels_description_only"]
    scaled = samples.x / 255
    np.testing.assert_allclose(pixels["mean_per_channel"], scaled.mean(axis=(0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(pixels["std_per_channel"], scaled.std(axis=(0, 2, 3)), atol=1e-6)


def picture(samples):
    buffer = io.BytesIO()
    contact_sheet(samples).savefig(buffer, format="png", dpi=50)
    return buffer.getvalue()


def test_the_same_samples_give_the_same_picture():
    samples = make_samples({"a": 20, "b": 3})
    assert picture(samples) == picture(samples)


def test_each_class_is_a_row_of_its_own_samples():
    x = np.repeat(np.array([40, 200], np.uint8), 20)[:, None, None, None] * np.ones((1, 1, 8, 8))
    table = make_samples({"dark": 20, "bright": 20}).table
    samples = Samples(x.astype(np.uint8), table, ("dark", "bright"))
    axes = contact_sheet(samples).axes[0]
    strips = np.asarray(axes.images[0].get_array())[..., 0]
    half = len(strips) // 2
    assert set(np.unique(strips[:half])) == {40, 255}
    assert set(np.unique(strips[half:])) == {200, 255}
    assert (strips[:half] == 40).sum() == 8 * 8 * 8  # eight examples of 8 x 8 pixels
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dark (20)", "bright (20)"]


@pytest.mark.parametrize(
    ("counts", "shape"),
    [
        ({"$x_{$": 1, "%d {} \\": 9}, (3, 9, 9)),
        ({"line\nbreak\t\x00": 2, "n" * 300: 2}, (1, 9, 9)),
        ({f"class {i}": 1 + i % 3 for i in range(21)}, (1, 5, 5)),
        ({f"class {i}": 1 + i % 3 for i in range(200)}, (3, 4, 4)),
        ({"flat": 9, "b": 1}, (1, 3, 400)),
        ({"tall": 9, "b": 1}, (1, 400, 3)),
        ({"dot": 1, "b": 1}, (1, 1, 1)),
    ],
)
def test_anything_can_be_drawn_at_a_sensible_size(counts, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = contact_sheet(make_samples(counts, shape))
        figure.savefig(io.BytesIO(), format="png", dpi=30)
    width, height = figure.get_size_inches()
    assert 3 < width < 20
    assert 0.5 < height < 20
    assert len(figure.axes) <= 3


def test_of_many_classes_the_most_and_least_frequent_are_shown():
    counts = {f"c{i:03d}": 1 + i for i in range(100)}
    figure = contact_sheet(make_samples(counts, (1, 2, 2)))
    shown = [
        label.get_text().split()[0] for axes in figure.axes for label in axes.get_yticklabels()
    ]
    assert shown == [f"c{i:03d}" for i in [*range(30), *range(70, 100)]]
    assert "the 30 most frequent and the 30 rarest" in figure.texts[0].get_text()
