import numpy as np
import pandas as pd
import pytest
from audited import found, noise_images, samples_of


def skipped(*rows):
    return pd.DataFrame(rows, columns=["path", "reason"], dtype="str")


def images(size=100, **columns):
    return samples_of(noise_images(size), ["a", "b"] * (size // 2), **columns)


def test_bad_files_are_grouped_by_their_reason():
    table = skipped(
        ("a/1.png", "damaged or truncated (OSError: 12 bytes not processed)"),
        ("a/2.png", "damaged or truncated (OSError: 7 bytes not processed)"),
        ("b/3.png", "not an image of an allowed format (JPEG, PNG)"),
    )
    first, second = found("bad_files", images(10), table)
    assert first.sample_ids == (("a/1.png",), ("a/2.png",))
    assert first.values == {"count": 2, "share": 2 / 13}
    assert "not an image" in second.message
    assert "'b/3.png'" in second.message


def test_nothing_skipped_is_no_finding():
    assert found("bad_files", images()) == []


@pytest.mark.parametrize("odd", [0, 10, 500_000])
def test_a_file_of_another_size_is_found(odd):
    sizes = np.random.default_rng(0).normal(5000, 400, 100).astype(np.int64)
    sizes[17] = odd
    (finding,) = found("file_size_outliers", images(file_bytes=sizes))
    assert finding.sample_ids == (("s17",),)


def test_one_odd_file_among_equal_ones_is_found():
    sizes = np.full(100, 5000)
    sizes[3] = 200_000
    (finding,) = found("file_size_outliers", images(file_bytes=sizes))
    assert finding.sample_ids == (("s3",),)


@pytest.mark.parametrize("spread", [0.3, 1.5])
def test_sizes_that_vary_throughout_are_no_finding(spread):
    sizes = np.random.default_rng(0).lognormal(9, spread, 1000).astype(np.int64)
    assert found("file_size_outliers", images(1000, file_bytes=sizes)) == []


def test_images_of_another_size_or_shape_are_found():
    height, width = np.full(100, 64), np.full(100, 48)
    height[5], width[5] = 2000, 1500
    height[6], width[6] = 8, 384
    (finding,) = found("image_size_outliers", images(meta_height=height, meta_width=width))
    assert finding.sample_ids == (("s5",), ("s6",))
    assert "1500x2000" in finding.message


def test_images_of_like_sizes_are_no_finding():
    generator = np.random.default_rng(0)
    height, width = generator.integers(46, 128, (2, 100))
    assert found("image_size_outliers", images(meta_height=height, meta_width=width)) == []


def test_a_few_grey_files_among_colour_are_found():
    modes = ["RGB"] * 97 + ["L"] * 3
    (finding,) = found("mixed_modes", images(file_mode=modes))
    assert finding.severity == "warn"
    assert finding.values == {"RGB": 97, "L": 3}
    assert finding.sample_ids == (("s97",), ("s98",), ("s99",))


def test_two_modes_of_like_share_are_told():
    (finding,) = found("mixed_modes", images(file_mode=["RGB", "L"] * 50))
    assert finding.severity == "info"


def test_one_mode_is_no_finding():
    assert found("mixed_modes", images(file_mode=["RGB"] * 100)) == []
