"""Images that a library hands over one by one, written into one array.

N: images, C: channels, H: height, W: width.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from foldwise.data.bad_input import IngestError, printable
from foldwise.data.readers.image_size import ImageSize, SizePolicy, fit_image
from foldwise.data.readers.scratch_array import new_array

Load = Callable[[int], Image.Image]
Pixels = npt.NDArray[np.uint8]

_MAX_THREADS = 8  # bounds the memory for decoded images of full size
_ROUND = 1024  # images decoded before the next ones are begun
_GREY_MODES = ("1", "L", "LA")


class _ColourFoundError(Exception):
    """An image is not grey, although those before it are."""


@dataclass(frozen=True)
class PillowImages:
    """What the images are to become."""

    size: ImageSize | None  # none: as they are, which must be alike
    policy: SizePolicy
    channels: Literal["auto", 1, 3]  # auto: 1 where all images are grey, else 3

    def write(self, load: Load, num_images: int, scratch: Path) -> tuple[Pixels, dict[int, str]]:
        """Write `x.npy`; return it, (N, C, H, W), and why some images could not be read.

        Raises:
            IngestError: The images differ in size, and no size is given.
        """
        if self.channels != "auto":
            return self._write(load, num_images, scratch)
        try:
            return replace(self, channels=1)._write(load, num_images, scratch, must_be_grey=True)
        except _ColourFoundError:
            return replace(self, channels=3)._write(load, num_images, scratch)

    def _write(
        self, load: Load, num_images: int, scratch: Path, must_be_grey: bool = False
    ) -> tuple[Pixels, dict[int, str]]:
        def prepare(row: int) -> Pixels | str:
            try:
                image = load(row)
                image.load()
            except Exception as error:  # a hostile file can make a decoder fail in any way
                return printable(f"damaged or missing ({type(error).__name__}: {error})")
            if must_be_grey and image.mode not in _GREY_MODES:
                raise _ColourFoundError
            return self._pixels(image)

        x: Pixels | None = None
        reasons: dict[int, str] = {}
        for row, pixels in _mapped(prepare, num_images):
            if isinstance(pixels, str):
                reasons[row] = pixels
                continue
            if x is None:
                x = new_array(scratch, (num_images, *pixels.shape), np.uint8)
            if pixels.shape != x.shape[1:]:
                raise IngestError(
                    f"The images differ in size: one is {x.shape[2]} x {x.shape[3]} pixels, "
                    f"another {pixels.shape[1]} x {pixels.shape[2]} (height x width). "
                    "ingest.source.image_size says to which size all are to be brought."
                )
            x[row] = pixels
        return np.zeros((0, 1, 1, 1), np.uint8) if x is None else x, reasons

    def _pixels(self, image: Image.Image) -> Pixels:
        """Return (C, H, W)."""
        image = image.convert("L" if self.channels == 1 else "RGB")
        if self.size is not None:
            image = fit_image(image, self.size, self.policy)
        pixels: Pixels = np.asarray(image)
        return pixels[np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _mapped(function: Callable[[int], Any], size: int) -> Iterator[tuple[int, Any]]:
    """Yield what the function gives for each number, in order; Pillow decodes in parallel."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS)) as threads:
        for start in range(0, size, _ROUND):
            numbers = range(start, min(start + _ROUND, size))
            yield from zip(numbers, threads.map(function, numbers), strict=True)
