"""How often an image can be halved, and which sizes a generator can make.

H: height, W: width.
"""

import itertools

from foldwise.errors import UserError
from foldwise.models.gan.config import ConvolutionalGanConfig

Sides = tuple[int, int]

LEAST_SIDE = 2  # of the smallest map
GOOD_SIDE = 4  # nor is a map halved to less than this, once the image is halved twice
MOST_SIDE = 16  # of the smallest map's shorter side; from more, nothing global can be made
LARGE_SIDE = 64  # images with a shorter side from here on get the narrower widths
MOST_WIDTH = 256
_NUM_TOLD = 3


class ImageSizeError(UserError):
    """A generator cannot make images of this size."""


def smallest_map(config: ConvolutionalGanConfig, height: int, width: int) -> Sides:
    """Return the sides of the map from which an image of H x W grows by doubling.

    Raises:
        ImageSizeError: Doubling does not lead there; the message lists sizes nearby.
    """
    sides = _smallest_map(config, height, width)
    if sides is None:
        raise ImageSizeError(_told(config, height, width))
    return sides


def widths_of(config: ConvolutionalGanConfig, height: int, width: int) -> tuple[int, ...]:
    """Return the widths of the maps, from the smallest to the largest, for images of H x W.

    Raises:
        ImageSizeError: As `smallest_map`.
    """
    if config.widths != "auto":
        return config.widths
    num_doublings = (height // smallest_map(config, height, width)[0]).bit_length() - 1
    last = 32 if min(height, width) >= LARGE_SIDE else 48
    return tuple(min(MOST_WIDTH, last * 2**step) for step in reversed(range(num_doublings)))


def _smallest_map(config: ConvolutionalGanConfig, height: int, width: int) -> Sides | None:
    sides = height, width
    if config.widths == "auto":
        sides = _halved(sides)
        is_possible = sides != (height, width) and min(sides) <= MOST_SIDE
    else:
        factor = 2 ** len(config.widths)
        is_possible = height % factor == width % factor == 0
        sides = height // factor, width // factor
    return sides if is_possible and min(sides) >= LEAST_SIDE else None


def _halved(sides: Sides) -> Sides:
    for time in itertools.count():
        height, width = sides[0] // 2, sides[1] // 2
        least = LEAST_SIDE if time < 2 else GOOD_SIDE
        if sides[0] % 2 or sides[1] % 2 or min(height, width) < least:
            break
        sides = height, width
    return sides


def _told(config: ConvolutionalGanConfig, height: int, width: int) -> str:
    near = _possible_near(config, height, width)
    why = "from a small map by doubling its sides"
    if config.widths != "auto":
        why += f" {len(config.widths)} times, once for each of model.widths"
    return (
        f"model.name {config.name!r} makes images {why}, and so cannot make {height} x {width} "
        f"pixels. Sizes nearby that it can make (ingest.source.image_size): "
        f"{', '.join(f'{h} x {w}' for h, w in near)}. The model 'gan' makes any size."
    )


def _possible_near(config: ConvolutionalGanConfig, height: int, width: int) -> list[Sides]:
    """Return the nearest possible sizes, of the smallest change of both sides together."""
    if height == width:
        reach = 2 ** (len(config.widths) + 1) if config.widths != "auto" else max(32, height)
        sizes = [(side, side) for side in range(max(1, height - reach), height + reach + 1)]
    else:
        sizes = list(itertools.product(_around(config, height), _around(config, width)))
    possible = [size for size in sizes if _smallest_map(config, *size)]
    possible.sort(key=lambda size: (abs(size[0] - height) + abs(size[1] - width), size))
    return possible[:_NUM_TOLD]


def _around(config: ConvolutionalGanConfig, side: int) -> range:
    reach = 2 ** (len(config.widths) + 1) if config.widths != "auto" else 32
    return range(max(1, side - reach), side + reach + 1)
