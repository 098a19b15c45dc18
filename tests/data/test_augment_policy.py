"""RandAugment and TrivialAugment on whole batches, against torchvision and scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as reference

from foldwise.data.augment import AugmentConfig, Augmenter
from foldwise.data.augment.policy import (
    OPERATIONS,
    RAND_AUGMENT,
    TRIVIAL_AUGMENT,
    operate,
)

POINTWISE = {
    "identity": lambda image, _: image,
    "brightness": lambda image, level: reference.adjust_brightness(image, 1 + 0.9 * level),
    "color": lambda image, level: reference.adjust_saturation(image, 1 + 0.9 * level),
    "contrast": lambda image, level: reference.adjust_contrast(image, 1 + 0.9 * level),
    "sharpness": lambda image, level: reference.adjust_sharpness(image, 1 + 0.9 * level),
    "posterize": lambda image, level: reference.posterize(image, 8 - round(4 * abs(level))),
    "solarize": lambda image, level: reference.solarize(image, 1 - abs(level)),
    "autocontrast": lambda image, _: reference.autocontrast(image),
    "equalize": lambda image, _: reference.equalize(image),
}
GEOMETRIC = {  # of (row, column) in the result to (row, column) in the image, and a shift there
    "shear_x": lambda level: ([[1, 0], [-0.3 * level, 1]], [0, 0]),
    "shear_y": lambda level: ([[1, -0.3 * level], [0, 1]], [0, 0]),
    "translate_x": lambda level: (np.eye(2), [0, -150 / 331 * 20 * level]),
    "translate_y": lambda level: (np.eye(2), [-150 / 331 * 16 * level, 0]),
    "rotate": lambda level: (
        Rotation.from_euler("z", -30 * level, degrees=True).as_matrix()[:2, :2].T,
        [0, 0],
    ),
}


def batch(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_the_operations_are_those_of_torchvisions_policies():
    space = v2.TrivialAugmentWide._AUGMENTATION_SPACE
    names = {name.lower().replace("shear", "shear_").replace("translate", "translate_")
             for name in space}  # fmt: skip

    assert set(OPERATIONS) == names
    assert len(OPERATIONS) == len(v2.RandAugment._AUGMENTATION_SPACE)


@pytest.mark.parametrize("name", list(POINTWISE))
@pytest.mark.parametrize("channels", [1, 3])
def test_an_operation_on_pixels_is_that_of_torchvision(name, channels):
    images, levels = 0.2 + 0.6 * batch(4, channels, 8, 9), np.array([0.4, -0.9, 1.0, 0.1])

    changed = operate(images, np.full(4, name), levels, RAND_AUGMENT, "border")

    for image, level, found in zip(images, levels, changed, strict=True):
        expected = POINTWISE[name](image, level)
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)  # rounded luma weights


@pytest.mark.parametrize("name", list(GEOMETRIC))
def test_a_move_about_the_centre_is_that_of_scipy(name):
    images, levels = batch(3, 1, 16, 20), np.array([0.5, -1.0, 0.2])

    changed = operate(images, np.full(3, name), levels, RAND_AUGMENT, "border")

    centre = np.array([7.5, 9.5])
    for image, level, found in zip(images, levels, changed, strict=True):
        matrix, shift = map(np.array, GEOMETRIC[name](level))
        offset = centre - matrix @ centre + shift
        expected = ndimage.affine_transform(image[0], matrix, offset, order=1, mode="nearest")
        np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_mixed_operations_do_to_each_sample_what_they_do_alone():
    names = np.array([*OPERATIONS, *OPERATIONS])
    levels = np.linspace(-1, 1, len(names))
    images = batch(len(names), 3, 12, 10)

    together = operate(images, names, levels, TRIVIAL_AUGMENT, "border")

    for i in range(len(names)):
        one = slice(i, i + 1)
        alone = operate(images[one], names[one], levels[one], TRIVIAL_AUGMENT, "border")
        torch.testing.assert_close(together[one], alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("strengths", "side", "pixels"),
    [(RAND_AUGMENT, 331, 150), (TRIVIAL_AUGMENT, 224, 32), (TRIVIAL_AUGMENT, 8, 8)],
)
def test_the_greatest_translation_is_that_of_the_papers_and_never_beyond_the_image(
    strengths, side, pixels
):
    assert strengths.translation(side) * side == pytest.approx(pixels)


# --- Policies ---


@pytest.mark.parametrize("policy", ["rand_augment", "trivial_augment"])
@pytest.mark.parametrize("shape", [(64, 1, 28, 28), (64, 3, 20, 16)])
def test_a_policy_changes_copies_of_an_image_each_in_its_own_way(policy, shape):
    images = batch(1, *shape[1:]).expand(shape).contiguous()
    before = images.clone()
    augment = Augmenter(AugmentConfig(policy=policy))

    changed = augment(images, 3)

    assert changed.shape == shape
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() < changed.max() <= 1
    assert torch.equal(images, before)
    # RandAugment knows two or three strengths of each operation, and so repeats itself.
    assert len(torch.unique(changed.flatten(1), dim=0)) > 25
    assert torch.equal(augment(images, 3), changed)
    assert not torch.equal(augment(images, 4), changed)
    torch.testing.assert_close(augment(images[:9], 3), changed[:9], rtol=0, atol=1e-5)


def test_a_policy_neither_needs_nor_moves_global_generators():
    augment = Augmenter(AugmentConfig(policy="rand_augment"))
    torch.manual_seed(1)
    state = torch.get_rng_state()

    first = augment(batch(32, 3, 8, 8), 3)

    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(augment(batch(32, 3, 8, 8), 3), first)


def test_all_operations_are_drawn_equally_often():
    """One in fourteen keeps the image for sure."""
    images = batch(1, 3, 4, 4).expand(3000, -1, -1, -1).contiguous()
    augment = Augmenter(AugmentConfig(policy="rand_augment", num_ops=1, magnitude=30))

    changed = augment(images, 3)

    pictures, counts = torch.unique(changed.flatten(1), dim=0, return_counts=True)
    # 4 x 4 px: the 9 signed operations give two pictures each, the 5 others one.
    assert len(pictures) == 9 * 2 + 5
    assert counts.min() > 3000 / 28 * 0.6
    assert counts.max() < 3000 / 14 * 1.4


def test_more_operations_and_a_greater_magnitude_change_more():
    images = batch(200, 3, 16, 16)

    def distance(**values):
        augment = Augmenter(AugmentConfig.of(policy="rand_augment", **values))
        return (augment(images, 3) - images).abs().mean().item()

    assert distance(magnitude=3) < distance(magnitude=9) < distance(magnitude=27)
    assert distance(num_ops=1) < distance(num_ops=2) < distance(num_ops=4)
