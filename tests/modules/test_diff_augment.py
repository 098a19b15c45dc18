"""DiffAugment: differentiable, by each sample's own draw, and what each policy does."""

import pytest
import torch

from foldwise.modules.diff_augment import (
    IMAGE_POLICIES,
    SERIES_POLICIES,
    DiffAugmentError,
    brighten,
    contrast,
    cut_out,
    diff_augment,
    jitter,
    rescale,
    saturate,
    shift,
    translate,
)

MANY = 4000
every_policy = pytest.mark.parametrize(
    ("policy", "shape"),
    [(policy, (3, 2, 8, 6)) for policy in IMAGE_POLICIES]
    + [(policy, (3, 9, 2)) for policy in SERIES_POLICIES],
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def alike(*shape, num=MANY):
    """Return the same sample many times."""
    return torch.rand(1, *shape, generator=seeded(9)).expand(num, *shape) * 2 - 1


def assert_mean(values, expected, deviation):
    """Within four standard errors."""
    assert values.mean().item() == pytest.approx(expected, abs=4 * deviation / len(values) ** 0.5)


@every_policy
def test_gradients_are_those_of_finite_differences(policy, shape):
    samples = torch.rand(shape, generator=seeded(1), dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda x: diff_augment(x, (policy,), seeded()), samples)


@every_policy
def test_gradients_of_gradients_pass(policy, shape):
    samples = torch.rand(shape, generator=seeded(1), requires_grad=True)

    changed = diff_augment(samples, (policy,), seeded()).pow(3).sum()
    (gradient,) = torch.autograd.grad(changed, samples, create_graph=True)
    gradient.square().sum().backward()

    assert samples.grad.any()


@every_policy
def test_each_sample_has_its_own_draw_and_the_generator_alone_decides(policy, shape):
    samples = torch.rand(1, *shape[1:]).expand(20, *shape[1:])
    state = torch.get_rng_state()

    changed = diff_augment(samples, (policy,), seeded())

    assert changed.shape == samples.shape
    assert changed.dtype == samples.dtype
    assert len(torch.unique(changed, dim=0)) >= 3  # a shift has as many
    assert torch.equal(changed, diff_augment(samples, (policy,), seeded()))
    assert not torch.equal(changed, diff_augment(samples, (policy,), seeded(1)))
    assert torch.equal(torch.get_rng_state(), state)


@every_policy
def test_what_a_sample_undergoes_does_not_depend_on_the_others(policy, shape):
    samples = torch.rand(shape, generator=seeded(1))
    others = torch.cat([samples[:1], torch.rand(2, *shape[1:], generator=seeded(2))])

    changed, other = (diff_augment(x, (policy,), seeded()) for x in (samples, others))

    assert torch.equal(changed[0], other[0])


def test_policies_come_one_after_the_other_and_none_changes_nothing():
    images = torch.rand(3, 1, 8, 8)
    generator = seeded()

    changed = diff_augment(images, ("translation", "cutout"), seeded())

    assert torch.equal(changed, cut_out(translate(images, generator), generator))
    assert diff_augment(images, (), seeded()) is images


@pytest.mark.parametrize(
    ("policy", "shape", "message"),
    [
        ("mixup", (2, 1, 4, 4), "'mixup', .* images. Allowed: color, translation, cutout"),
        ("jitter", (2, 1, 4, 4), "'jitter', .* images"),
        ("cutout", (2, 4, 4), "'cutout', .* series. Allowed: jitter, scaling, shift"),
    ],
)
def test_unknown_policies_are_refused(policy, shape, message):
    with pytest.raises(DiffAugmentError, match=message):
        diff_augment(torch.rand(shape), ("translation", policy)[len(shape) == 3 :], seeded())


def test_brightness_is_one_number_per_image_uniform_about_zero():
    images = alike(2, 3, 3)

    added = (brighten(images, seeded()) - images).flatten(1)

    torch.testing.assert_close(added, added[:, :1].expand_as(added), rtol=0, atol=1e-6)
    assert added.abs().max() <= 0.5
    assert_mean(added[:, 0], 0, (1 / 12) ** 0.5)
    assert added[:, 0].var().item() == pytest.approx(1 / 12, abs=0.01)


def test_saturation_scales_the_distance_from_grey_by_a_factor_of_mean_one():
    images = alike(3, 3, 3)
    grey = images.mean(1, keepdim=True)

    changed = saturate(images, seeded())

    torch.testing.assert_close(changed.mean(1, keepdim=True), grey)
    factors = ((changed - grey) / (images - grey)).flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors), rtol=1e-3, atol=1e-3)
    assert_mean(factors[:, 0], 1, (1 / 3) ** 0.5)
    assert factors.min() >= 0
    assert factors.max() <= 2.01
    assert factors[:, 0].var().item() == pytest.approx(1 / 3, abs=0.03)
    without_colours = torch.rand(3, 1, 4, 4)
    torch.testing.assert_close(saturate(without_colours, seeded()), without_colours)


