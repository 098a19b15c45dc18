import numpy as np
import pytest
import torch
from torch import nn

from foldwise.data.preprocessing import ImagePreprocessing, SeriesPreprocessing
from foldwise.errors import UserError
from foldwise.modules.sample_grid import sample_grid
from foldwise.modules.sampler import GeneratedValueError, Sampler

HALF = ImagePreprocessing(mean=(0.5,), std=(0.5,))


class Constant(nn.Module):
    """Makes of each latent number a picture, or a series, that is full of it."""

    latent_shape = (1,)

    def __init__(self, shape=(1, 2, 2)):
        super().__init__()
        self.factor, self.shape = nn.Parameter(torch.ones(())), shape

    def forward(self, latents, labels):
        return self.factor * latents.view(-1, *[1] * len(self.shape)).expand(-1, *self.shape)


def drawn(values, shape=(1, 2, 2), preprocessing=HALF):
    latents = np.array(values, np.float32)[:, None]
    return Sampler(Constant(shape), preprocessing).generate(np.zeros(len(values), int), latents)


def test_pictures_are_pixels():
    pixels = drawn([-1.0, 0.0, 1.0, 1.0005, 51 / 127.5 - 1])
    assert pixels.dtype == np.uint8
    assert pixels[:, 0, 0, 0].tolist() == [0, 128, 255, 255, 51]


def test_every_level_comes_back_as_it_was():
    levels = np.arange(256)
    assert drawn(levels / 255 * 2 - 1)[:, 0, 0, 0].tolist() == levels.tolist()


def test_series_are_in_the_users_units():
    fitted = SeriesPreprocessing(mean=(100.0, -2.0), std=(5.0, 0.5), missing="error")
    series = drawn([0.0, 2.0], (3, 2), fitted)
    assert series.dtype == np.float32
    np.testing.assert_allclose(series[0], [[100.0, -2.0]] * 3)
    np.testing.assert_allclose(series[1], [[110.0, -1.0]] * 3)


def test_values_that_no_picture_has_are_refused():
    with pytest.raises(GeneratedValueError, match=r"has the value 1\.5, but .* makes -1 to 1"):
        drawn([0.0, 1.5])
    with pytest.raises(GeneratedValueError, match="4 of 8 generated values are infinite or no"):
        drawn([0.0, np.inf])


def test_the_first_latents_do_not_depend_on_how_many_are_drawn():
    sampler = Sampler(Constant(), HALF)
    np.testing.assert_array_equal(sampler.latents(3, 1), sampler.latents(300, 1)[:3])
    assert sampler.latents(0, 1).shape == (0, 1)
    latents = sampler.latents(20_000, 1)
    assert latents.mean() == pytest.approx(0, abs=0.03)
    assert latents.std() == pytest.approx(1, abs=0.03)


def test_as_many_latents_as_labels_are_asked_for():
    with pytest.raises(UserError, match=r"of the shape \(N, 1\), one for each of the 2 labels"):
        Sampler(Constant(), HALF).generate(np.zeros(2, int), np.zeros((3, 1), np.float32))


def test_a_grid_shows_pictures_row_by_row():
    images = np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 40, 20), np.uint8)
    grid = sample_grid(images, 2)
    assert grid.shape == (2 + 2 * 42, 2 + 2 * 22, 1)
    assert grid[2, 2, 0] == 0
    assert grid[2, 24, 0] == 1
    assert grid[44, 2, 0] == 2
    assert grid[0, 0, 0] == grid[44, 24, 0] == 128  # between them, and where none is left


@pytest.mark.parametrize(("channels", "shown"), [(1, 1), (2, 1), (3, 3), (5, 3)])
def test_a_grid_has_one_channel_or_three_and_small_pictures_are_enlarged(channels, shown):
    images = np.full((1, channels, 8, 8), 7, np.uint8)
    grid = sample_grid(images, 1)
    assert grid.shape == (36, 36, shown)
    assert (grid[2:34, 2:34] == 7).all()


class Spy(Constant):
    """Notes how it is computed."""

    def forward(self, latents, labels):
        self.seen = torch.are_deterministic_algorithms_enabled(), torch.is_autocast_enabled("cpu")
        return super().forward(latents, labels)


def test_samples_are_drawn_by_algorithms_that_give_the_same_bits_in_full_precision():
    spy = Spy()
    with torch.autocast("cpu", torch.bfloat16):
        Sampler(spy, HALF).generate(np.zeros(2, int), np.zeros((2, 1), np.float32))
    assert spy.seen == (True, False)
    assert not torch.are_deterministic_algorithms_enabled()
