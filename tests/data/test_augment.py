import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.augment.affine import affine_maps, resample
from foldwise.data.augment.colour import recolour
from foldwise.data.augment.erasing import erase
from foldwise.data.augment.flips import flip

EVERYTHING = AugmentConfig.of(
    horizontal_flip=0.5,
    vertical_flip=0.5,
    shift=0.1,
    rotation=15,
    scale=0.1,
    brightness=0.2,
    contrast=0.2,
    erasing=0.5,
    crop=2,
    shear=10,
    policy="trivial_augment",
)
# scipy's names for what comes in from outside
SCIPY_MODES = {"reflection": "reflect", "border": "nearest", "zeros": "grid-constant"}


def batch(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def one_image(size, *, channels=1, height=16, width=16):
    return batch(1, channels, height, width).expand(size, -1, -1, -1).contiguous()


def only(**values):
    return Augmenter(AugmentConfig.of(**values))


# --- What all policies promise ---


@pytest.mark.parametrize("shape", [(16, 1, 8, 8), (16, 3, 28, 20)])
def test_shape_type_and_range_stay_and_the_input_is_not_changed(shape):
    images = batch(*shape)
    before = images.clone()

    changed = Augmenter(EVERYTHING)(images, seed=1)

    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() < changed.max() <= 1
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    "policy",
    [
        {"shift": 0.1},
        {"rotation": 10},
        {"scale": 0.1},
        {"shear": 10},
        {"brightness": 0.2},
        {"contrast": 0.2},
        {"erasing": 1},
        EVERYTHING.model_dump(),
    ],
    ids=lambda policy: "+".join(policy),
)
def test_sixteen_copies_of_one_image_become_sixteen_images(policy):
    changed = only(**policy)(one_image(16), seed=3)

    assert len(torch.unique(changed.flatten(1), dim=0)) == 16


@pytest.mark.parametrize("name", ["horizontal_flip", "vertical_flip"])
def test_some_copies_are_flipped_and_others_are_not(name):
    images = one_image(400)

    changed = only(**{name: 0.3})(images, seed=3)

    flipped = (changed != images).flatten(1).any(1).double().mean()
    assert flipped == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 400))


def test_the_seed_alone_decides_the_draws():
    augmenter, images = Augmenter(EVERYTHING), batch(8, 3, 16, 16)

    first, again, other = augmenter(images, 5), augmenter(images, 5), augmenter(images, 6)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_global_generators_neither_matter_nor_move():
    augmenter, images = Augmenter(EVERYTHING), batch(8, 1, 16, 16)

    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002  (the global generator is what is tested)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    first = augmenter(images, 5)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]

    torch.manual_seed(2)
    assert torch.equal(augmenter(images, 5), first)


def test_a_samples_draws_do_not_depend_on_how_many_others_follow():
    augmenter, images = Augmenter(EVERYTHING), batch(9, 1, 16, 16)

    torch.testing.assert_close(augmenter(images[:4], 5), augmenter(images, 5)[:4])


def test_one_parameter_leaves_the_draws_of_the_others_alone():
    images = batch(8, 1, 16, 16)
    flipped = only(vertical_flip=0.5)(images, 5)

    both = only(vertical_flip=0.5, horizontal_flip=0.5)(images, 5)

    mirrored = only(horizontal_flip=0.5)(images, 5)
    chosen = (mirrored != images).flatten(1).any(1)
    assert torch.equal(both[chosen], flipped[chosen].flip(-1))
    assert torch.equal(both[~chosen], flipped[~chosen])


def test_a_policy_that_changes_nothing_returns_the_images_bit_for_bit():
    images = batch(4, 3, 9, 7)

    assert torch.equal(Augmenter(AugmentConfig())(images, 0), images)
    assert torch.equal(only(scale=0, rotation=0, shift=0, erasing=0)(images, 0), images)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_the_same_draws():
    """All but few pixels: operations of a policy that round may round the other way."""
    images = batch(16, 3, 32, 32)

    there = Augmenter(EVERYTHING)(images.cuda(), 5)

    difference = (there.cpu() - Augmenter(EVERYTHING)(images, 5)).abs()
    assert difference.quantile(0.99) < 1e-4


