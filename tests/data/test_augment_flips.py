"""Flips that alternate from epoch to epoch."""

import numpy as np
import pytest
import torch

from foldwise.data.augment import AugmentConfig, Augmenter

ALTERNATING = AugmentConfig(horizontal_flip="alternating")
EVERYBODY = torch.arange(1000)


def mirrored(augmenter, positions, epoch, seed=0):
    """Return which of these samples are shown the other way round."""
    images = torch.arange(2.0).expand(len(positions), 1, 1, 2)
    return augmenter(images, seed, positions, epoch)[:, 0, 0, 0] == 1


def test_a_random_half_is_mirrored_first_and_the_other_half_next():
    augmenter = Augmenter(ALTERNATING, seed=5)

    first, second, third = (mirrored(augmenter, EVERYBODY, epoch) for epoch in range(3))

    assert first.double().mean() == pytest.approx(0.5, abs=4 * 0.5 / 1000**0.5)
    changes = (first[1:] != first[:-1]).double().mean()  # neighbours do not know of one another
    assert changes == pytest.approx(0.5, abs=4 * 0.5 / 1000**0.5)
    assert torch.equal(second, ~first)
    assert torch.equal(third, first)


def test_a_sample_is_mirrored_by_its_position_in_whatever_batch_it_comes():
    expected = mirrored(Augmenter(ALTERNATING, seed=5), EVERYBODY, 0)
    order = torch.from_numpy(np.random.default_rng(1).permutation(1000))

    augmenter = Augmenter(ALTERNATING, seed=5)
    batches = [mirrored(augmenter, part, 0, seed) for seed, part in enumerate(order.split(64))]

    assert torch.equal(torch.cat(batches), expected[order])
    resumed = Augmenter(ALTERNATING, seed=5)  # as after a fit that was killed
    assert torch.equal(mirrored(resumed, order[900:], 3), ~expected[order[900:]])


def test_another_seed_mirrors_another_half():
    halves = [mirrored(Augmenter(ALTERNATING, seed=seed), EVERYBODY, 0) for seed in (5, 6)]

    assert (halves[0] == halves[1]).double().mean() == pytest.approx(0.5, abs=0.07)


def test_it_takes_positions_and_an_epoch():
    with pytest.raises(ValueError, match="positions"):
        Augmenter(ALTERNATING)(torch.rand(2, 1, 4, 4), 0)
