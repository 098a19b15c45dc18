import numpy as np
import pytest

from foldwise.tasks.explain.attribution_colours import coloured
from foldwise.tasks.explain.attribution_figure import image_figure, mosaic
from foldwise.tasks.explain.findings import ChosenSample, Explained
from foldwise.tasks.explain.token_figure import laid_out


def test_colours_tell_signs_by_hue_and_sizes_by_opacity():
    found = coloured(np.array([[2.0, -1.0, 0.0]]))[0]
    assert found[0, 0] > found[0, 2]  # more red than blue
    assert found[1, 0] < found[1, 2]
    np.testing.assert_allclose(found[:, 3], [1.0, 0.5, 0.0], atol=0.02)


def test_nothing_attributed_has_no_colour():
    assert not coloured(np.zeros((3, 3)))[..., 3].any()


def test_a_mosaic_holds_every_picture_in_its_place():
    pictures = [[np.full((4, 6, 3), 0.1 * (3 * i + j)) for j in range(3)] for i in range(2)]
    sheet, (down, across) = mosaic(pictures)
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            place = (slice(i * down, i * down + 4), slice(j * across, j * across + 6))
            np.testing.assert_array_equal(sheet[place], picture)
    assert sheet[4].min() == 1.0  # white between them


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_large_pictures_become_small_ones(channels):
    sample = ChosenSample("s $x$", 0, 0, 1, "a", "b", 1, 0.9, is_correct=False)
    content = np.zeros((800, 640, channels), np.uint8)
    found = Explained(sample, content, (), {"occlusion": np.zeros((800, 640))})
    figure = image_figure((found, found))
    (axes,) = figure.axes
    assert max(axes.images[0].get_array().shape) < 500
    texts = " ".join(text.get_text() for text in axes.texts)
    assert "a mistake" in texts
    assert r"s \$x\$" in texts


def test_words_are_broken_into_lines_and_letters_stand_together():
    assert laid_out(("ab", "c", "def")) == [(0, 0, 2), (0, 3, 1), (0, 5, 3)]
    assert laid_out(("A", "C", "G")) == [(0, 0, 1), (0, 1, 1), (0, 2, 1)]
    lines = [line for line, _, _ in laid_out(("word",) * 500)]
    assert max(lines) == 4
    assert len(lines) < 500
