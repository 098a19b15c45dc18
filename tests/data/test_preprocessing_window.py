"""Series that are standardised by themselves: level and spread of a series do not matter."""

import numpy as np
import pandas as pd
import pytest

from foldwise.data.preprocessing import (
    SequenceInputConfig,
    SeriesPreprocessing,
    TableInputConfig,
    fit_preprocessing,
    require_readable,
)
from foldwise.data.samples import Feature, Samples, SamplesError

NAN = np.nan


def window(missing="error", **changes):
    return SeriesPreprocessing(
        mean=(10.0, -6.0), std=(2.0, 5.0), missing=missing, standardise="window", **changes
    )


def unequal(size=12, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 9, size)
    x = rng.normal([0, 300], [1, 40], (size, 8, 2)).astype(np.float32)
    x[np.arange(8) >= lengths[:, np.newaxis]] = 0
    return x, lengths


def test_each_series_goes_by_its_own_mean_and_deviation_padding_left_out():
    x, lengths = unequal()
    encoded = window().encode(x, lengths)
    for row, length in enumerate(lengths):
        steps = x[row, :length].astype(np.float64)
        expected = (steps - steps.mean(axis=0)) / steps.std(axis=0)
        np.testing.assert_allclose(encoded[row, :length, :2], expected, atol=1e-5)
        assert not encoded[row, length:].any()
        assert encoded[row, :, 2].sum() == length


def test_level_and_spread_leave_no_trace():
    x, lengths = unequal()
    other = np.where(np.arange(8)[:, None] < lengths[:, None, None], 4 * x - 1000, 0)
    found = window().encode(other.astype(np.float32), lengths)
    np.testing.assert_allclose(found, window().encode(x, lengths), atol=1e-3)


def test_steps_behind_the_cut_have_no_influence():
    x, lengths = unequal()
    cut = window(max_length=3)
    changed = x.copy()
    changed[:, 3:] = 77
    np.testing.assert_array_equal(cut.encode(x, lengths), cut.encode(changed, lengths))


GAPS = {  # of 4, -, 8, -: mean 6, deviation 2
    "zero": [-1, 0, 1, 0],
    "interpolate": [-1, 0, 1, 1],
    "previous": [-1, -1, 1, 1],
}


@pytest.mark.parametrize("missing", GAPS)
def test_what_is_missing_does_not_count_and_is_filled_by_hand(missing):
    x = np.zeros((1, 6, 2), np.float32)
    x[0, :4, 0] = [4, NAN, 8, NAN]
    x[0, :4, 1] = NAN
    encoded = window(missing).encode(x, np.array([4]))
    np.testing.assert_allclose(encoded[0, :, 0], GAPS[missing])
    assert not encoded[0, :, 1].any()


def test_a_constant_channel_is_zero_and_finite():
    x = np.full((2, 5, 2), 0.1, np.float32)
    x[1] = 3e38
    encoded = window().encode(x, np.array([5, 1]))
    np.testing.assert_allclose(encoded[..., :2], 0, atol=1e-6)


def samples_of(modality, x):
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(len(x))], "target": 1.0})
    features = tuple(Feature(name=f"c{i}") for i in range(x.shape[-1]))
    return Samples(x, table, modality=modality, features=features)


@pytest.mark.parametrize("config", [SequenceInputConfig, TableInputConfig])
@pytest.mark.parametrize(
    ("chosen", "is_forecast", "expected"),
    [
        ("auto", False, "training"),
        ("auto", True, "window"),
        ("training", True, "training"),
        ("window", False, "window"),
    ],
)
def test_what_is_automatic_goes_by_whether_changes_are_forecast(
    config, chosen, is_forecast, expected
):
    samples = samples_of("series", unequal()[0])
    rows = np.arange(12)
    fitted = fit_preprocessing(samples, rows, config(standardise=chosen), is_forecast=is_forecast)
    assert fitted.standardise == expected


def test_windows_of_a_table_are_refused():
    samples = samples_of("table", np.zeros((4, 3), np.float32))
    require_readable(samples, TableInputConfig(standardise="training"))
    with pytest.raises(SamplesError, match=r"inputs.standardise is 'window', .* are tables"):
        require_readable(samples, TableInputConfig(standardise="window"))
