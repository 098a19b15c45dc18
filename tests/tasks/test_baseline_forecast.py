import numpy as np
import pytest
from baseline_samples import windows

from foldwise.data.forecast_channel import ChannelError
from foldwise.tasks.baseline_forecast import naive_forecasts

VALUES = [1, 2, 4, 7, 11, 16, 22, 29, 37, 46, 56, 67]


def test_the_last_value_is_that_of_the_window():
    samples = windows(size=4, length=3, values=VALUES)
    found = naive_forecasts(samples, np.arange(4))
    assert found.source == "channel 'price'"
    np.testing.assert_array_equal(found.values, [[4], [7], [11], [16]])


def test_every_step_ahead_gets_the_last_value():
    samples = windows(size=2, length=3, horizon=3, values=VALUES)
    found = naive_forecasts(samples, np.array([1, 0]))
    np.testing.assert_array_equal(found.values, [[7, 7, 7], [4, 4, 4]])


def test_a_season_is_repeated_step_by_step():
    samples = windows(size=2, length=3, horizon=4, values=VALUES)
    found = naive_forecasts(samples, np.arange(2), period=2)
    np.testing.assert_array_equal(found.values, [[2, 4, 2, 4], [4, 7, 4, 7]])


def test_a_season_longer_than_the_window_is_not_known():
    samples = windows(size=2, length=3, values=VALUES)
    assert np.isnan(naive_forecasts(samples, np.arange(2), period=4).values).all()


def test_a_gap_at_the_end_takes_the_value_before():
    samples = windows(size=4, length=3, values=VALUES)
    samples.x[0, 2, 0] = np.nan
    assert naive_forecasts(samples, np.array([0])).values.item() == 2


@pytest.mark.parametrize("stride", [1, 2])
def test_the_channel_is_found_among_others(stride):
    samples = windows(size=20, length=5, stride=stride, channels=("other", "price"))
    found = naive_forecasts(samples, np.arange(20))
    assert found.source == "channel 'price'"
    np.testing.assert_array_equal(found.values[:, 0], samples.x[:, -1, 1])


def test_without_the_channel_the_targets_of_earlier_windows_are_taken():
    samples = windows(size=4, length=3, values=VALUES, channels=("other",))
    found = naive_forecasts(samples, np.arange(4))
    assert "it is no channel" in found.source
    np.testing.assert_array_equal(found.values[:, 0], [np.nan, 7, 11, 16])


def test_a_channel_can_be_named_and_must_be_there():
    samples = windows(size=4, length=3, values=VALUES)
    found = naive_forecasts(samples, np.arange(4), channel="other")
    np.testing.assert_array_equal(found.values[:, 0], samples.x[:, -1, 1])
    with pytest.raises(ChannelError, match=r"target_channel is 'Price', but .*'price'"):
        naive_forecasts(samples, np.arange(4), channel="Price")