def test_contrast_scales_the_distance_from_the_images_mean_by_a_factor_of_mean_one():
    images = alike(2, 4, 4)
    middle = images.mean((1, 2, 3), keepdim=True)

    changed = contrast(images, seeded())

    torch.testing.assert_close(changed.mean((1, 2, 3), keepdim=True), middle)
    factors = (changed - middle).flatten(1).norm(dim=1) / (images - middle).flatten(1).norm(dim=1)
    assert_mean(factors, 1, (1 / 12) ** 0.5)
    assert factors.min() >= 0.5 - 1e-5
    assert factors.max() <= 1.5 + 1e-5


def test_colours_change_nothing_in_the_mean():
    images = alike(2, 4, 4)

    changed = diff_augment(images, ("color",), seeded())

    torch.testing.assert_close(changed.mean(0), images[0], rtol=0, atol=0.05)


def test_translation_moves_by_whole_pixels_up_to_an_eighth_and_zeros_come_in():
    images = torch.arange(1.0, 16 * 24 + 1).view(1, 1, 16, 24).expand(MANY, 1, 16, 24)

    moved = translate(images, seeded())

    offsets = []
    for image in moved[:300]:
        row, column = divmod(int(image[0, 8, 12].item()) - 1, 24)
        down, right = 8 - row, 12 - column
        offsets.append((down, right))
        expected = images[0, 0].roll((down, right), (0, 1))
        expected[: max(down, 0)] = 0
        expected[16 + min(down, 0) :] = 0
        expected[:, : max(right, 0)] = 0
        expected[:, 24 + min(right, 0) :] = 0
        assert torch.equal(image[0], expected)
    assert {down for down, _ in offsets} == set(range(-2, 3))
    assert {right for _, right in offsets} == set(range(-3, 4))


def test_translation_is_uniform():
    image = torch.zeros(1, 1, 16, 16)
    image[..., 8, 8] = 1

    where = translate(image.expand(MANY, 1, 16, 16), seeded()).mean(0)[0]

    assert where.sum().item() == pytest.approx(1)
    torch.testing.assert_close(where[6:11, 6:11], torch.full((5, 5), 1 / 25), rtol=0, atol=0.015)


def test_a_rectangle_of_half_of_each_side_is_cut_out_anywhere():
    images = torch.ones(MANY, 2, 8, 12)

    is_cut = cut_out(images, seeded()) == 0

    assert torch.equal(is_cut[:, 0], is_cut[:, 1])
    rows, columns = is_cut[:, 0].any(2), is_cut[:, 0].any(1)
    assert torch.equal(is_cut[:, 0], rows[:, :, None] & columns[:, None, :])  # a rectangle
    for along, side in ((rows, 8), (columns, 12)):
        sizes = along.sum(1)
        assert sizes.max() == side // 2
        assert sizes.min() == side // 4  # its middle is on the edge
        assert (along.int().diff(dim=1).abs().sum(1) <= 2).all()
        # The window begins at -side / 4 ... 3 / 4 side, alike often: side + 1 places
        shares = along.float().mean(0)
        places = torch.arange(-(side // 4), side - side // 4 + 1)
        expected = torch.stack(
            [((places <= i) & (i < places + side // 2)).float().mean() for i in range(side)]
        )
        torch.testing.assert_close(shares, expected, rtol=0, atol=0.04)


def test_jitter_is_noise_of_mean_zero_at_each_step():
    series = alike(10, 3)

    added = jitter(series, seeded()) - series

    assert_mean(added.flatten(), 0, 0.1)
    assert added.std().item() == pytest.approx(0.1, abs=0.002)


def test_scaling_has_one_factor_of_mean_one_for_each_channel_of_each_series():
    series = alike(10, 3) + 3

    factors = rescale(series, seeded()) / series

    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors))
    assert_mean(factors[:, 0, 0], 1, 0.2)
    assert factors[:, 0].std(0).tolist() == pytest.approx([0.2] * 3, abs=0.01)
    assert factors[:, 0].T.corrcoef()[0, 1].abs() < 0.07


def test_a_shift_moves_all_channels_of_a_series_and_repeats_its_ends():
    series = torch.stack([torch.arange(16.0), torch.arange(16.0) + 100], 1).expand(300, 16, 2)

    moved = shift(series, seeded())

    offsets = 8 - moved[:, 8, 0].long()
    assert set(offsets.tolist()) == {-2, -1, 0, 1, 2}
    expected = (torch.arange(16) - offsets[:, None]).clamp(0, 15).float()
    assert torch.equal(moved[..., 0], expected)
    assert torch.equal(moved[..., 1], expected + 100)