# --- Each change against an independent reference ---


def test_a_flip_mirrors_the_chosen_samples_only():
    images = batch(3, 2, 4, 5)

    expected = images.numpy().copy()
    expected[1] = np.flip(expected[1], axis=-1)

    chosen = np.array([False, True, False])
    assert np.array_equal(flip(images, chosen, axis=-1).numpy(), expected)
    assert torch.equal(only(horizontal_flip=1)(images, 0), images.flip(-1))
    assert torch.equal(only(vertical_flip=1)(images, 0), images.flip(-2))


def test_a_shift_by_whole_pixels_moves_the_pixels():
    images = batch(2, 1, 8, 10)
    maps = np.tile(np.eye(2, 3, dtype=np.float32), (2, 1, 1))
    maps[:, 0, 2], maps[:, 1, 2] = -3 / 5, 2 / 4  # 3 px to the right, 2 px up

    moved = resample(images, maps, "zeros").numpy()

    expected = np.roll(images.numpy(), (-2, 3), axis=(-2, -1))
    expected[..., :3] = 0
    expected[..., -2:, :] = 0
    np.testing.assert_allclose(moved, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["reflection", "border", "zeros"])
@pytest.mark.parametrize("shape", [(16, 16), (12, 20)])
@pytest.mark.parametrize("shear", [0, 20])
def test_shear_scale_rotation_and_shift_are_those_of_scipy(padding, shape, shear):
    """Shear, scale and turn about the centre, then shift; in pixels, so circles stay circles."""
    image = batch(1, 1, *shape)
    config = AugmentConfig.of(shift=0.2, rotation=30, scale=[0.8, 1.25], shear=shear)
    draws = {"shift_x": 0.9, "shift_y": 0.25, "rotation": 0.8, "scale": 0.3, "shear": 0.1}
    draws = {name: np.array([draw]) for name, draw in draws.items()}

    moved = resample(image, affine_maps(config, draws, *shape), padding)[0, 0].numpy()

    angle, scale = math.radians(30 * 0.6), 0.8 + 0.45 * 0.3
    shift = np.array([0.2 * -0.5 * shape[0], 0.2 * 0.8 * shape[1]])  # rows, columns
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )  # of (row, column) in the result to (row, column) in the image
    lean = np.array([[1, 0], [-math.tan(math.radians(shear * -0.8)), 1]])
    centre = (np.array(shape) - 1) / 2
    matrix = lean @ turn / scale
    offset = centre - matrix @ (centre + shift)
    mode = SCIPY_MODES[padding]
    expected = ndimage.affine_transform(image[0, 0].numpy(), matrix, offset, order=1, mode=mode)
    np.testing.assert_allclose(moved, expected, atol=1e-4)


def test_a_turn_of_a_quarter_is_that_of_numpy():
    image = batch(1, 3, 9, 9)
    draws = {name: np.array([0.5]) for name in ("shift_x", "shift_y", "scale")}
    draws["rotation"] = np.array([1.0])

    turned = resample(image, affine_maps(AugmentConfig(rotation=90), draws, 9, 9), "zeros").numpy()

    expected = np.rot90(image.numpy(), k=-1, axes=(-2, -1))
    np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_draws_cover_the_range_and_do_not_leave_it():
    """The centre of mass of one bright pixel tells how far it was shifted."""
    images = torch.zeros(500, 1, 41, 41)
    images[:, :, 20, 20] = 1

    moved = only(shift=0.1, padding="zeros")(images, 2)[:, 0]

    offsets = torch.arange(41.0) - 20
    for axis in (1, 2):
        shift = (moved.sum(3 - axis) * offsets).sum(1)  # px
        assert shift.abs().max() <= 4.1 + 1e-4
        assert shift.min() < -3.9
        assert shift.max() > 3.9
        assert shift.mean().abs() < 0.4


