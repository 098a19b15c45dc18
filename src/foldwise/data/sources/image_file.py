"""One image file, of unknown origin, to 8-bit pixels.

The header is looked at before anything is decoded: only formats of an allow-list, only up to a
number of pixels. Of several pages or frames the first is taken.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from foldwise.data.sources.image_size import ImageSize, SizePolicy, fit_image, height_and_width

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
PILLOW_MAX_PIXELS = 89_478_485  # above this Pillow itself warns, then refuses

Channels = Literal["auto", 1, 3]

_BACKGROUND = (255, 255, 255, 255)  # what a viewer shows behind transparent pixels
_GREY_MODES = frozenset({"1", "L", "LA", "La"})
_UPRIGHT = {  # EXIF orientation -> what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImageError(ValueError):
    """The file is not a picture that can be read; the message is the reason."""


@dataclass(frozen=True)
class ImageSpec:
    """What an image file is to become."""

    size: ImageSize
    policy: SizePolicy
    channels: Channels
    max_pixels: int


@dataclass(frozen=True)
class DecodedImage:
    """Pixels, (H, W) for a grey picture or (H, W, 3), and the size they had in the file."""

    pixels: npt.NDArray[np.uint8]
    height: int
    width: int


def prepare_decoders() -> None:
    """Load Pillow's decoders; call it before decoding in several threads."""
    Image.init()


def decode_image(path: Path, spec: ImageSpec) -> DecodedImage:
    """Read one file.

    Raises:
        BadImageError: It is no picture of an allowed format, too large, truncated or damaged.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            return _decode(image, spec)
    except BadImageError:
        raise
    except UnidentifiedImageError:
        allowed = ", ".join(FORMATS)
        raise BadImageError(f"not an image of an allowed format ({allowed})") from None
    except Image.DecompressionBombError as error:
        raise BadImageError(f"{error} Allowed: max_pixels={spec.max_pixels}.") from None
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise BadImageError(_reason(error)) from None


def _decode(image: Image.Image, spec: ImageSpec) -> DecodedImage:
    if image.width * image.height > spec.max_pixels:
        raise BadImageError(
            f"{image.width} x {image.height} pixels, but max_pixels={spec.max_pixels}"
        )
    width, height = image.size
    # A JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the cost; twice the wanted size is kept.
    twice = 2 * max(height_and_width(spec.size))
    image.draft(None, (twice, twice))
    file_format = image.format
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    upright = image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    pixels = _to_8_bit(upright, file_format)
    if spec.channels != "auto":
        pixels = pixels.convert("L" if spec.channels == 1 else "RGB")
    fitted = fit_image(pixels, spec.size, spec.policy)
    return DecodedImage(np.asarray(fitted), height, width)


def _to_8_bit(image: Image.Image, file_format: str | None) -> Image.Image:
    """Return mode L or RGB: palettes resolved, alpha laid over white, 16 bits scaled to 8."""
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PPM"):
        return _scale_16_bit(image)
    if image.mode in ("I", "F"):
        raise BadImageError(
            f"pixels of mode {image.mode} (32 bits, of unknown range); allowed are 1 to 16 bits"
        )
    is_grey = image.mode in _GREY_MODES or _has_grey_palette(image)
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, _BACKGROUND)
        image = Image.alpha_composite(background, image.convert("RGBA"))
    colour = image.convert("RGB")
    return colour.convert("L") if is_grey else colour


def _scale_16_bit(image: Image.Image) -> Image.Image:
    # 65535 / 255 = 257; the full range always, so that equal values stay equal across files.
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _has_grey_palette(image: Image.Image) -> bool:
    if image.mode not in ("P", "PA"):
        return False
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"damaged or truncated ({type(error).__name__}: {error})"
