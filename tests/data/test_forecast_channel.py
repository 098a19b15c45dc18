"""The channel that targets go on from is found by the values of a training part alone."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from foldwise.data.forecast_channel import (
    ChannelError,
    forecast_channel,
    is_forecast,
    require_channel,
)
from foldwise.data.samples import Feature, Samples

LENGTH = 5
ROWS = np.arange(60)


def windows(target, stride=1, horizon=1, **channels):
    """Windows of one long series whose targets are later values of `target`."""
    starts = np.arange(0, len(target) - LENGTH - horizon + 1, stride)
    whole = np.stack(list(channels.values()), axis=1).astype(np.float32)
    x = np.stack([whole[start : start + LENGTH] for start in starts])
    names = ["target"] if horizon == 1 else [f"target_{i + 1}" for i in range(horizon)]
    table = {name: target[starts + LENGTH + i] for i, name in enumerate(names)}
    table |= {"sample_id": [f"a@b@{start}" for start in starts], "series": "a@b"}
    features = tuple(Feature(name=name) for name in channels)
    return Samples(x, pd.DataFrame(table), modality="series", features=features)


def walk(seed=0, size=80):
    return np.random.default_rng(seed).normal(size=size).cumsum()


@pytest.mark.parametrize(("stride", "horizon"), [(1, 1), (3, 1), (5, 1), (7, 4)])
def test_the_channel_is_found_by_its_values(stride, horizon):
    samples = windows(walk(), stride, horizon, other=walk(1), price=walk())
    assert forecast_channel(samples, np.arange(len(samples))) == "price"


def test_a_target_that_is_no_channel_has_none():
    assert forecast_channel(windows(walk(), other=walk(1)), ROWS) is None


def test_zeros_that_most_values_are_tell_nothing():
    rain, snow = np.zeros(80), np.zeros(80)
    rain[::16] = 1 + np.arange(5)
    snow[3::40] = 9
    assert forecast_channel(windows(rain, snow=snow, rain=rain), ROWS) == "rain"
    assert forecast_channel(windows(rain, snow=snow), ROWS) is None


def test_windows_that_lack_values_do_not_hide_the_channel():
    samples = windows(walk(), other=walk(1), price=walk())
    samples.x[::2, 1:3, 1] = np.nan
    assert forecast_channel(samples, ROWS) == "price"


def test_padding_does_not_count():
    samples = windows(walk(), price=walk())
    samples.x[:, 4] = 0
    table = samples.table.assign(length=4)
    shorter = dataclasses.replace(samples, table=table.assign(target=walk()[4 : 4 + len(table)]))
    assert forecast_channel(shorter, ROWS) == "price"


def test_rows_of_other_parts_are_not_looked_at():
    samples = windows(walk(), other=walk(1), price=walk())
    x, table = samples.x.copy(), samples.table.copy()
    x[60:, :, 1] = x[60:, :, 0]
    table.loc[60:, "target"] = 7.0
    assert forecast_channel(dataclasses.replace(samples, x=x, table=table), ROWS) == "price"
    x[:60, :, 1] = -1
    assert forecast_channel(dataclasses.replace(samples, x=x, table=table), ROWS) is None


def test_series_that_are_no_windows_are_no_forecasts():
    samples = windows(walk(), price=walk())
    whole = dataclasses.replace(samples, table=samples.table.drop(columns="series"))
    renamed = samples.table.assign(sample_id=[f"s{i}" for i in range(len(samples))])
    assert is_forecast(samples)
    assert not is_forecast(whole)
    assert not is_forecast(dataclasses.replace(samples, table=renamed))
    assert forecast_channel(whole, ROWS) is None


def test_a_channel_that_is_not_there_is_refused_by_the_parameters_name():
    samples = windows(walk(), other=walk(1), price=walk())
    require_channel(samples, "price", "target_channel")
    with pytest.raises(ChannelError, match=r"^target_channel is 'Price', but .*'other', 'price'"):
        require_channel(samples, "Price", "target_channel")
    table = Samples(samples.x[:, 0], samples.table, modality="table", features=samples.features)
    with pytest.raises(ChannelError, match="of the kind 'table', which has no channels"):
        require_channel(table, "price", "target_channel")
