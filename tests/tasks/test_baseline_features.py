import numpy as np
import pytest
from baseline_samples import images, series
from scipy.stats import linregress

from foldwise.tasks.baseline_pixels import pixel_features
from foldwise.tasks.baseline_series import resampled, summary_features


def test_small_images_keep_their_pixels():
    x = images().x
    np.testing.assert_allclose(pixel_features(x), x.reshape(len(x), -1) / 255, rtol=1e-6)


def test_large_images_are_averaged_block_by_block():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (3, 2, 40, 32), dtype=np.uint8)  # blocks of 3 x 3, the last smaller
    found = pixel_features(x).reshape(3, 2, 14, 11)
    assert found[1, 1, 2, 4] == pytest.approx(x[1, 1, 6:9, 12:15].mean() / 255)
    assert found[2, 0, 13, 10] == pytest.approx(x[2, 0, 39:, 30:].mean() / 255)


def test_a_summary_is_that_of_the_steps_and_not_of_the_padding():
    x = np.zeros((1, 20, 1), np.float32)
    values = np.random.default_rng(1).normal(size=11)
    x[0, :11, 0] = values
    length, mean, deviation, lowest, highest, _, _, first, last, slope, *rest = summary_features(
        x, np.array([11])
    )[0]
    expected = [np.log1p(11), values.mean(), values.std(), values.min(), values.max()]
    np.testing.assert_allclose([length, mean, deviation, lowest, highest], expected, rtol=1e-5)
    assert (first, last) == pytest.approx((values[0], values[-1]))
    assert slope == pytest.approx(linregress(np.arange(11), values).slope, rel=1e-4)
    assert rest[:5] == pytest.approx(np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9]), rel=1e-4)
    centred = values - values.mean()
    assert rest[5] == pytest.approx((centred[1:] * centred[:-1]).mean() / values.var(), rel=1e-4)


def test_channels_are_summed_up_one_by_one():
    samples = series()
    both = summary_features(samples.x, samples.lengths)[:, 1:].reshape(60, 2, -1)
    for channel in (0, 1):
        alone = summary_features(samples.x[:, :, [channel]], samples.lengths)[:, 1:]
        np.testing.assert_allclose(both[:, channel], alone, rtol=1e-4, atol=1e-6)


def test_constant_and_empty_series_have_a_summary_too():
    x = np.full((2, 10, 1), 3.0, np.float32)
    x[1] = np.nan
    constant, empty = summary_features(x, np.array([10, 10]))
    assert np.isfinite(constant).all()
    assert np.isnan(empty[1:-1]).all()
    assert empty[-1] == 1


def test_a_gap_is_bridged_and_equal_lengths_are_kept():
    x = np.arange(8, dtype=np.float32).reshape(1, 8, 1).copy()
    x[0, 3:5] = np.nan
    x[0, 7] = np.nan
    np.testing.assert_allclose(resampled(x, np.array([8]))[0, 0], [0, 1, 2, 3, 4, 5, 6, 6])


def test_unequal_lengths_become_equal_and_padding_changes_nothing():
    samples = series()
    longer = np.pad(samples.x, ((0, 0), (0, 7), (0, 0)))
    found = resampled(samples.x, samples.lengths)
    assert found.shape == (60, 2, 128)
    np.testing.assert_array_equal(found, resampled(longer, samples.lengths))
    assert found[0, 0, 0] == samples.x[0, 0, 0]
    assert found[0, 0, -1] == samples.x[0, samples.lengths[0] - 1, 0]
    np.testing.assert_array_equal(
        summary_features(samples.x, samples.lengths), summary_features(longer, samples.lengths)
    )


def test_gradients_tell_stripes_apart():
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    from foldwise.tasks.baseline_pixels import gradient_features

    samples = images()
    found = gradient_features(samples.x)
    means = [found[samples.y == code].mean(axis=0) for code in (0, 1)]
    assert np.linalg.norm(means[0] - means[1]) > 5 * found.std(axis=0).mean()
    with pytest.raises(ValueError, match="3 x 3 pixels are too small"):
        gradient_features(samples.x[:, :, :3, :3])
