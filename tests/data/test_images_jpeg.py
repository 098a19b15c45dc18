"""JPEGs by simplejpeg have the pixels that Pillow gives; what is not plain goes to Pillow."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foldwise.data.images import decode
from foldwise.data.images.decode import BadImageError, ImageSpec, decode_image
from foldwise.data.images.jpeg import decode_plain_jpeg, read_jpeg_header


def picture(height, width, mode="RGB", seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 6 + 1, width // 6 + 1, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height)).convert(mode)


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    mode=st.sampled_from(["L", "RGB"]),
    subsampling=st.sampled_from([0, 1, 2]),
    quality=st.integers(1, 100),
    min_side=st.integers(1, 80),
)
def test_the_pixels_are_those_of_pillow(height, width, mode, subsampling, quality, min_side):
    options = {} if mode == "L" else {"subsampling": subsampling}
    data = jpeg(picture(height, width, mode, quality), quality=quality, **options)
    header = read_jpeg_header(data)
    assert header.is_plain
    assert (header.height, header.width) == (height, width)
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (min_side, min_side))
        expected = np.asarray(image)
    np.testing.assert_array_equal(decode_plain_jpeg(data, header, min_side), expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_quality_is_told_exactly_for_every_setting_of_the_usual_encoder(mode):
    for quality in range(1, 101):
        header = read_jpeg_header(jpeg(picture(16, 16, mode), quality=quality))
        assert header.quality == quality


def test_a_table_of_another_encoder_gets_the_nearest_quality():
    table = [3] * 64
    near = read_jpeg_header(jpeg(picture(16, 16), qtables=[table, table])).quality
    assert 90 <= near <= 98


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return {"exif": tags}


XMP = {"xmp": b'<x:xmpmeta xmlns:tiff="t"><r tiff:Orientation="6"/></x:xmpmeta>'}


@pytest.mark.parametrize(
    ("mode", "options", "is_plain"),
    [
        ("RGB", {}, True),
        ("L", {"optimize": True}, True),
        ("RGB", {"restart_marker_blocks": 1}, True),
        ("RGB", {"comment": b"\xff\xda a comment that looks like a scan"}, True),
        ("RGB", {"icc_profile": b"\xff\xda" * 3000}, True),
        ("RGB", exif(1), True),
        ("RGB", exif(6), False),
        ("RGB", XMP, False),
        ("RGB", {"progressive": True}, False),
        ("CMYK", {}, False),
        ("RGB", {"keep_rgb": True}, False),
    ],
)
def test_what_is_not_plain_is_left_to_pillow(mode, options, is_plain, monkeypatch):
    data = jpeg(picture(40, 50, mode), **options)
    header = read_jpeg_header(data)
    assert header.is_plain is is_plain
    assert (header.height, header.width, header.quality) == (40, 50, 75)
    spec = ImageSpec(50, 40, "resize", "auto", 10**6)
    found = decode_image(data, spec)
    monkeypatch.setattr(decode, "SIGNATURE", b"none has this")
    expected = decode_image(data, spec)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert (found.height, found.width) == (expected.height, expected.width)
    assert found.mode == expected.mode == mode


def outcome(data):
    try:
        return decode_image(data, ImageSpec(64, 64, "resize", "auto", 10**6)).pixels.tolist()
    except BadImageError:
        return "refused"


def test_damaged_files_fare_as_with_pillow_alone(monkeypatch):
    rng = np.random.default_rng(0)
    whole = jpeg(picture(64, 64), quality=95)
    found, damaged = [], []
    for _ in range(60):
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(620, len(data), 2)] = rng.integers(0, 256, 2)
        damaged.append(data.tobytes()[: rng.choice([len(data), len(data) - 30])])
        found.append(outcome(damaged[-1]))
    monkeypatch.setattr(decode, "SIGNATURE", b"none has this")
    assert found == [outcome(data) for data in damaged]
    assert 5 < found.count("refused") < 55


@given(data=st.binary(max_size=300), cut=st.integers(0, 700))
def test_no_header_makes_the_reader_fail(data, cut):
    for content in (b"\xff\xd8\xff" + data, jpeg(picture(8, 8))[:cut] + data):
        header = read_jpeg_header(content)
        assert header is None or header.height >= 0


def test_a_quantisation_table_that_is_cut_short_is_passed_over():
    tables = b"\xff\xdb" + (2 + 66).to_bytes(2, "big") + b"\x10" + bytes(65)  # 16 bits, 65 bytes
    data = b"\xff\xd8" + tables + jpeg(picture(8, 8), quality=90)[2:]
    assert read_jpeg_header(data).quality == 90


_BYTES = st.tuples(st.integers(0, 700), st.integers(0, 255))


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(_BYTES, max_size=8),
    inserted=st.binary(max_size=80),
    at=st.integers(2, 700),
    marker=st.sampled_from(
        [b"", b"\xff\xdb\x00\x44\x10", b"\xff\xc0\x00\x11", b"\xff\xe1\x00\x20"]
    ),
    end=st.integers(0, 900),
)
def test_mutated_files_raise_nothing_but_the_named_error(changes, inserted, at, marker, end):
    data = bytearray(jpeg(picture(16, 16), quality=80))
    for place, value in changes:
        data[place % len(data)] = value
    data[at:at] = marker + inserted
    mutated = b"\xff\xd8\xff" + bytes(data[3 : 3 + end])
    with contextlib.suppress(BadImageError):
        decode_image(mutated, ImageSpec(8, 8, "resize", "auto", 10**6))
    read_jpeg_header(mutated)
