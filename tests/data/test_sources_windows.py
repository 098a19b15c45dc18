"""Windows hold the steps they say, know their span, and are followed by their targets."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.readers.window_cuts import majority, window_starts
from foldwise.data.samples import array_hash
from foldwise.data.sources.windows import WindowsSource

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
HOURS = pd.date_range("2024-01-01", periods=20, freq="h")


def frame_of(num_steps=20, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "t": np.arange(num_steps) * 10,
            "a": rng.normal(size=num_steps),
            "b": rng.integers(0, 9, num_steps),
            "state": [["low", "high"][i // 3 % 2] for i in range(num_steps)],
        }
    )


@pytest.fixture
def read(tmp_path):
    def read(frame, name="data.csv", **parameters):
        (frame.to_parquet if name.endswith("parquet") else frame.to_csv)(
            tmp_path / name, index=False
        )
        return WindowsSource.of(path=tmp_path / name, **parameters).read(tmp_path)

    return read


@settings(max_examples=60, deadline=None)
@given(
    num_steps=st.integers(1, 40),
    length=st.integers(1, 12),
    horizon=st.integers(1, 5),
    stride=st.integers(1, 7),
    seed=st.integers(0, 5),
)
def test_windows_are_slices_and_targets_follow(
    tmp_path_factory, num_steps, length, horizon, stride, seed
):
    folder = tmp_path_factory.mktemp("windows")
    frame = frame_of(num_steps, seed)
    frame.sample(frac=1, random_state=seed).to_parquet(folder / "sea.parquet", index=False)
    source = WindowsSource.of(
        path=folder / "sea.parquet",
        length=length,
        horizon=horizon,
        stride=stride,
        target_column="a",
        time_column="t",
    )
    reading = source.read(folder)
    room = num_steps - length - horizon
    assert len(reading.table) == len(reading.x) == (room // stride + 1 if room >= 0 else 0)
    assert len(reading.bad_files) == (room < 0)
    names = ["target"] if horizon == 1 else [f"target_{i + 1}" for i in range(horizon)]
    for i, row in reading.table.iterrows():
        start = i * stride
        window = frame[["a", "b"]].iloc[start : start + length].to_numpy(np.float32)
        np.testing.assert_array_equal(reading.x[i], window)
        after = frame["a"].iloc[start + length : start + length + horizon]
        assert row[names].tolist() == after.tolist()
        assert row["sample_id"] == f"sea@{start}"
        assert row["time"] == start * 10
        assert row["time_end"] == (start + length + horizon - 1) * 10
        assert row["sha256"] == array_hash(reading.x[i])


@settings(max_examples=100, deadline=None)
@given(
    codes=st.lists(st.integers(-1, 3), min_size=1, max_size=30),
    length=st.integers(1, 8),
    stride=st.integers(1, 4),
)
def test_the_majority_is_the_most_frequent_class(codes, length, stride):
    codes = np.array(codes)
    starts = window_starts(len(codes), length, stride)
    expected = []
    for start in starts:
        window = codes[start : start + length]
        counts = np.bincount(window[window >= 0])
        expected.append(counts.argmax() if len(counts) else -1)
    assert majority(codes, starts, length).tolist() == expected


def test_the_class_is_that_of_the_last_step_or_the_most_frequent(read):
    frame = frame_of(12)
    last = read(frame, length=5, label_column="state", time_column="t")
    assert last.table["label"].tolist() == frame["state"].tolist()[4:]
    assert last.table["time_end"].tolist() == [40 + 10 * i for i in range(8)]
    assert last.classes == ("high", "low")
    most = read(frame, length=3, stride=4, label_column="state", label_rule="majority")
    assert most.table["label"].tolist() == ["low", "high", "high"]  # steps 0-2, 4-6, 8-10
    assert most.table["sample_id"].tolist() == ["data@0", "data@4", "data@8"]
    assert most.table["time"].tolist() == [0, 4, 8]


def test_channels_are_chosen_by_name_and_the_rest_is_numeric(read):
    chosen = read(frame_of(), length=4, target_column="a", channels="b", time_column="t")
    assert [feature.name for feature in chosen.features] == ["b"]
    default = read(frame_of(), length=4, target_column="a", time_column="t")
    assert [feature.name for feature in default.features] == ["a", "b"]


def test_a_mistyped_number_does_not_drop_a_channel(read):
    frame = frame_of(30).astype({"b": "str"})
    frame.loc[7, "b"] = "abc"
    with pytest.raises(IngestError, match="29 of 30 cells of 'b' are numbers; row 9 is 'abc'"):
        read(frame, length=4, target_column="a", time_column="t")
    chosen = read(frame, length=4, target_column="a", time_column="t", channels="a")
    assert [feature.name for feature in chosen.features] == ["a"]
    missing = read(frame, length=4, target_column="a", time_column="t", missing_values="abc")
    assert [feature.name for feature in missing.features] == ["a", "b"]


def test_several_series_in_one_file_stay_apart(read):
    one, two = frame_of(7, 1).assign(who="zoé"), frame_of(9, 2).assign(who="10")
    mixed = pd.concat([one, two]).sample(frac=1, random_state=0)
    reading = read(
        mixed, length=3, target_column="a", series_column="who", time_column="t", channels="a"
    )
    assert reading.table["series"].tolist() == ["10"] * 6 + ["zoé"] * 4
    assert reading.table["sample_id"].tolist()[5:7] == ["10@5", "zoé@0"]
    np.testing.assert_array_equal(reading.x[5, :, 0], two["a"][5:8].astype(np.float32))
    np.testing.assert_array_equal(reading.x[6, :, 0], one["a"][:3].astype(np.float32))
    assert reading.table["target"].tolist() == [*two["a"][3:], *one["a"][3:]]


def test_windows_of_a_group_are_told(read):
    frame = pd.concat(
        [frame_of(5).assign(who=who, home=home) for who, home in [("x", "1"), ("y", "2")]]
    )
    parameters = {"length": 3, "label_column": "state", "time_column": "t", "group_column": "home"}
    reading = read(frame, series_column="who", **parameters)
    assert reading.table["group"].tolist() == ["1"] * 3 + ["2"] * 3
    assert [feature.name for feature in reading.features] == ["a", "b"]
    with pytest.raises(
        IngestError, match=r"series 'b' has 2 values in column 'home' \('1', '2'\)"
    ):
        read(frame.assign(t=range(10)), "b.csv", **parameters)


def test_series_without_times_stand_in_the_order_of_their_rows(read):
    frame = pd.DataFrame({"a": range(8), "who": list("xyxyxyxy")})
    reading = read(frame, length=2, target_column="a", series_column="who")
    assert reading.table["target"].tolist() == [4, 6, 5, 7]
    assert reading.table["time_end"].tolist() == [2, 3, 2, 3]


def test_a_folder_holds_one_series_per_file(tmp_path):
    frame_of(8, 1).to_csv(tmp_path / "b.csv", index=False)
    frame_of(9, 2).to_parquet(tmp_path / "a.parquet", index=False)
    (tmp_path / "notes.txt").touch()
    parameters = {"length": 4, "target_column": "a", "time_column": "t"}
    reading = WindowsSource.of(path=tmp_path, **parameters).read(tmp_path)
    assert reading.table["series"].tolist() == ["a"] * 5 + ["b"] * 4
    np.testing.assert_array_equal(
        reading.x[5, :, 0], frame_of(8, 1)["a"].head(4).astype(np.float32)
    )
    frame_of(8, 3).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(IngestError, match=r"more than one file .* holds a series 'a'"):
        WindowsSource.of(path=tmp_path, **parameters).read(tmp_path)


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_moments_are_parsed(read, name):
    frame = frame_of().assign(t=HOURS)
    reading = read(frame, name, length=4, target_column="a", time_column="t")
    assert reading.table["time"].dtype == "datetime64[ns]"
    assert reading.table["time"].tolist() == HOURS[:16].tolist()
    assert reading.table["time_end"].tolist() == HOURS[4:].tolist()


def test_a_missing_value_stays_but_a_missing_target_makes_a_bad_row(read):
    frame = frame_of(10).assign(b=np.arange(10.0))
    frame.loc[3, "b"] = np.nan
    frame.loc[6, "a"] = np.nan
    reading = read(frame, length=3, horizon=2, target_column="a", channels="b", time_column="t")
    starts = [int(name.removeprefix("data@")) for name in reading.table["sample_id"]]
    assert starts == [0, 1, 4, 5]  # the others would predict step 6
    np.testing.assert_array_equal(reading.x[1, :, 0], [1, 2, np.nan])
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("data.csv, row 8", "the target is missing: 2 windows of series 'data' would predict it")
    ]


def test_a_missing_label_makes_a_bad_row(read):
    frame = frame_of(8)
    frame.loc[[1, 2, 5], "state"] = None
    last = read(frame, length=2, label_column="state", time_column="t")
    assert [bad.path for bad in last.bad_files] == [f"data.csv, row {row}" for row in (3, 4, 7)]
    assert last.table["sample_id"].tolist() == [f"data@{start}" for start in (2, 3, 5, 6)]
    most = read(frame, length=2, label_column="state", label_rule="majority", time_column="t")
    assert [bad.path for bad in most.bad_files] == ["data.csv, row 4"]
    assert "label of all 2 rows up to here is missing" in most.bad_files[0].reason


def test_short_series_and_rows_without_series_or_time_are_bad(read):
    frame = frame_of(9).assign(who=[*list("xxxxyyxx"), None])
    frame["t"] = frame["t"].astype("str")
    frame.loc[1, "t"] = None
    reading = read(frame, length=3, target_column="a", series_column="who", time_column="t")
    assert {(bad.path, bad.reason) for bad in reading.bad_files} == {
        ("data.csv, row 3", "the time (column 't') is missing"),
        ("data.csv, row 10", "the series (column 'who') is missing"),
        ("data.csv, series 'y'", "it has 2 steps, but a window spans 4"),
    }
    assert reading.table["sample_id"].tolist() == ["x@0", "x@1"]


def test_a_time_that_occurs_twice_in_a_series_is_an_error(read):
    frame = frame_of(6).assign(who=list("xxyyxy"))
    frame["t"] = [1, 2, 1, 2, 2, 3]
    with pytest.raises(
        IngestError, match=r"the time 2 of series 'x' .*'data.csv, row 3', 'data.csv, row 6'"
    ):
        read(frame, length=1, target_column="a", series_column="who", time_column="t")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"target_column": "A"}, "target_column: .*no column 'A'. Did you mean 'a'"),
        ({"label_column": "stat"}, "label_column: .*no column 'stat'. Did you mean 'state'"),
        ({"target_column": "state"}, "0 of 20 cells of 'state' are numbers; row 2 is 'low'"),
        ({"target_column": "a", "channels": ["a", "state"]}, "0 of 20 cells of 'state' are"),
        ({"target_column": "a", "channels": "c"}, "channels: .*no column 'c'"),
        (
            {"target_column": "a", "time_column": "state"},
            "row 2: the time .* is 'low', no moment in ISO 8601",
        ),
    ],
)
def test_wrong_columns_are_named(tmp_path, parameters, message):
    frame_of().to_csv(tmp_path / "data.csv", index=False)
    source = {"kind": "windows", "path": tmp_path / "data.csv", "length": 3, **parameters}
    with pytest.raises(IngestError, match=message):
        ingest(IngestConfig.of(source=source), tmp_path / "samples")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "either 'target_column' or 'label_column'"),
        ({"target_column": "a", "label_column": "b"}, "either 'target_column' or"),
        ({"label_column": "a", "horizon": 2}, "'horizon' is for a 'target_column'"),
        ({"target_column": "a", "length": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValidationError, match=message):
        WindowsSource.of(**{"path": "x", "length": 3, **parameters})


def test_a_limit_takes_a_share_of_each_series(read):
    frame = pd.concat([frame_of(30, 1).assign(who="x"), frame_of(60, 2).assign(who="y")])
    parameters = {"length": 4, "target_column": "a", "series_column": "who", "time_column": "t"}
    everything = read(frame, **parameters)
    x = dict(zip(everything.table["sample_id"], np.array(everything.x), strict=True))
    some = read(frame, limit=20, **parameters)
    assert some.table["series"].value_counts().to_dict() == {"x": 6, "y": 14}
    assert some.table["sample_id"].isin(list(x)).all()
    np.testing.assert_array_equal(some.x, [x[name] for name in some.table["sample_id"]])
    assert some.table["sha256"].tolist() == [array_hash(row) for row in some.x]


def test_an_ingest_keeps_the_windows(read, tmp_path):
    expected = read(frame_of(), length=4, target_column="a", time_column="t", horizon=2)
    x = np.array(expected.x)
    source = {"kind": "windows", "path": tmp_path / "data.csv", "length": 4, "horizon": 2}
    source |= {"target_column": "a", "time_column": "t"}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    np.testing.assert_array_equal(samples.x, x)
    assert samples.target_names == ("target_1", "target_2")
    assert samples.modality == "series"


@pytest.mark.real_data
@pytest.mark.skipif(
    not (DATA / "stocks").exists(),
    reason=f"{DATA / 'stocks'} is missing; FOLDWISE_DATA names its folder",
)
def test_stock_prices(tmp_path):
    path = DATA / "stocks" / "GOOGL_daily_2006_2017.csv"
    reading = WindowsSource.of(
        path=path, length=60, target_column="Close", time_column="Date", series_column="Name"
    ).read(tmp_path)
    prices = pd.read_csv(path)
    assert reading.x.shape == (3019 - 60, 60, 5)
    assert [f.name for f in reading.features] == ["Open", "High", "Low", "Close", "Volume"]
    np.testing.assert_array_equal(reading.table["target"], prices["Close"][60:])
    np.testing.assert_array_equal(reading.x[:, -1, 3], prices["Close"][59:-1].astype(np.float32))
    assert reading.table["time"].iloc[0] == pd.Timestamp("2006-01-03")
    assert reading.table["time_end"].iloc[-1] == pd.Timestamp("2017-12-29")
    assert reading.table["sample_id"].iloc[-1] == "GOOGL@2958"
    assert reading.bad_files == ()
