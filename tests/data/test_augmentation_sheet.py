import numpy as np
import pandas as pd
import pytest

from foldwise.data.augment import AugmentConfig
from foldwise.data.augmentation_rows import preview_rows, row_names
from foldwise.data.augmentation_sheet import MixedRow, augmentation_sheet


def table_and_plan():
    labels = list("aaaabbbbccccdddd")
    table = pd.DataFrame({"sample_id": [f"s{i:02}" for i in range(16)], "label": labels})
    plan = pd.DataFrame(
        {
            "repeat": 0,
            "fold": [0] * 12 + [1] * 4,
            "sample_id": [f"s{i:02}" for i in (15, 14, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13)]
            + ["s00", "s04", "s08", "s12"],
            "sampling_weight": 1.0,
            "loss_weight": 1.0,
        }
    )
    return table, plan


def test_the_preview_shows_training_samples_of_the_first_fold_from_every_class():
    table, plan = table_and_plan()

    rows = preview_rows(table, plan)

    assert rows.tolist() == [1, 5, 9, 13, 2, 6, 10, 14]


def test_the_preview_of_few_samples_shows_them_all():
    table, plan = table_and_plan()

    assert sorted(preview_rows(table, plan[plan["fold"] == 1])) == [0, 4, 8, 12]


def test_the_preview_of_a_regression_shows_targets_from_the_smallest_to_the_largest():
    table, plan = table_and_plan()
    targets = np.random.default_rng(0).permutation(16).astype(float)
    table = table.drop(columns="label").assign(target_1=targets, target_2=0.0)

    rows = preview_rows(table, plan)

    trained = [int(name[1:]) for name in plan.loc[plan["fold"] == 0, "sample_id"]]
    assert set(rows) <= set(trained)
    assert len(set(rows)) == 8
    assert (np.diff(targets[rows]) > 0).all()
    assert targets[rows[0]] == targets[trained].min()
    assert targets[rows[-1]] == targets[trained].max()
    assert row_names(table, rows[:2]) == [f"{targets[row]:.4g}" for row in rows[:2]]


def test_a_note_stands_below_all_pictures():
    images = np.zeros((2, 1, 12, 10), dtype=np.uint8)

    figure = augmentation_sheet(images, AugmentConfig(), seed=1, note="Not in force: $x$")

    (note,) = figure.texts
    assert note.get_text() == "Not in force: $x$"
    assert note.get_position()[1] < figure.axes[0].get_position().y0


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_sheet_shows_the_original_beside_eight_different_draws(channels):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (3, channels, 12, 10), dtype=np.uint8)

    figure = augmentation_sheet(images, AugmentConfig.of(shift=0.2, rotation=20), seed=1)

    (axes,) = figure.axes
    mosaic = np.asarray(axes.images[0].get_array())
    lefts = [1, *range(13, 101, 11)]  # one white pixel between pictures, two after the original
    tops = range(1, 40, 13)
    cells = np.stack([[mosaic[y : y + 12, x : x + 10] for x in lefts] for y in tops])
    assert mosaic.shape == (3 * 13 + 1, 9 * 11 + 2, 3)
    shown = images if channels == 3 else images.mean(1, keepdims=True).repeat(3, axis=1)
    np.testing.assert_allclose(cells[:, 0], np.moveaxis(shown, 1, -1) / 255, atol=1e-6)
    for row in cells:
        assert len({cell.tobytes() for cell in row}) == 9


def test_mixtures_come_in_rows_below_with_their_captions():
    images = np.zeros((3, 1, 12, 10), dtype=np.uint8)
    pictures = np.linspace(0, 0.9, 3, dtype=np.float32).reshape(3, 1, 1, 1)
    pictures = np.broadcast_to(pictures, (3, 1, 12, 10))
    row = MixedRow("MixUp", pictures, ("70% a", "60% b", "50% c"))

    figure = augmentation_sheet(images, AugmentConfig(), seed=1, mixed=[row, row])

    _, first, second = figure.axes
    assert first.get_position().y0 > second.get_position().y1
    mosaic = np.asarray(first.images[0].get_array())
    captions = {text.get_text(): text.get_position()[0] for text in first.texts}
    assert captions.keys() == {"MixUp", *row.captions}
    for level, caption in zip((0, 0.45, 0.9), row.captions, strict=True):
        assert mosaic[6, round(captions[caption])] == pytest.approx(level)  # right below it


def test_alternating_flips_are_shown_in_turn():
    image = np.arange(4, dtype=np.uint8).reshape(1, 1, 1, 4)

    figure = augmentation_sheet(image, AugmentConfig(horizontal_flip="alternating"), seed=1)

    mosaic = np.asarray(figure.axes[0].images[0].get_array())
    lefts = [1, *range(7, 47, 5)]
    rises = [bool(mosaic[1, x + 3, 0] > mosaic[1, x, 0]) for x in lefts]
    assert rises[0]
    assert rises[1:] == [rises[1], not rises[1]] * 4
