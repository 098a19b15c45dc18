"""Every kind of samples has a card that counts right and a picture that shows its data."""

import io
import json
import warnings

import numpy as np
import pandas as pd
import pytest

from foldwise.data.card import data_card
from foldwise.data.overview import overview
from foldwise.data.samples import Feature, Samples, read_samples, write_samples

NOTHING_SKIPPED = pd.DataFrame({"path": [], "reason": []}, dtype="str")
NUM = 30


def table_of(**columns):
    missing = pd.Series([None] * NUM, dtype="str")
    ids = [f"row_{i:06d}" for i in range(NUM)]
    first = {"sample_id": ids, "group": missing, "official_split": missing, "source": "made"}
    return pd.DataFrame({**first, "sha256": ids, **columns})


LABELS = {"label": ["$a_{$", "b"] * (NUM // 2)}


def series(num_features=1, **columns):
    x = np.random.default_rng(0).normal(size=(NUM, 12, num_features)).astype(np.float32)
    lengths = np.arange(NUM) % 8 + 5
    for row, length in enumerate(lengths):
        x[row, length:] = 0
    x[0, 1, 0] = np.nan
    features = tuple(Feature(name=f"channel {i}") for i in range(num_features))
    classes = ("$a_{$", "b") if "label" in columns else ()
    return Samples(
        x, table_of(length=lengths, **columns), classes, modality="series", features=features
    )


def numbers(**columns):
    x = np.random.default_rng(0).normal(size=(NUM, 3)).astype(np.float32)
    x[:, 2] = np.arange(NUM) % 3
    x[0] = np.nan
    features = (
        Feature(name="age", unit="years"),
        Feature(name="$w$"),
        Feature(name="sex", kind="categorical", categories=("F", "I", "M")),
    )
    classes = ("$a_{$", "b") if "label" in columns else ()
    return Samples(x, table_of(**columns), classes, modality="table", features=features)


def texts(tokens=("", "a", "b", "c")):
    lengths = np.arange(NUM) % 5 + 1
    x = np.random.default_rng(0).integers(1, 4, (NUM, 5)).astype(np.int32)
    x[np.arange(5) >= lengths[:, None]] = 0
    table = table_of(length=lengths, **LABELS)
    return Samples(x, table, ("$a_{$", "b"), modality="tokens", tokens=tokens)


EVERY_KIND = {
    "series": lambda: series(**LABELS),
    "series of five channels": lambda: series(5, **LABELS),
    "forecast": lambda: series(
        target_1=np.arange(NUM) / 2, target_2=np.ones(NUM), time=range(NUM), time_end=range(9, 39)
    ),
    "table": lambda: numbers(**LABELS),
    "regression": lambda: numbers(target=np.arange(NUM) / 7),
    "regression of one value": lambda: numbers(target=np.ones(NUM)),
    "text": texts,
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_survives_the_disk_with_its_hash(tmp_path, kind):
    samples = EVERY_KIND[kind]()
    write_samples(tmp_path / "samples", samples)
    read = read_samples(tmp_path / "samples")
    np.testing.assert_array_equal(read.x, samples.x)
    pd.testing.assert_frame_equal(read.table, samples.table)
    assert (read.features, read.tokens, read.modality) == (
        samples.features,
        samples.tokens,
        samples.modality,
    )
    assert read.content_hash == samples.content_hash
    assert read.task == ("classification" if "label" in samples.table else "regression")


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_can_be_drawn(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = overview(EVERY_KIND[kind]())
        figure.savefig(io.BytesIO(), format="png", dpi=40)
    width, height = figure.get_size_inches()
    assert 3 < width < 20
    assert 0.5 < height < 25


def test_a_line_ends_where_its_series_ends():
    samples = series(**LABELS)
    lines = [line for axes in overview(samples).axes for line in axes.get_lines()]
    assert len(lines) == 12  # six of each class
    values = {tuple(samples.x[row, :length, 0]) for row, length in enumerate(samples.lengths)}
    for line in lines:
        assert tuple(np.asarray(line.get_ydata())) in values or np.isnan(line.get_ydata()).any()


def test_the_shares_of_a_class_are_of_that_class():
    samples = numbers(**LABELS)
    bars = overview(samples).axes[2].containers
    for name, container in zip(samples.classes, bars, strict=True):
        rows = (samples.table["label"] == name).to_numpy() & ~np.isnan(samples.x[:, 2])
        expected = [(samples.x[rows, 2] == code).mean() for code in range(3)]
        np.testing.assert_allclose([bar.get_height() for bar in container], expected)


def test_words_are_shown_with_spaces():
    shown = [text.get_text() for text in overview(texts(("", "hello", "world", "again"))).texts]
    assert any(" " in text and "hello" in text for text in shown)
    letters = [
        text.get_text() for text in overview(texts()).texts if set("abc") >= set(text.get_text())
    ]
    assert letters


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_card_is_json(kind):
    card = data_card(EVERY_KIND[kind](), NOTHING_SKIPPED)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["num_samples"] == NUM


def test_the_card_describes_numbers_categories_and_targets():
    card = data_card(numbers(target=np.arange(NUM, dtype=float)), NOTHING_SKIPPED)
    assert card["targets"]["target"]["median"] == 14.5
    features = card["features_description_only"]
    assert features["age"]["num_missing"] == 1
    assert features["sex"] == {"categories": {"F": 9, "I": 10, "M": 10}, "num_missing": 1}


def test_the_card_of_series_looks_inside_their_length():
    samples = series(**LABELS)
    inside = np.concatenate([samples.x[i, :n, 0] for i, n in enumerate(samples.lengths)])
    card = data_card(samples, NOTHING_SKIPPED)
    described = card["channels_description_only"]["channel 0"]
    assert described["num_missing"] == 1
    assert described["median"] == pytest.approx(np.nanmedian(inside), rel=1e-4)
    assert card["length"] == {"min": 5, "max": 12}
