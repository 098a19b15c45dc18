"""Which images convolutional generators make, and which not."""

import pytest
import torch

from foldwise.models.gan.build import build_gan
from foldwise.models.gan.config import CganConfig, DenseGanConfig, WganGpConfig
from foldwise.models.gan.image_size import ImageSizeError, smallest_map, widths_of
from foldwise.models.input_spec import ImageSpec


@pytest.mark.parametrize(
    ("sides", "smallest", "num_doublings"),
    [
        ((4, 4), (2, 2), 1),
        ((8, 8), (2, 2), 2),
        ((12, 12), (3, 3), 2),
        ((16, 16), (4, 4), 2),
        ((28, 28), (7, 7), 2),
        ((30, 30), (15, 15), 1),
        ((32, 32), (4, 4), 3),
        ((64, 64), (4, 4), 4),
        ((96, 96), (6, 6), 4),
        ((128, 128), (4, 4), 5),
        ((28, 56), (7, 14), 2),
        ((96, 64), (6, 4), 4),
    ],
)
def test_an_image_grows_from_the_smallest_map_by_doubling(sides, smallest, num_doublings):
    config = CganConfig()

    assert smallest_map(config, *sides) == smallest
    assert len(widths_of(config, *sides)) == num_doublings
    assert tuple(side * 2**num_doublings for side in smallest) == sides


@pytest.mark.parametrize(
    "sides", [(8, 8), (28, 28), (32, 32), (64, 64), (96, 96), (128, 128), (28, 56), (96, 64)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_usual_sizes_are_made(sides, channels):
    networks = build_gan(CganConfig(), ImageSpec(channels, *sides), 2)
    labels = torch.tensor([0, 1])

    images = networks.generator(torch.randn(2, 64), labels)

    assert images.shape == (2, channels, *sides)
    assert networks.discriminator(images, labels).shape == (2,)


def test_widths_say_how_often_is_doubled():
    config = CganConfig(widths=(16, 8, 4))

    assert smallest_map(config, 64, 32) == (8, 4)
    assert widths_of(config, 64, 32) == (16, 8, 4)


@pytest.mark.parametrize(
    ("config", "sides", "message"),
    [
        (CganConfig(), (31, 31), "'cgan'.*31 x 31 pixels.*: 30 x 30, 32 x 32, 28 x 28. .*'gan'"),
        (CganConfig(), (2, 2), "2 x 2 pixels.*: 4 x 4, 6 x 6, 8 x 8"),
        (CganConfig(), (50, 50), "48 x 48, 52 x 52"),
        (CganConfig(), (50, 100), "48 x 100, 52 x 100"),
        (CganConfig(widths=(8, 8, 8)), (28, 28), "3 times.*model.widths.*24 x 24, 32 x 32"),
        (WganGpConfig(), (28, 27), "28 x 28"),
        (CganConfig(), (1001, 1001), "1024 x 1024"),
    ],
)
def test_a_size_that_cannot_be_made_is_refused_with_sizes_that_can(config, sides, message):
    with pytest.raises(ImageSizeError, match=message):
        build_gan(config, ImageSpec(1, *sides), 2)


def test_all_sizes_that_are_told_can_be_made():
    config = CganConfig()
    for side in range(1, 200):
        try:
            smallest_map(config, side, side)
        except ImageSizeError as error:
            told = str(error).split("): ")[1].split(". ")[0].split(", ")
            assert len(told) == 3
            for size in told:
                smallest_map(config, *(int(text) for text in size.split(" x ")))


@pytest.mark.parametrize("sides", [(1, 1), (31, 7)])
def test_dense_networks_make_any_size(sides):
    networks = build_gan(DenseGanConfig(), ImageSpec(3, *sides), 2)

    assert networks.generator(torch.randn(2, 64), torch.zeros(2)).shape == (2, 3, *sides)
