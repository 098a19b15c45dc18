"""Boxes cut out of pictures, each of which is decoded once for all its boxes.

H: height, W: width, C: channels, all of a whole picture; h and w: of a crop.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.data.images.decode import (
    BadImageError,
    DecodedImage,
    ImageSpec,
    decode_image,
    decode_picture,
    fit_pixels,
)
from foldwise.data.images.store import Entry, Store

Box = tuple[float, float, float, float]  # left, upper, right, lower edge in pixels


class ReadImage(NamedTuple):
    """A picture or a crop of one, and what the file system said of its file."""

    num_bytes: int
    time: int
    image: DecodedImage


class Window(NamedTuple):
    """The edges of a crop in whole pixels; the right and the lower one are the first outside."""

    left: int
    upper: int
    right: int
    lower: int


def image_reader(store: Store, spec: ImageSpec) -> Callable[[Entry], ReadImage]:
    """Return what reads the picture of an entry, or of an [entry, box] where boxes are wanted."""
    return _Crops(store, spec).read if spec.box_margin is not None else _whole(store, spec)


def crop_window(box: Box, margin: float, is_square: bool) -> Window:
    """Return what is cut out for a box.

    A square has the longer side of the box and its centre. The margin is added at each side, in
    parts of the width and of the height; then each edge is rounded to the nearest whole pixel,
    half ones to the even one.

    >>> crop_window((10, 20, 30, 60), 0.05, is_square=False)
    Window(left=9, upper=18, right=31, lower=62)
    >>> crop_window((10, 20, 30, 60), 0.05, is_square=True)
    Window(left=-2, upper=18, right=42, lower=62)
    """
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    if is_square:
        width = height = max(width, height)
    x, half_width = (left + right) / 2, (0.5 + margin) * width
    y, half_height = (upper + lower) / 2, (0.5 + margin) * height
    edges = (x - half_width, y - half_height, x + half_width, y + half_height)
    return Window(*(round(edge) for edge in edges))


def cut(pixels: npt.NDArray[np.uint8], window: Window) -> npt.NDArray[np.uint8]:
    """Cut a window out of a picture, (H, W) or (H, W, C); beyond the picture all is zero."""
    left, upper = max(window.left, 0), max(window.upper, 0)
    inside = pixels[upper : max(window.lower, 0), left : max(window.right, 0)]
    shape = (window.lower - window.upper, window.right - window.left)
    if inside.shape[:2] == shape:
        return inside
    crop = np.zeros((*shape, *pixels.shape[2:]), np.uint8)
    y, x = upper - window.upper, left - window.left
    crop[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return crop


def _whole(store: Store, spec: ImageSpec) -> Callable[[Entry], ReadImage]:
    def read(entry: Entry) -> ReadImage:
        encoded = store.read(entry)
        image = decode_image(encoded.data, spec)
        return ReadImage(len(encoded.data), encoded.time, image)

    return read


class _Crops:
    """Reads crops; those of one picture are best asked for in a row."""

    def __init__(self, store: Store, spec: ImageSpec) -> None:
        self._store, self._spec = store, spec
        self._entry: Entry = None
        self._picture: ReadImage | BadImageError | None = None

    def read(self, entry_and_box: tuple[Entry, Box]) -> ReadImage:
        """Cut one box out of its picture.

        Raises:
            BadImageError: The picture cannot be read, or the box has nothing of it.
        """
        entry, box = entry_and_box
        num_bytes, time, image = self._whole_picture(entry)
        pixels = cut(image.pixels, self._window(box, image))
        height, width = pixels.shape[:2]
        fitted = fit_pixels(np.ascontiguousarray(pixels), self._spec)
        return ReadImage(
            num_bytes, time, DecodedImage(fitted, height, width, image.mode, image.jpeg_quality)
        )

    def _whole_picture(self, entry: Entry) -> ReadImage:
        if self._picture is None or entry != self._entry:
            self._entry, self._picture = entry, None  # the last one can go before the next comes
            self._picture = self._decoded(entry)
        if isinstance(self._picture, BadImageError):
            raise self._picture
        return self._picture

    def _decoded(self, entry: Entry) -> ReadImage | BadImageError:
        try:
            encoded = self._store.read(entry)
            image = decode_picture(encoded.data, self._spec.max_pixels)
        except BadImageError as error:
            return error
        return ReadImage(len(encoded.data), encoded.time, image)

    def _window(self, box: Box, image: DecodedImage) -> Window:
        spec = self._spec
        left, upper, right, lower = box
        if left >= image.width or upper >= image.height or right <= 0 or lower <= 0:
            raise BadImageError(
                f"the box {_told(box)} lies outside the picture, which is {image.width} x "
                f"{image.height} pixels when upright (width x height)"
            )
        window = crop_window(box, spec.box_margin or 0.0, spec.box_square)
        height, width = window.lower - window.upper, window.right - window.left
        if not 0 < height * width <= spec.max_pixels:
            raise BadImageError(
                f"the box {_told(box)} makes a crop of {width} x {height} pixels; allowed are 1 "
                f"to max_pixels={spec.max_pixels}"
            )
        return window


def _told(box: Box) -> str:
    return f"({', '.join(f'{edge:g}' for edge in box)})"
