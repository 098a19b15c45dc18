"""The colours of figures are told apart by people who do not see all of them."""

from itertools import combinations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from foldwise.tasks.figure_style import COLOURS

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
JUST_NOTICEABLE = 2.3  # of CIE differences


def linear(colour):
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def seen(colour, matrix):
    """The colour in CIELAB, as it is seen."""
    parts = np.clip(matrix @ linear(colour), 0, 1)
    encoded = np.where(parts <= 0.0031308, parts * 12.92, 1.055 * parts ** (1 / 2.4) - 0.055)
    return rgb2lab(encoded)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_any_two_colours_of_figures_are_told_apart(deficiency):
    matrix = DEFICIENCIES[deficiency]
    for first, second in combinations(COLOURS, 2):
        distance = deltaE_ciede2000(seen(first, matrix), seen(second, matrix))
        assert distance > 4 * JUST_NOTICEABLE, (first, second, distance)


def test_the_simulation_makes_red_and_green_alike_and_leaves_grey_grey():
    red, green = "#B03020", "#6B7A00"
    for name in ("protanopia", "deuteranopia"):
        matrix = DEFICIENCIES[name]
        alike = deltaE_ciede2000(seen(red, matrix), seen(green, matrix))
        apart = deltaE_ciede2000(seen(red, np.eye(3)), seen(green, np.eye(3)))
        assert alike < apart / 2
        assert np.abs(seen("#808080", matrix)[1:]).max() < 1


@pytest.mark.parametrize("ground", ["#ffffff", "#14181c"])
def test_colours_of_lines_stand_out_from_the_page_in_both_schemes(ground):
    """Figures are read by lines and marks as well; 2 is what the lightest of them reach."""
    for colour in COLOURS:
        values = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (colour, ground))
        assert (values[1] + 0.05) / (values[0] + 0.05) > 2, colour
