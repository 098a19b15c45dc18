"""Which of its two stems a network gets: the one for large images or the one for small ones."""

from foldwise.errors import UserError
from foldwise.models.config.base import SMALL_SIDE, Stem


def is_stem_small(stem: Stem, shape: tuple[int, int, int], *, under: int = SMALL_SIDE) -> bool:
    """Say whether images of a shape (C, H, W) get the stem for small images.

    Args:
        stem: What was asked for; `auto` decides by the shorter side.
        shape: (C, H, W) of one image.
        under: With `auto`, shorter sides under this many pixels get the small stem.
    """
    return min(shape[1:]) < under if stem == "auto" else stem == "small"


def check_large_stem(name: str, shape: tuple[int, int, int], least_side: int) -> None:
    """Refuse images that the stem for large images would shrink to nothing.

    Raises:
        UserError: A side has fewer than `least_side` pixels.
    """
    _, height, width = shape
    if min(height, width) < least_side:
        raise UserError(
            f"model.name {name!r} with model.stem 'large' needs images of at least {least_side} x "
            f"{least_side} pixels, but these have {height} x {width}. Take model.stem 'small' or "
            "'auto', or a larger image size."
        )
