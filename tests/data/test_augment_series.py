"""Random changes to batches of series."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.interpolate import CubicSpline

from foldwise.data.augment import AugmentConfig, SeriesAugmentConfig, SeriesAugmenter
from foldwise.data.augment.smooth_curves import smooth_curves
from foldwise.data.augment.step_places import permuted_steps, sliced_places, warped_places

LENGTHS = (40, 1, 25, 2, 40, 33, 7, 16)
EACH = {
    "window_slice": {"window_slice": 0.7},
    "time_warp": {"time_warp": 0.4},
    "permutation": {"permutation": 4},
    "magnitude_warp": {"magnitude_warp": 0.3},
    "scaling": {"scaling": 0.2},
    "negate": {"negate": 0.5},
    "jitter": {"jitter": 0.1},
    "masking": {"masking": 0.3, "masking_blocks": 2},
}
EVERYTHING = {name: value for values in EACH.values() for name, value in values.items()}
POLICIES = pytest.mark.parametrize(
    "policy", [*EACH.values(), EVERYTHING], ids=[*EACH, "everything"]
)


def only(**values):
    return SeriesAugmenter(SeriesAugmentConfig.of(**values))


def batch(lengths=LENGTHS, num_channels=3, seed=0, num_steps=None):
    """Standardised series with their mask, and zeros where they have ended."""
    shape = (len(lengths), num_steps or max(lengths), num_channels)
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).float()[..., None]
    return torch.cat([values * mask, mask], dim=2)


def copies(size, num_steps=64, num_channels=2):
    return batch((num_steps,), num_channels).expand(size, -1, -1).contiguous()


# --- What all policies promise ---


@POLICIES
def test_shape_type_mask_and_padding_stay_and_the_input_is_not_changed(policy):
    series = batch(num_steps=45)
    before = series.clone()

    changed = only(**policy)(series, 1, torch.arange(8), 0)

    assert changed.shape == series.shape
    assert changed.dtype == torch.float32
    assert torch.equal(changed[..., -1], series[..., -1])
    assert not changed[series[..., -1] == 0].any()
    assert not torch.equal(changed, series)
    assert torch.equal(series, before)


@POLICIES
def test_padding_a_batch_further_and_series_that_follow_change_nothing(policy):
    series = batch()
    longer = torch.nn.functional.pad(series, (0, 0, 0, 9))
    augmenter = only(**policy)

    changed = augmenter(series, 5)

    torch.testing.assert_close(augmenter(longer, 5)[:, :40], changed, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(augmenter(series[:5], 5), changed[:5], rtol=1e-6, atol=1e-6)


@POLICIES
def test_the_seed_alone_decides_and_every_copy_is_changed_in_its_own_way(policy):
    series, augmenter = copies(12), only(**policy)
    state = torch.get_rng_state()

    first, again, other = augmenter(series, 3), augmenter(series, 3), augmenter(series, 4)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    num_different = len(torch.unique(first.flatten(1), dim=0))
    assert num_different == (2 if policy == EACH["negate"] else 12)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_changes_nothing_returns_the_input_itself():
    series = batch()

    assert only()(series, 1) is series
    assert only(masking=0.5, masking_probability=0)(series, 1) is series


def test_to_switch_one_change_on_leaves_the_draws_of_others_as_they_were():
    series = batch()

    scaled = only(scaling=0.3)(series, 2)
    both = only(scaling=0.3, jitter=0.1, negate=0.5, masking=0.2)(series, 2)

    ratio = both[..., :-1] - only(jitter=0.1)(series, 2)[..., :-1] + series[..., :-1]
    hidden = (both[..., :-1] == 0).all(-1)
    same = torch.isclose(ratio.abs(), scaled[..., :-1].abs(), atol=1e-5).all(-1)
    assert (same | hidden).all()
    assert same.float().mean() > 0.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@POLICIES
def test_a_gpu_makes_the_same_draws(policy):
    series, augmenter = batch(), only(**policy)

    torch.testing.assert_close(augmenter(series.cuda(), 3).cpu(), augmenter(series, 3))


# --- Each change ---


def test_a_window_is_what_numpy_interpolates():
    series = batch((50, 50), 1)
    draws = np.array([0.0, 0.6])
    steps = np.arange(50.0)

    places = sliced_places(np.array([50, 50]), np.tile(steps, (2, 1)), 0.8, draws)

    for start, row in zip(0.2 * 49 * draws, places, strict=True):
        np.testing.assert_allclose(row, np.linspace(start, start + 0.8 * 49, 50))
    changed = only(window_slice=0.8)(series, 6)
    for old, new in zip(series[..., 0].numpy(), changed[..., 0].numpy(), strict=True):
        errors = [
            np.abs(np.interp(np.linspace(s, s + 0.8 * 49, 50), steps, old) - new).max()
            for s in np.linspace(0, 0.2 * 49, 9801)  # the beginning is found by trying
        ]
        assert min(errors) < 5e-3


def test_windows_begin_evenly_and_a_rising_line_tells_where():
    line = torch.linspace(0, 99, 100).view(1, 100, 1).expand(2000, -1, -1)
    series = torch.cat([line, torch.ones_like(line)], dim=2)

    changed = only(window_slice=0.6)(series, 1)[..., 0]

    starts = changed[:, 0] / (0.4 * 99)
    torch.testing.assert_close(changed[:, -1] - changed[:, 0], torch.full((2000,), 0.6 * 99))
    assert 0 <= starts.min() < 0.01
    assert 0.99 < starts.max() <= 1
    assert starts.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 2000))


def test_warped_time_rises_from_the_first_to_the_last_step_at_the_drawn_speeds():
    lengths = np.array([60, 60, 31, 1])
    speeds = np.zeros((4, 6))
    speeds[1:] = 0.5 * np.random.default_rng(0).standard_normal((3, 6))

    places = warped_places(lengths, 60, speeds)

    np.testing.assert_allclose(places[0], np.arange(60))  # the same speed throughout
    for row, length, knots in zip(places, lengths, speeds, strict=True):
        steps = row[:length]
        assert steps[0] == 0
        assert steps[-1] == pytest.approx(length - 1)
        assert (np.diff(steps) > 0).all()
        if length > 1:
            spline = CubicSpline(np.linspace(0, length - 1, 6), knots)(np.arange(length - 1))
            np.testing.assert_allclose(
                np.diff(steps) / np.diff(steps)[0], np.exp(spline - spline[0])
            )


def test_curves_are_scipys_splines_through_the_knots_whatever_the_length():
    lengths = np.array([30, 30, 12, 2])
    knots = np.random.default_rng(1).standard_normal((4, 6, 2))

    curves = smooth_curves(knots, lengths, 30)

    for curve, length, points in zip(curves, lengths, knots, strict=True):
        spline = CubicSpline(np.linspace(0, length - 1, 6), points)
        np.testing.assert_allclose(curve[:length], spline(np.arange(length)), atol=1e-12)


def test_permuted_series_hold_the_same_steps_in_up_to_as_many_runs():
    series = batch((64, 50, 3, 1) * 50, 2)

    changed = only(permutation=5)(series, 2)

    num_runs = []
    for old, new, length in zip(series, changed, (64, 50, 3, 1) * 50, strict=True):
        places = {tuple(step): i for i, step in enumerate(old[:length].tolist())}
        order = [places[tuple(step)] for step in new[:length].tolist()]
        assert sorted(order) == list(range(length))
        num_runs.append(1 + int((np.diff(order) != 1).sum()))
    assert max(num_runs) == 5
    assert np.mean(num_runs[::4]) > 3


def test_segments_come_in_the_order_of_the_draws():
    draws = np.array([[0.75, 0.2, 0.9, 0.5, 0.1]])  # cuts after 2 and 7 of 10 steps; order 2, 1, 0

    steps = permuted_steps(np.array([10]), 12, draws)

    assert steps[0, :10].tolist() == [7, 8, 9, 2, 3, 4, 5, 6, 0, 1]


def test_noise_has_the_given_deviation_and_no_two_numbers_hang_together():
    series = batch((128,) * 200, 4)

    noise = (only(jitter=0.3)(series, 1) - series)[..., :-1]

    assert noise.std() == pytest.approx(0.3, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=4 * 0.3 / np.sqrt(noise.numel()))
    for one, other in ((noise[..., 0], noise[..., 1]), (noise[:, 1:], noise[:, :-1])):
        assert abs(np.corrcoef(one.flatten(), other.flatten())[0, 1]) < 4 / np.sqrt(25_000)


def test_each_channel_of_each_series_gets_one_factor():
    series = batch((20,) * 500, 3)

    factors = (only(scaling=0.2)(series, 1) / series)[..., :-1]

    assert factors.std(1).max() < 1e-4
    factors = factors[:, 0]
    assert 0.8 <= factors.min() < 0.81
    assert 1.19 < factors.max() <= 1.2
    assert factors.mean() == pytest.approx(1, abs=4 * 0.4 / np.sqrt(12 * 1500))
    assert np.abs(np.corrcoef(factors.T.numpy()) - np.eye(3)).max() < 0.2


def test_signs_change_in_a_series_as_a_whole_with_the_probability():
    series = batch((20,) * 1000, 2)

    factors = (only(negate=0.3)(series, 1) / series)[..., :-1].flatten(1)

    assert (factors == factors[:, :1]).all()
    assert (factors[:, 0] == -1).float().mean() == pytest.approx(0.3, abs=0.06)


def test_smooth_factors_spread_as_the_parameter_says_and_change_slowly():
    series = copies(2000, num_steps=51, num_channels=1)

    factors = (only(magnitude_warp=0.1)(series, 1) / series)[..., 0]

    assert factors[:, 0].std() == pytest.approx(0.1, rel=0.07)  # at a knot
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.diff(dim=1).abs().mean() < 0.02


def test_the_fraction_is_hidden_in_blocks_of_all_channels():
    lengths = (100, 55, 10, 1) * 250
    series = batch(lengths, 2)

    changed = only(masking=0.3, masking_blocks=3, masking_probability=0.8)(series, 1)

    hidden = (changed[..., :-1] == 0).all(2) & (series[..., -1] == 1)
    unchanged = (changed == series).all(2)
    assert (hidden | unchanged).all()
    shares = (hidden.sum(1) / torch.tensor(lengths)).view(-1, 4)
    is_chosen = hidden.any(1).view(-1, 4)
    assert is_chosen[:, 0].float().mean() == pytest.approx(0.8, abs=0.11)
    assert torch.allclose(shares[:, 0][is_chosen[:, 0]], torch.tensor(0.3))
    for i, length in enumerate((100, 55, 10, 1)):
        bound = 4 * np.sqrt(0.24 * (0.3**2 + 1 / length**2) / 250)
        assert shares[:, i].mean() == pytest.approx(0.24, abs=bound)
    starts = hidden & ~torch.nn.functional.pad(hidden, (1, 0))[:, :-1]
    assert starts.sum(1).max() == 3


def test_every_step_may_be_hidden_the_ends_too():
    hidden = (only(masking=0.2)(copies(2000, num_steps=30), 1)[..., 0] == 0).float().mean(0)

    assert hidden.min() > 0.01
    assert hidden.mean() == pytest.approx(0.2)


# --- Parameters ---


def test_parameters_are_named_by_dots_and_fill_the_rest_by_defaults():
    config = AugmentConfig.of(series={"jitter": 0.1})

    assert config.flat("augment")["augment.series.jitter"] == 0.1
    assert config.flat("augment")["augment.series.window_slice"] == 1.0
    assert config.in_force("series").keys() == {"series", "mix"}
    assert "series" not in config.in_force("image")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"jiter": 0.1}, "did you mean 'jitter'"),
        ({"window_slice": 0}, "greater than or equal to 0.1"),
        ({"permutation": 0}, "greater than or equal to 1"),
        ({"masking": 1}, "less than or equal to 0.9"),
    ],
)
def test_wrong_parameters_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        SeriesAugmentConfig.of(**values)