def test_brightness_and_contrast_of_grey_images_are_those_of_torchvision():
    from torchvision.transforms.v2 import functional as reference

    images = 0.3 + 0.4 * batch(3, 1, 6, 6)  # nothing is clipped on the way
    gain, contrast = np.array([0.9, 1.0, 1.2]), np.array([1.1, 0.8, 1.2])

    changed = recolour(images, gain, contrast)

    for image, g, c, found in zip(images, gain, contrast, changed, strict=True):
        expected = reference.adjust_contrast(reference.adjust_brightness(image, g), c)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_recoloured_images_are_clipped_to_their_range():
    changed = recolour(batch(1, 3, 6, 6), np.array([1.9]), np.array([1.9]))

    assert changed.min() == 0
    assert changed.max() == 1


def test_a_colour_keeps_its_hue_in_a_change_of_brightness():
    images = 0.5 * batch(1, 3, 6, 6)

    torch.testing.assert_close(recolour(images, np.array([1.5]), np.array([1.0])), images * 1.5)


def test_an_erased_rectangle_gets_the_mean_colour_and_the_rest_stays():
    images = batch(2, 3, 6, 8)

    changed = erase(images, np.array([[1, 2, 4, 5], [0, 0, 0, 0]]))

    expected = images.numpy().copy()
    expected[0, :, 2:5, 1:4] = images[0].numpy().mean((1, 2))[:, None, None]
    np.testing.assert_allclose(changed.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 60)])
def test_the_erased_area_lies_within_its_bounds(shape):
    height, width = shape
    images = batch(300, 1, *shape)

    erased = only(erasing=1, erasing_area=[0.1, 0.25])(images, 4) != images

    area = erased.double().mean((1, 2, 3))
    rounding = 0.5 * height / (height * width)  # the width is rounded to whole pixels
    assert area.min() >= 0.1 - rounding
    assert area.max() <= 0.25 + rounding
    assert area.max() - area.min() > 0.1
    rows, columns = erased[:, 0].any(2), erased[:, 0].any(1)
    rectangle = rows[:, :, None] & columns[:, None, :]
    assert torch.equal(erased[:, 0], rectangle)
    reached = rectangle.any(0)
    assert all(edge.any() for edge in (reached[0], reached[-1], reached[:, 0], reached[:, -1]))


def test_erasing_happens_with_its_probability():
    images = batch(1000, 1, 8, 8)

    erased = (only(erasing=0.25)(images, 4) != images).flatten(1).any(1)

    assert erased.double().mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 1000))


# --- Parameters ---


def test_a_number_for_scale_means_as_much_up_as_down():
    assert AugmentConfig.of(scale=0.1).scale == (0.9, 1.1)
    assert AugmentConfig.of(scale=[0.8, 1.1]).scale == (0.8, 1.1)
    assert AugmentConfig.of(scale=0) == AugmentConfig()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("horizontal_flip", 1.5),
        ("horizontal_flip", "alternatingly"),
        ("vertical_flip", -0.1),
        ("shift", 0.6),
        ("rotation", 200),
        ("rotation", -1),
        ("scale", 1.5),
        ("scale", [1.2, 0.8]),
        ("scale", [0.0, 1.0]),
        ("padding", "wrap"),
        ("crop", -1),
        ("crop", 2.5),
        ("shear", 90),
        ("policy", "auto_augment"),
        ("num_ops", 0),
        ("magnitude", 31),
        ("saturation", 1.5),
        ("hue", 0.6),
        ("mix", {"mixup": 1}),
        ("brightness", 1.0),
        ("contrast", -0.2),
        ("erasing", 2),
        ("erasing_area", [0.0, 0.1]),
        ("erasing_area", [0.3, 0.2]),
        ("erasing_area", [0.1, 0.9]),
        ("horizontal_flips", 0.5),
    ],
)
def test_a_bad_value_is_refused_and_named(name, value):
    with pytest.raises(ValidationError, match=name):
        AugmentConfig.of(**{name: value})


@pytest.mark.parametrize("given", [1.5, -0.1])
def test_one_number_for_the_scale_is_refused_as_it_was_given(given):
    with pytest.raises(ValidationError, match=f"{given} is not from 0 to 0.9"):
        AugmentConfig.of(scale=given)


# --- Cost ---


def test_the_parameters_can_be_read_without_loading_torch():
    code = (
        "import sys, foldwise.data.augment, foldwise.models.config\n"
        "loaded = {'torch', 'matplotlib.pyplot', 'sklearn'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
