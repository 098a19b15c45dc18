import pytest
import torch
from torch import nn

from foldwise.modules.gan import GanDivergedError
from foldwise.modules.gan_looks import GanLooks

CLASSES = ("odd", "even")


class Scaled(nn.Module):
    """Makes pictures of the latents themselves."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, latents, labels):
        return (self.factor * latents).view(-1, 1, 4, 4)


def looks():
    random = torch.Generator().manual_seed(0)
    real, latents = (torch.rand(60, 16, generator=random) * 2 - 1 for _ in range(2))
    labels = torch.arange(60) % 2
    return GanLooks(real.view(-1, 1, 4, 4), labels, latents, labels, seed=0, classes=CLASSES)


def test_samples_of_the_same_distribution_lie_as_far_apart_as_real_ones():
    look, grid = looks().look(Scaled())
    assert look.diversity == pytest.approx(1, abs=0.05)
    assert look.missing_clusters == 0
    assert grid.ndim == 3


def test_samples_that_are_drawn_in_half_lie_half_as_far_apart():
    assert looks().look(Scaled(0.5))[0].diversity == pytest.approx(0.5, abs=0.03)


def test_values_that_are_no_numbers_end_the_fit():
    """The last step of a fit may leave such weights, and no loss is computed after it."""
    with pytest.raises(GanDivergedError, match=r"60 of 60 samples .* Try lower rates"):
        looks().look(Scaled(float("nan")))
