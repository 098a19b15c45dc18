"""The pictures of what an augmentation policy does to series, texts and tables."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from foldwise.data.augment import AugmentConfig, SeriesAugmentConfig, TokenAugmentConfig
from foldwise.data.augmentation_note import policy_note
from foldwise.data.samples import Samples
from foldwise.data.series_augmentation_sheet import (
    series_augmentation_sheet,
    standardised_series,
)
from foldwise.data.table_augmentation_sheet import table_augmentation_sheet
from foldwise.data.token_augmentation_sheet import token_augmentation_sheet


def series_of(lengths, num_channels=1):
    mask = np.arange(max(lengths)) < np.array(lengths)[:, np.newaxis]
    values = np.random.default_rng(0).standard_normal((*mask.shape, num_channels))
    return np.concatenate([values * mask[..., None], mask[..., None]], axis=2, dtype=np.float32)


def lines_of(axes):
    return [line.get_ydata() for line in axes.lines]


def test_a_series_is_shown_to_its_end_first_as_it_is_then_under_four_draws():
    series = series_of((20, 9))

    figure = series_augmentation_sheet(series, SeriesAugmentConfig(jitter=0.1), 1, ["a", "b"])

    panels = np.array(figure.axes).reshape(2, 5)
    for row, length in enumerate((20, 9)):
        original = series[row, :length, 0]
        (first,) = lines_of(panels[row, 0])
        np.testing.assert_array_equal(first, original)
        draws = []
        for panel in panels[row, 1:]:
            behind, draw = lines_of(panel)
            np.testing.assert_array_equal(behind, original)
            draws.append(draw)
        assert len({draw.tobytes() for draw in draws}) == 4
        np.testing.assert_allclose(draws, np.tile(original, (4, 1)), atol=0.6)


def test_the_first_three_channels_are_shown_in_the_colours_of_their_names():
    names = ["x", "y", "z", "temperature", "load"]

    figure = series_augmentation_sheet(
        series_of((12,), 5), SeriesAugmentConfig(), 1, ["a"], names, "In force: nothing."
    )

    colours = {text.get_text(): to_hex(text.get_color()) for text in figure.texts}
    drawn = [to_hex(line.get_color()) for line in figure.axes[0].lines]
    assert drawn == [colours[name].lower() for name in "xyz"]
    assert "2 more not shown" in colours
    assert "temperature" not in colours
    assert any(text.startswith("In force: nothing.") for text in colours)


def test_series_are_standardised_by_training_rows_with_gaps_at_the_mean():
    x = np.random.default_rng(1).normal(5, 3, (8, 30, 2)).astype(np.float32)
    lengths = np.array([30, 20, 30, 10, 30, 30, 30, 30])
    x[np.arange(30) >= lengths[:, np.newaxis]] = 0
    x[6:] *= 100  # no training rows
    x[1, 4, 1] = np.nan
    table = pd.DataFrame({"sample_id": list("abcdefgh"), "label": "a", "length": lengths})
    samples = Samples(x=x, table=table, classes=("a",), modality="series")

    found = standardised_series(samples, np.arange(6), np.array([1, 3]))

    steps = np.concatenate([x[i, : lengths[i]] for i in range(6)]).astype(np.float64)
    expected = (x[1, :20] - np.nanmean(steps, axis=0)) / np.nanstd(steps, axis=0)
    expected[4, 1] = 0
    np.testing.assert_allclose(found[0, :20, :-1], expected, atol=1e-5)
    assert found[..., -1].sum(1).tolist() == [20, 10]
    assert not found[1, 10:].any()


def texts_and_lines(figure):
    """Return the lines of texts, without what stands beside and above them."""
    return [text.get_text() for text in figure.texts if text.get_family() == ["monospace"]]


def test_a_text_is_shown_as_it_is_then_in_three_draws():
    x = np.array([[1, 2, 3, 4, 5, 1], [4, 4, 0, 0, 0, 0]], dtype=np.int32)
    tokens = ("", "go", "until", "point", "crazy", "$")

    figure = token_augmentation_sheet(
        x, tokens, TokenAugmentConfig(masking=0.9), 1, ["ham", "spam"], "A note."
    )

    lines = texts_and_lines(figure)
    assert lines[0] == "go until point crazy $ go"
    assert lines[4] == "crazy crazy"
    for line in lines[1:4]:
        words = line.split(" ")
        assert len(words) == 6
        assert "□" in words
        assert all(a in ("□", b) for a, b in zip(words, lines[0].split(" "), strict=True))
    written = [text.get_text() for text in figure.texts]
    assert {"ham", "spam", "A note.", "□ is the unknown token"} <= set(written)


@pytest.mark.parametrize("policy", [{"swap": 1.0}, {"deletion": 0.5}])
def test_letters_stay_without_gaps_and_long_texts_are_cut(policy):
    letters = "abcdefgh"
    x = np.tile(np.arange(1, 9, dtype=np.int32), (1, 40))

    figure = token_augmentation_sheet(x, ("", *letters), TokenAugmentConfig(**policy), 1, ["text"])

    original, *draws = texts_and_lines(figure)
    assert original == (letters * 40)[:129] + "…"
    assert all(len(draw) == 130 and set(draw) == {*letters, "…"} for draw in draws)


def test_a_table_is_said_to_stay_as_it_is():
    figure = table_augmentation_sheet("In force: nothing.")

    first, second = figure.texts
    assert "not augmented" in first.get_text()
    assert second.get_text() == "In force: nothing."


def test_a_note_names_what_is_in_force_and_what_is_not():
    config = AugmentConfig.of(
        shift=0.1, mix={"mixup_alpha": 0.2}, series={"scaling": 0.1}, tokens={"swap": 0.3}
    )

    assert policy_note(config, "series") == (
        "In force: mix.mixup_alpha 0.2, series.scaling 0.1. "
        "Not in force, as the samples are series: tokens."
    )
    assert policy_note(config, "table").endswith("rows of a table: series, tokens.")
    assert policy_note(AugmentConfig(shift=0.1), "tokens") == "In force: nothing."
