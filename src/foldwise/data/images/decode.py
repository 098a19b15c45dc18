"""One image file, of unknown origin, to 8-bit pixels.

The header is looked at before anything is decoded: only formats of an allow-list, only up to a
number of pixels. Of several pages or frames the first is taken.
"""

import io
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from foldwise.data.images.fit import SizePolicy, fit_image
from foldwise.data.images.jpeg import (
    SIGNATURE,
    JpegHeader,
    decode_plain_jpeg,
    read_jpeg_header,
)

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
PILLOW_MAX_PIXELS = 89_478_485  # above this Pillow itself warns, then refuses
MAX_SIDE = PILLOW_MAX_PIXELS  # in pixels: no side is longer

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

    height: int
    width: int
    policy: SizePolicy
    channels: Channels
    max_pixels: int
    box_margin: float | None = None  # at each side of a box, in parts of it; none: no boxes
    box_square: bool = False


class DecodedImage(NamedTuple):
    """Pixels, (H, W) for a grey picture or (H, W, 3), and what the file said."""

    pixels: npt.NDArray[np.uint8]
    height: int  # upright, in pixels, before it was fitted
    width: int
    mode: str  # as Pillow calls it, e.g. L, RGB, P, CMYK
    jpeg_quality: int | None  # estimated, 1 to 100; none: no JPEG


def prepare_decoders() -> None:
    """Load Pillow's decoders; call it before decoding in several threads."""
    Image.init()


def decode_image(data: bytes, spec: ImageSpec) -> DecodedImage:
    """Decode the contents of one file, and bring it to the wanted form.

    Raises:
        BadImageError: It is no picture of an allowed format, too large, truncated or damaged.
    """
    # A JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the cost; twice the wanted size is kept.
    image = decode_picture(data, spec.max_pixels, min_side=2 * max(spec.height, spec.width))
    return image._replace(pixels=fit_pixels(image.pixels, spec))


def decode_picture(data: bytes, max_pixels: int, min_side: int = MAX_SIDE) -> DecodedImage:
    """Decode the contents of one file, upright.

    Args:
        data: The file.
        max_pixels: Width x height, at most.
        min_side: Where both sides are at least twice as long, it may come at a half, a quarter or
            an eighth of its size; by default it never does.

    Raises:
        BadImageError: It is no picture of an allowed format, too large, truncated or damaged.
    """
    header = _jpeg_header(data)
    if header is not None and header.is_plain:
        _check_size(header.width, header.height, max_pixels)
        pixels = decode_plain_jpeg(data, header, min_side)
        if pixels is not None:
            mode = "RGB" if pixels.ndim == 3 else "L"
            return DecodedImage(pixels, header.height, header.width, mode, header.quality)
    if not data:
        raise BadImageError("empty: it has no bytes")
    quality = None if header is None else header.quality
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _decode(image, max_pixels, min_side, quality)
    except BadImageError:
        raise
    except UnidentifiedImageError:
        allowed = ", ".join(FORMATS)
        raise BadImageError(f"not an image of an allowed format ({allowed})") from None
    except Image.DecompressionBombError as error:
        raise BadImageError(f"{error} Allowed: max_pixels={max_pixels}.") from None
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise BadImageError(f"damaged or truncated ({type(error).__name__}: {error})") from None


def _jpeg_header(data: bytes) -> JpegHeader | None:
    if not data.startswith(SIGNATURE):
        return None
    try:
        return read_jpeg_header(data)
    except Exception as error:  # as for the decoders below
        raise BadImageError(f"damaged or truncated ({type(error).__name__}: {error})") from None


def fit_pixels(pixels: npt.NDArray[np.uint8], spec: ImageSpec) -> npt.NDArray[np.uint8]:
    """Return (H, W) or (H, W, 3), of the size and with the channels that are wanted."""
    shape = pixels.shape
    wants_other_channels = spec.channels != "auto" and (spec.channels == 3) != (len(shape) == 3)
    if shape[0] == spec.height and shape[1] == spec.width and not wants_other_channels:
        return pixels
    image = Image.fromarray(pixels)
    if wants_other_channels:
        image = image.convert("L" if spec.channels == 1 else "RGB")
    return np.asarray(fit_image(image, (spec.height, spec.width), spec.policy))


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise BadImageError(f"{width} x {height} pixels, but max_pixels={max_pixels}")


def _decode(
    image: Image.Image, max_pixels: int, min_side: int, jpeg_quality: int | None
) -> DecodedImage:
    _check_size(image.width, image.height, max_pixels)
    (width, height), mode, file_format = image.size, image.mode, image.format
    image.draft(None, (min_side, min_side))
    image.load()
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    upright = image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    pixels = np.asarray(_to_8_bit(upright, file_format))
    return DecodedImage(pixels, height, width, mode, jpeg_quality)


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
