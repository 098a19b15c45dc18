"""Series are standardised by their own steps, and gaps are filled as the parameters say."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.data.preprocessing import (
    MissingValueError,
    SequenceInputConfig,
    SeriesPreprocessing,
    TableInputConfig,
    complete,
    fit_preprocessing,
    fit_series,
    require_complete,
    series,
)
from foldwise.data.samples import Feature, Samples

NAN = math.nan


def unequal(size=30, seed=0):
    """Three channels, unequal lengths, gaps, zeros as padding."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, size)
    x = rng.normal([0, 5, -300], [1, 0.1, 40], (size, 8, 3)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = NAN
    x[np.arange(8) >= lengths[:, np.newaxis]] = 0
    return x, lengths


def present(x, lengths, rows, channel):
    values = [x[row, step, channel] for row in rows for step in range(lengths[row])]
    return [float(value) for value in values if not math.isnan(value)]


def samples_of(x, lengths):
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(len(x))], "length": lengths})
    features = tuple(Feature(name=f"c{i}") for i in range(x.shape[2]))
    return Samples(x, table, ("a",), modality="series", features=features)


@pytest.mark.parametrize("chunk", [1, 7, 1024])
def test_statistics_are_those_of_the_steps_that_are_there(monkeypatch, chunk):
    monkeypatch.setattr(series, "_CHUNK", chunk)
    x, lengths = unequal()
    rows = np.arange(0, 30, 2)
    fitted = fit_series(x, lengths, rows, "zero")
    for channel in range(3):
        values = present(x, lengths, rows, channel)
        assert fitted.mean[channel] == pytest.approx(np.mean(values))
        assert fitted.std[channel] == pytest.approx(np.std(values))


def test_other_rows_and_what_is_behind_the_end_have_no_influence():
    x, lengths = unequal()
    changed = x.copy()
    changed[20:] = 1e6
    changed[np.arange(8) >= lengths[:, np.newaxis]] = -77
    rows = np.arange(20)
    assert fit_series(x, lengths, rows, "zero") == fit_series(changed, lengths, rows, "zero")


def test_the_order_of_rows_has_no_influence_but_a_row_that_comes_twice_counts_twice():
    x, lengths = unequal()
    rows = np.random.default_rng(1).integers(0, 30, 40)
    fitted = fit_series(x, lengths, rows, "zero")
    assert fitted == fit_series(x, lengths, rows[::-1], "zero")
    assert fitted.mean[0] == pytest.approx(np.mean(present(x, lengths, rows, 0)))


def test_steps_behind_the_longest_allowed_do_not_count():
    x, lengths = unequal()
    rows = np.arange(30)
    fitted = fit_series(x, lengths, rows, "zero", max_length=3)
    values = present(x, np.minimum(lengths, 3), rows, 1)
    assert fitted.mean[1] == pytest.approx(np.mean(values))
    assert fitted.std[1] == pytest.approx(np.std(values))
    encoded = fitted.encode(x, lengths)
    assert encoded.shape == (30, 3, 4)
    np.testing.assert_array_equal(encoded[..., -1].sum(1), np.minimum(lengths, 3))


def test_a_constant_or_empty_channel_is_not_divided_by_zero():
    x = np.stack([np.full((4, 5), 0.1), np.full((4, 5), NAN)], axis=2).astype(np.float32)
    lengths = np.full(4, 5)
    fitted = fit_series(x, lengths, np.arange(4), "zero")
    assert fitted.std == (1.0, 1.0)
    np.testing.assert_allclose(fitted.encode(x, lengths)[..., :2], 0, atol=1e-6)


def test_a_large_offset_keeps_the_digits_of_the_deviation():
    noise = np.random.default_rng(0).normal(size=(50, 20, 1))
    x = (1e5 + noise).astype(np.float32)
    lengths = np.full(50, 20)
    fitted = fit_series(x, lengths, np.arange(50), "zero")
    exact = x.astype(np.longdouble)
    assert fitted.std[0] == pytest.approx(float(exact.std()), rel=1e-9)
    encoded = fitted.encode(x, lengths)[..., 0]
    expected = (exact[..., 0] - exact.mean()) / exact.std()
    np.testing.assert_allclose(encoded, expected.astype(np.float64), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), longest=st.one_of(st.none(), st.integers(1, 10)))
