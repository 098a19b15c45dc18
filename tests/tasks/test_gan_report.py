import re

import numpy as np
import pytest
from made_gan_scores import CLASSES, gan_scores, generator_scores, pictures

from foldwise.tasks.gan_figures import (
    class_grid_figure,
    interpolation_figure,
    loss_figure,
    pair_figure,
)
from foldwise.tasks.gan_report import render_gan_report
from foldwise.tasks.gan_verdict import gan_verdict

SERIES = {"shape": (30, 2), "dtype": np.float32}


def test_the_page_says_first_whether_the_generator_is_any_good():
    scores = gan_scores(generator_scores(missing=CLASSES[:1]))
    page = render_gan_report(scores, provenance={"Hashes": {"weights": "abc"}})
    verdict = gan_verdict(scores)
    assert page.index(verdict.headline) < page.index("<svg") < page.index("Hashes")
    assert page.index(verdict.headline) < page.index("All measures")
    assert "&lt;b&gt;cat&lt;/b&gt;" in page
    assert "<b>cat</b>" not in page
    assert page.count("data:image/png") == 3
    assert not re.findall(r"https?://(?!www\.w3\.org)", page)


def test_the_page_of_the_same_scores_is_the_same():
    pages = {render_gan_report(gan_scores(), provenance={}) for _ in range(2)}
    assert len(pages) == 1


def test_several_generators_stand_side_by_side():
    page = render_gan_report(
        gan_scores(generator_scores(), generator_scores(fold=1)), provenance={}
    )
    assert "fold 0" in page
    assert "fold 1" in page


def test_series_have_a_page_too():
    scores = gan_scores(generator_scores(**SERIES), modality="series")
    assert "data:image/png" in render_gan_report(scores, provenance={})


def test_both_losses_are_on_one_axis():
    axes = loss_figure(generator_scores().history).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_array_equal(lines["generator"], [1, 2, 3])
    np.testing.assert_array_equal(lines["discriminator"], [2, 1, 0])


def test_diversity_is_drawn_where_it_was_looked_at():
    axes = loss_figure(generator_scores().history).axes[1]
    points = [line.get_xdata() for line in axes.lines if "diversity" in line.get_label()]
    np.testing.assert_array_equal(points, [[1]])


def test_rows_show_real_samples_left_and_generated_ones_right():
    found = pictures()
    sheet = np.asarray(class_grid_figure(found, "image").axes[0].images[0].get_array())
    # Four pictures of 5 px with a gap of 1 px, then a gap of 2 px, then as many generated ones.
    np.testing.assert_array_equal(sheet[:6, :5, 0], found.real[0][0, 0])
    np.testing.assert_array_equal(sheet[:6, 26:31, 0], found.generated[0][0, 0])
    assert (sheet[7:13, 26:] == 255).all(), "nothing was generated of the second class"


@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 9, 9), (2, 4, 7)])
def test_pictures_of_any_channels_and_sides_are_drawn(shape):
    found = pictures(shape)
    for draw in (class_grid_figure, interpolation_figure, pair_figure):
        draw(found, "image").canvas.draw()


def test_of_series_the_lines_are_the_samples():
    found = pictures(**SERIES)
    figure = class_grid_figure(found, "series")
    real, generated = figure.axes[:2]
    np.testing.assert_array_equal(real.lines[0].get_ydata(), found.real[0][0][:, 0])
    np.testing.assert_array_equal(generated.lines[0].get_ydata(), found.generated[0][0][:, 0])


def test_whoever_cannot_see_the_losses_is_told_what_they_show():
    page = render_gan_report(gan_scores(), provenance={})
    assert "Losses of generator and discriminator by epoch" in page


def test_missing_classes_are_said_to_come_first_where_there_are_some():
    told = "Classes that are missing come first."
    assert told not in render_gan_report(gan_scores(), provenance={})
    missing = gan_scores(generator_scores(missing=CLASSES[1:2]))
    assert told in render_gan_report(missing, provenance={})
