import numpy as np
import pytest

from foldwise.data.preprocessing import fit_images


def test_statistics_equal_numpys_over_the_given_rows_only():
    x = np.random.default_rng(0).integers(0, 256, (50, 3, 7, 5), dtype=np.uint8)
    rows = np.arange(0, 50, 3)
    fitted = fit_images(x, rows)
    pixels = x[rows].astype(np.float64) / 255
    np.testing.assert_allclose(fitted.mean, pixels.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(fitted.std, pixels.std(axis=(0, 2, 3)))


def test_other_rows_have_no_influence():
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), dtype=np.uint8)
    changed = x.copy()
    changed[15:] = 255
    rows = np.arange(15)
    assert fit_images(x, rows) == fit_images(changed, rows)


def test_the_order_of_rows_has_no_influence():
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), dtype=np.uint8)
    assert fit_images(x, np.arange(20)) == fit_images(x, np.arange(20)[::-1])


def test_a_constant_channel_is_not_divided_by_zero():
    fitted = fit_images(np.full((4, 1, 2, 2), 7, dtype=np.uint8), np.arange(4))
    assert fitted.std == (1.0,)
    assert fitted.mean == pytest.approx((7 / 255,))
