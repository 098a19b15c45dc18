"""MixUp and CutMix of series, and what cannot be mixed."""

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from foldwise.data.augment import MixConfig
from foldwise.models.input_spec import ImageSpec, SeriesSpec, TableSpec, TokenSpec
from foldwise.modules.mixing import MixingError, build_mixer
from foldwise.modules.series_mixing import blend_series

LENGTHS = torch.tensor([10, 4, 7, 10, 2, 10])
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
SERIES = SeriesSpec(num_channels=2, num_steps=10)


def batch(lengths=LENGTHS):
    """Series i is i + 1 at all its steps, in both channels."""
    mask = (torch.arange(10) < lengths[:, None]).float()[..., None]
    levels = torch.arange(1.0, len(lengths) + 1).view(-1, 1, 1)
    return torch.cat([(levels * mask).expand(-1, -1, 2), mask], dim=2)


def mixer(spec=SERIES, **values):
    return build_mixer(MixConfig.of(**values), 3, spec)


def test_mixup_adds_the_neighbour_as_far_as_it_goes_and_shares_the_label_out():
    series = batch()

    mixed, shares = mixer(mixup_alpha=1)(series, LABELS, 1)

    own = shares[1, 1].item()
    assert 0.02 < own < 0.98
    expected = own * series + (1 - own) * series.roll(1, 0)
    torch.testing.assert_close(mixed[..., :-1], expected[..., :-1])
    hard = one_hot(LABELS, 3).float()
    torch.testing.assert_close(shares, own * hard + (1 - own) * hard.roll(1, 0))
    # The mask is that of the longer one.
    assert torch.equal(mixed[..., -1].sum(1).long(), torch.maximum(LENGTHS, LENGTHS.roll(1)))
    assert set(mixed[..., -1].unique().tolist()) == {0, 1}
    assert not mixed[mixed[..., -1] == 0].any()


def test_series_of_batches_that_end_at_different_steps_are_mixed_too():
    longer, shorter = batch(), batch(torch.full((6,), 3))[:, :3]

    mixed = blend_series(shorter, longer, 0.25)

    padded = torch.nn.functional.pad(shorter, (0, 0, 0, 7))
    torch.testing.assert_close(mixed[..., :-1], (0.25 * padded + 0.75 * longer)[..., :-1])
    assert torch.equal(mixed[..., -1], torch.maximum(padded, longer)[..., -1])


@pytest.mark.parametrize("seed", range(8))
def test_cutmix_pastes_a_window_within_the_steps_of_both(seed):
    series = batch()

    mixed, shares = mixer(cutmix_alpha=1)(series, LABELS, seed)

    assert torch.equal(mixed[..., -1], series[..., -1])
    for i, length in enumerate(LENGTHS):
        levels = mixed[i, :length, 0]
        is_own = levels == i + 1
        assert (levels[~is_own] == (i - 1) % 6 + 1).all()
        assert ((~is_own).int().diff().abs().sum()) <= 2  # one window
        assert shares[i, LABELS[i]].item() == pytest.approx(is_own.float().mean().item())
    torch.testing.assert_close(shares.sum(1), torch.ones(6))
    assert not mixed[series[..., -1] == 0].any()


@pytest.mark.parametrize("kind", ["mixup_alpha", "cutmix_alpha"])
def test_shares_follow_the_beta_distribution(kind):
    series, mix = torch.ones(6, 200, 2), mixer(**{kind: 0.5})
    state = torch.get_rng_state()

    own = [mix(series, LABELS, seed)[1][1, 1].item() for seed in range(500)]

    # Beta(0.5, 0.5): mean 1/2, variance 1/8
    assert np.mean(own) == pytest.approx(0.5, abs=4 * np.sqrt(0.125 / 500))
    assert np.var(own) == pytest.approx(0.125, abs=0.02)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(mix(series, LABELS, 7)[1], mix(series, LABELS, 7)[1])


def test_windows_are_pasted_anywhere():
    mix, series = mixer(cutmix_alpha=1), batch(torch.full((6,), 10))

    pasted = torch.stack([mix(series, LABELS, seed)[0][1, :, 0] == 1 for seed in range(300)])

    shares = pasted.float().mean(0)
    # Of the ends: a window of w of 10 steps, w from 0 to 10, has 11 - w places.
    ends = (sum(1 / (11 - w) for w in range(1, 10)) + 0.5) / 10
    assert shares[[0, -1]].tolist() == pytest.approx([ends, ends], abs=0.1)
    assert shares[4:6].min() > 0.5


def test_rows_of_numbers_are_mixed_by_mixup():
    rows = torch.rand(6, 4)

    mixed, shares = mixer(TableSpec((0, 0, 0, 0)), mixup_alpha=1)(rows, LABELS, 3)

    own = shares[1, 1].item()
    torch.testing.assert_close(mixed, own * rows + (1 - own) * rows.roll(1, 0))


@pytest.mark.parametrize(
    ("spec", "values", "message"),
    [
        (TokenSpec(9, 5), {"mixup_alpha": 0.2}, "the samples are texts.*mixup_alpha=0"),
        (TableSpec((0, 3)), {"mixup_alpha": 0.2}, "columns of categories"),
        (TableSpec((0, 0)), {"cutmix_alpha": 1}, "cutmix_alpha is 1, .*mixup_alpha works"),
    ],
)
def test_what_has_no_mean_is_not_mixed(spec, values, message):
    with pytest.raises(MixingError, match=message):
        mixer(spec, **values)
    assert mixer(spec) is None


@pytest.mark.parametrize("spec", [SERIES, ImageSpec(1, 8, 8)])
def test_numbers_to_be_predicted_are_not_shared_out(spec):
    with pytest.raises(MixingError, match="numbers are predicted"):
        build_mixer(MixConfig(mixup_alpha=0.2), 0, spec)