def test_encoded_series_are_standardised_with_a_mask_and_zeros_behind(seed, longest):
    x, lengths = unequal(size=5, seed=seed)
    fitted = SeriesPreprocessing(
        mean=(1.0, 2.0, 3.0), std=(1.0, 0.5, 10.0), missing="zero", max_length=longest
    )
    encoded = fitted.encode(x, lengths)
    kept = [min(length, longest or 8) for length in lengths]
    assert encoded.shape == (5, max(kept), 4)
    assert encoded.dtype == np.float32
    for row, length in enumerate(kept):
        assert encoded[row, :, -1].tolist() == [1.0] * length + [0.0] * (max(kept) - length)
        assert not encoded[row, length:].any()
        values = (x[row, :length].astype(float) - [1, 2, 3]) / [1, 0.5, 10]
        np.testing.assert_allclose(encoded[row, :length, :3], np.nan_to_num(values), rtol=1e-6)


def test_what_was_given_is_not_changed():
    x, lengths = unequal()
    before = x.copy()
    fit_series(x, lengths, np.arange(30), "interpolate").encode(x, lengths)
    np.testing.assert_array_equal(x, before)


GAPS = {  # with a mean of 10: two at the start, one in the middle, two before the end, padding
    "zero": [10, 10, 4, 10, 10, 8, 10, 10, 0, 0],
    "interpolate": [4, 4, 4, 16 / 3, 20 / 3, 8, 8, 8, 0, 0],
    "previous": [10, 10, 4, 4, 4, 8, 8, 8, 0, 0],
}


@pytest.mark.parametrize("missing", GAPS)
def test_gaps_are_filled_by_hand_made_examples(missing):
    x = np.zeros((2, 10, 2), np.float32)
    x[0, :8, 0] = [NAN, NAN, 4, NAN, NAN, 8, NAN, NAN]
    x[0, :8, 1] = NAN  # nothing to go by
    x[1] = 3.0
    fitted = SeriesPreprocessing(mean=(10.0, -6.0), std=(1.0, 1.0), missing=missing)
    encoded = fitted.encode(x, np.array([8, 10]))
    filled = np.where(np.arange(10) < 8, encoded[0, :, 0] + 10, 0)
    np.testing.assert_allclose(filled, GAPS[missing], rtol=1e-6)
    assert not encoded[0, :, 1].any()
    np.testing.assert_allclose(encoded[1, :, :2], [[-7.0, 9.0]] * 10)


def test_what_is_behind_the_cut_does_not_fill_a_gap():
    x = np.array([1, NAN, NAN, 7], np.float32).reshape(1, 4, 1)
    fitted = SeriesPreprocessing(mean=(0.0,), std=(1.0,), missing="interpolate", max_length=3)
    assert fitted.encode(x, np.array([4]))[0, :, 0].tolist() == [1, 1, 1]


def test_no_infinity_reaches_a_network():
    x = np.array([3e38, -3e38], np.float32).reshape(1, 2, 1)
    fitted = SeriesPreprocessing(mean=(0.0,), std=(1e-6,), missing="error")
    assert np.isfinite(fitted.encode(x, np.array([2]))).all()


def test_series_that_lack_values_are_told_by_their_name(monkeypatch):
    monkeypatch.setattr(complete, "_CHUNK", 4)
    x = np.zeros((10, 6, 2), np.float32)
    lengths = np.full(10, 4)
    x[5:, 4:] = NAN  # no steps
    samples = samples_of(x, lengths)
    require_complete(samples, SequenceInputConfig())
    x[6, 2, 1] = x[9, 0, 0] = NAN
    for config in (SequenceInputConfig(), TableInputConfig(), SequenceInputConfig(max_length=3)):
        with pytest.raises(
            MissingValueError,
            match=r"2 of 10 series lack values, the first of them 's6', in channel 'c1' at step 2"
            r".*inputs.missing=interpolate .*previous .*zero",
        ):
            require_complete(samples, config)
    with pytest.raises(MissingValueError, match=r"1 of 10 series .*'s9'"):
        require_complete(samples, SequenceInputConfig(max_length=2))
    require_complete(samples, SequenceInputConfig(missing="previous"))
    fitted = fit_preprocessing(samples, np.arange(5), SequenceInputConfig())
    with pytest.raises(MissingValueError, match="2 of 10 series lack values"):
        fitted.encode(x, lengths)


def test_no_training_row_at_all_gives_statistics_that_change_nothing():
    x, lengths = unequal()
    fitted = fit_series(x, lengths, np.arange(0), "zero")
    assert (fitted.mean, fitted.std) == ((0.0,) * 3, (1.0,) * 3)
