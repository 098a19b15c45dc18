"""One image file of any mode becomes upright 8-bit pixels, or a reason why not."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from foldwise.data.images.decode import BadImageError, ImageSpec, decode_image
from foldwise.data.images.fit import height_and_width

GRADIENT = np.linspace(0, 255, 12 * 16).reshape(12, 16).round().astype(np.uint8)
COLOUR = np.stack([GRADIENT, GRADIENT[::-1], 255 - GRADIENT], axis=-1)


def decode(path, size=(12, 16), policy="resize", channels="auto", max_pixels=10**6):
    spec = ImageSpec(*height_and_width(size), policy, channels, max_pixels)
    return decode_image(path.read_bytes(), spec)


def save(tmp_path, image, name="image.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0")
    chunks = (header, data, b"IEND")
    body = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.gif", "a.tif", "a.pgm", "A.PNG"])
def test_lossless_grey_formats_keep_every_pixel(tmp_path, name):
    path = save(tmp_path, Image.fromarray(GRADIENT), name)
    np.testing.assert_array_equal(decode(path).pixels, GRADIENT)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.ppm"])
def test_lossless_colour_formats_keep_every_pixel(tmp_path, name):
    path = save(tmp_path, Image.fromarray(COLOUR), name)
    np.testing.assert_array_equal(decode(path).pixels, COLOUR)


@pytest.mark.parametrize(("name", "tolerance"), [("a.jpg", 12), ("a.webp", 12)])
def test_lossy_formats_come_close(tmp_path, name, tolerance):
    smooth = np.stack([GRADIENT] * 3, axis=-1)
    path = save(tmp_path, Image.fromarray(smooth), name, quality=95)
    difference = decode(path).pixels.astype(int) - smooth
    assert np.abs(difference).mean() < tolerance


def test_one_bit_pixels_become_black_and_white(tmp_path):
    path = save(tmp_path, Image.fromarray(GRADIENT > 100))
    np.testing.assert_array_equal(decode(path).pixels, np.where(GRADIENT > 100, 255, 0))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_16_bits_are_scaled_not_clipped(tmp_path, name):
    deep = (GRADIENT.astype(np.uint16) * 257) ^ 0x0010  # off the exact multiples by a little
    path = save(tmp_path, Image.fromarray(deep), name)
    np.testing.assert_array_equal(decode(path).pixels, np.rint(deep / 257).astype(np.uint8))


def test_big_endian_16_bits_are_scaled(tmp_path):
    deep = GRADIENT.astype(">u2") * 257
    image = Image.frombytes("I;16B", (16, 12), deep.astype(">u2").tobytes())
    np.testing.assert_array_equal(decode(save(tmp_path, image, "a.tif")).pixels, GRADIENT)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bits_of_unknown_range_are_refused(tmp_path, mode):
    path = save(tmp_path, Image.fromarray(GRADIENT).convert(mode), "a.tif")
    with pytest.raises(BadImageError, match=f"mode {mode} .*allowed are 1 to 16 bits"):
        decode(path)


def test_a_palette_is_looked_up(tmp_path):
    image = Image.fromarray((GRADIENT // 64).astype(np.uint8), "P")
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 8, 7)]
    image.putpalette([value for colour in colours for value in colour])
    expected = np.array(colours, np.uint8)[GRADIENT // 64]
    np.testing.assert_array_equal(decode(save(tmp_path, image)).pixels, expected)


def test_a_palette_of_greys_is_grey(tmp_path):
    image = Image.fromarray((GRADIENT // 64).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255])
    expected = np.array([0, 90, 180, 255])[GRADIENT // 64]
    np.testing.assert_array_equal(decode(save(tmp_path, image)).pixels, expected)


def over_white(values, alpha):
    return values * alpha + 255 * (1 - alpha)


def test_alpha_is_laid_over_white(tmp_path):
    alpha = GRADIENT[::-1].copy()
    image = Image.fromarray(np.dstack([COLOUR, alpha]), "RGBA")
    expected = over_white(COLOUR.astype(float), alpha[..., None] / 255)
    np.testing.assert_allclose(decode(save(tmp_path, image)).pixels, expected, atol=1)


def test_grey_with_alpha_stays_grey(tmp_path):
    alpha = GRADIENT[::-1].copy()
    image = Image.fromarray(np.dstack([GRADIENT, alpha]), "LA")
    expected = over_white(GRADIENT.astype(float), alpha / 255)
    np.testing.assert_allclose(decode(save(tmp_path, image)).pixels, expected, atol=1)


def test_a_transparent_palette_entry_shows_white(tmp_path):
    image = Image.fromarray((GRADIENT // 128).astype(np.uint8), "P")
    image.putpalette([200, 0, 0, 0, 0, 200])
    path = save(tmp_path, image, transparency=bytes([0, 255]))
    pixels = decode(path).pixels
    assert (pixels[GRADIENT < 128] == 255).all()
    assert (pixels[GRADIENT >= 128] == [0, 0, 200]).all()


def test_a_palette_with_alpha_is_laid_over_white(tmp_path):
    alpha = GRADIENT[::-1].copy()
    image = Image.merge("LA", [Image.fromarray(GRADIENT // 128), Image.fromarray(alpha)])
    image = Image.frombytes("PA", image.size, image.tobytes())
    image.putpalette([200, 0, 0, 0, 0, 200])
    colours = np.array([[200, 0, 0], [0, 0, 200]], float)[GRADIENT // 128]
    expected = over_white(colours, alpha[..., None] / 255)
    np.testing.assert_allclose(decode(save(tmp_path, image, "a.tif")).pixels, expected, atol=1)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_a_transparent_grey_value_shows_white(tmp_path, mode):
    image = Image.fromarray(np.where(GRADIENT > 100, 255, 0).astype(np.uint8)).convert(mode)
    pixels = decode(save(tmp_path, image, transparency=0)).pixels
    assert pixels.shape == (12, 16)
    assert (pixels == 255).all()


def test_cmyk_becomes_rgb(tmp_path):
    path = save(tmp_path, Image.new("CMYK", (16, 12), (0, 255, 255, 0)), "a.tif")
    assert (decode(path).pixels == [255, 0, 0]).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path, name, orientation):
    upright = np.kron(
        np.array([[250, 180, 110], [90, 50, 10]], np.uint8), np.ones((16, 16), np.uint8)
    )
    # What a camera stores for each orientation, by the EXIF standard: row 0 and column 0 of the
    # stored picture are the sides of the upright picture named here.
    stored = {
        1: upright,  # top, left
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: upright.T,  # left, top
        6: upright[:, ::-1].T,  # right, top
        7: upright[::-1, ::-1].T,  # right, bottom
        8: upright[::-1].T,  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "lossless": True} if name == "a.webp" else {"quality": 100}
    path = save(
        tmp_path, Image.fromarray(np.ascontiguousarray(stored)), name, exif=exif, **options
    )
    decoded = decode(path, size=upright.shape, channels=1)
    assert np.abs(decoded.pixels.astype(int) - upright).max() <= 8
    assert (decoded.height, decoded.width) == upright.shape


@pytest.mark.parametrize(("channels", "shape"), [(1, (12, 16)), (3, (12, 16, 3))])
def test_the_number_of_channels_can_be_demanded(tmp_path, channels, shape):
    for pixels in (GRADIENT, COLOUR):
        path = save(tmp_path, Image.fromarray(pixels))
        assert decode(path, channels=channels).pixels.shape == shape


@pytest.fixture
def large_jpeg(tmp_path):
    rng = np.random.default_rng(0)
    large = np.kron(rng.integers(0, 256, (8, 8), np.uint8), np.ones((64, 64), np.uint8))
    return save(tmp_path, Image.fromarray(large), "a.jpg", quality=95)


def test_a_large_jpeg_decoded_small_looks_like_one_decoded_whole(large_jpeg):
    whole = Image.open(large_jpeg).resize((16, 16), Image.Resampling.BILINEAR)
    decoded = decode(large_jpeg, size=16)
    assert np.abs(decoded.pixels - np.asarray(whole, int)).mean() < 2
    assert (decoded.height, decoded.width) == (512, 512)


def test_a_large_jpeg_that_is_truncated_is_refused(large_jpeg):
    whole = large_jpeg.read_bytes()
    large_jpeg.write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(BadImageError, match="truncated"):
        decode(large_jpeg, size=16)


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.fromarray(GRADIENT), Image.fromarray(255 - GRADIENT)]
    path = save(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(path).pixels, GRADIENT)


def test_the_first_picture_of_a_multi_picture_jpeg_is_taken(tmp_path):
    frames = [Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)]
    path = tmp_path / "a.jpg"
    frames[0].save(path, format="MPO", save_all=True, append_images=frames[1:])
    assert np.abs(decode(path).pixels.astype(int) - COLOUR).mean() < 40


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"only text", "not an image of an allowed format .BMP, GIF, JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of an allowed"),
        (b"\x00\x00\x01\x00\x01\x00\x10\x10", "not an image of an allowed format"),  # ICO
        (png_header(16, 12), "damaged or truncated"),
        (png_header(0, 0), "not an image|damaged"),
        (png_header(1100, 1000), "1100 x 1000 pixels, but max_pixels=1000000"),
        (png_header(60_000, 60_000), "3600000000 pixels.*max_pixels=1000000"),
        (b"GIF89a" + b"\xff" * 40, "damaged|not an image"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(tmp_path, content, reason):
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(BadImageError, match=reason) as caught:
        decode(path)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.bmp", "a.tif", "a.webp", "a.ppm"])
def test_a_truncated_file_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path, Image.fromarray(noise), name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadImageError, match=r"damaged or truncated|not an image"):
        decode(path)


@pytest.mark.filterwarnings("ignore:.*(larger than file|Corrupt EXIF|Truncated File)")
def test_random_damage_never_escapes_as_another_error(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "a.png", "a.gif", "a.tif", "a.webp", "a.bmp"):
        buffer = io.BytesIO()
        extension = {"a.jpg": "JPEG", "a.tif": "TIFF"}.get(name, name[2:].upper())
        Image.fromarray(COLOUR).save(buffer, extension)
        for _ in range(40):
            damaged = np.frombuffer(buffer.getvalue(), np.uint8).copy()
            damaged[rng.integers(0, len(damaged), 4)] = rng.integers(0, 256, 4)
            path = tmp_path / name
            path.write_bytes(damaged.tobytes())
            with contextlib.suppress(BadImageError):
                assert decode(path).pixels.shape[:2] == (12, 16)
