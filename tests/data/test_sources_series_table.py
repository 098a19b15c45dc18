"""Long and wide tables of series become the same samples; contradictions are named."""

import numpy as np
import pandas as pd
import pytest

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.series_table import SeriesTableSource

LENGTHS = {"s10": 4, "s2": 2, "zoé": 3}


def long_frame():
    """Three series of two channels, 4, 2 and 3 steps, in the order of time."""
    rows = [
        {"id": name, "t": 10 * step, "a": number + step / 10, "b": -step, "kind": "xyx"[number]}
        for number, (name, length) in enumerate(LENGTHS.items())
        for step in range(length)
    ]
    return pd.DataFrame(rows).assign(
        site=lambda frame: frame["id"].str.len(), age=lambda frame: frame["site"] / 2
    )


LONG = {"label_column": "kind", "series_column": "id", "time_column": "t", "channels": "a,b"}


@pytest.fixture
def read(tmp_path):
    def read(frame, name="data.csv", **parameters):
        (frame.to_parquet if name.endswith("parquet") else frame.to_csv)(
            tmp_path / name, index=False
        )
        return SeriesTableSource.of(path=tmp_path / name, **parameters).read(tmp_path)

    return read


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_a_long_table_is_sorted_by_time_and_padded(read, name):
    shuffled = long_frame().sample(frac=1, random_state=0)
    reading = read(shuffled, name, **LONG, group_column="site", meta_columns="age")
    assert reading.modality == "series"
    assert [feature.name for feature in reading.features] == ["a", "b"]
    expected = np.zeros((3, 4, 2))
    for number, length in enumerate(LENGTHS.values()):
        expected[number, :length, 0] = number + np.arange(length) / 10
        expected[number, :length, 1] = -np.arange(length)
    np.testing.assert_array_equal(reading.x, expected.astype(np.float32))
    assert reading.table.to_dict("list") == {
        "sample_id": ["s10", "s2", "zoé"],
        "group": ["3", "2", "3"],
        "meta_age": [1.5, 1.0, 1.5],
        "label": ["x", "y", "x"],
        "time": [0, 0, 0],
        "time_end": [30, 10, 20],
        "length": [4, 2, 3],
    }
    assert reading.classes == ("x", "y")
    assert reading.bad_files == ()


def test_rows_stand_in_order_where_no_time_is_named(read):
    frame = pd.DataFrame({"id": list("bab"), "v": [1.5, 2.5, 0.5], "kind": list("xyx")})
    reading = read(frame, label_column="kind", series_column="id")
    np.testing.assert_array_equal(reading.x[:, :, 0], [[2.5, 0], [1.5, 0.5]])
    assert "time" not in reading.table


def test_moments_span_a_series(read):
    frame = long_frame()
    frame["t"] = (pd.Timestamp("2024-05-31") + pd.to_timedelta(frame["t"], unit="min")).astype(str)
    reading = read(frame, **LONG)
    assert reading.table["time"].dtype == "datetime64[ns]"
    assert reading.table["time_end"].tolist() == [
        pd.Timestamp(f"2024-05-31 00:{minutes}") for minutes in (30, 10, 20)
    ]


def test_a_missing_value_stays_missing(read):
    frame = long_frame()
    frame.loc[1, "a"] = None
    x = read(frame, **LONG).x
    assert np.isnan(x[0, 1, 0])
    assert np.isnan(x).sum() == 1


def test_a_label_in_one_row_of_a_series_is_enough(read):
    frame = long_frame()
    frame.loc[[1, 2, 3, 5], "kind"] = None
    assert read(frame, **LONG).table["label"].tolist() == ["x", "y", "x"]


def test_series_that_contradict_themselves_or_have_no_label_are_bad(read):
    frame = long_frame()
    frame.loc[1, "kind"] = "z"
    frame.loc[4:5, "kind"] = None
    reading = read(frame, **LONG)
    assert reading.table["sample_id"].tolist() == ["zoé"]
    np.testing.assert_array_equal(reading.x[0, :, 1], [0, -1, -2])
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        (
            "data.csv, series 's10'",
            "column 'kind' holds 2 values ('x', 'z'), where one is expected",
        ),
        ("data.csv, series 's2'", "the label (column 'kind') is missing"),
    ]


def test_rows_without_a_series_or_a_time_are_bad(read):
    frame = long_frame()
    frame.loc[0, "id"] = None
    frame["t"] = frame["t"].astype(str)
    frame.loc[8, "t"] = "noon"
    reading = read(frame, **LONG)
    assert reading.table["length"].tolist() == [3, 2, 2]
    assert [bad.path for bad in reading.bad_files] == ["data.csv, row 2", "data.csv, row 10"]
    assert "'noon', no number" in reading.bad_files[1].reason


def test_a_time_that_occurs_twice_in_a_series_is_an_error(read):
    frame = long_frame()
    frame.loc[3, "t"] = 10
    with pytest.raises(
        IngestError, match=r"the time 10 of series 's10' .*'data.csv, row 3', 'data.csv, row 5'"
    ):
        read(frame, **LONG)


def wide_frame():
    return pd.DataFrame(
        {
            "who": ["u", "v", "u"],
            "t1": [1.0, 4.0, None],
            "t2": [2.0, None, 8.0],
            "t3": [3.0, None, None],
            "kind": ["x", "y", "x"],
            "part": ["train", "test", "Validation"],
        }
    )


WIDE = {"label_column": "kind", "group_column": "who", "split_column": "part"}


def test_a_wide_table(read):
    reading = read(wide_frame(), **WIDE)
    np.testing.assert_array_equal(reading.x[:, :, 0], [[1, 2, 3], [4, 0, 0], [np.nan, 8, 0]])
    assert reading.table.to_dict("list") == {
        "sample_id": ["row_000000", "row_000001", "row_000002"],
        "group": ["u", "v", "u"],
        "official_split": ["train", "test", "val"],
        "label": ["x", "y", "x"],
        "length": [3, 1, 2],
    }


def test_the_steps_of_a_wide_table_can_be_chosen(read):
    reading = read(wide_frame(), **WIDE, channels="t2,t1")
    np.testing.assert_array_equal(reading.x[:, :, 0], [[2, 1], [np.nan, 4], [8, 0]])


def test_bad_rows_of_a_wide_table(read):
    frame = wide_frame()
    frame.loc[0, ["t1", "t2", "t3"]] = None
    frame.loc[1, "kind"] = None
    reading = read(frame, **WIDE)
    np.testing.assert_array_equal(reading.x[:, :, 0], [[np.nan, 8]])
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("data.csv, row 2", "it has no values"),
        ("data.csv, row 3", "the label (column 'kind') is missing"),
    ]


def test_numbers_to_be_predicted(read):
    frame = wide_frame().assign(kind=[0.5, 1.25, -3])
    reading = read(frame, **WIDE)
    assert reading.table["target"].tolist() == [0.5, 1.25, -3]
    assert reading.classes == ()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"label_column": "knd"}, "label_column: .*no column 'knd'. Did you mean 'kind'"),
        ({"series_column": "ID"}, "series_column: .*no column 'ID'. Did you mean 'id'"),
        ({"channels": ["a", "c"]}, "channels: .*no column 'c'"),
        ({"channels": ["a", "kind"]}, "channels: 'kind' is something else already"),
        ({"channels": []}, "0 of 9 cells of 'word' are numbers; row 2 is 'w'"),
        ({"id_column": "id"}, "in a long table `series_column` is the id"),
        ({"meta_columns": "mta"}, "meta_columns: .*no column 'mta'"),
    ],
)
def test_wrong_columns_are_named(read, parameters, message):
    with pytest.raises(IngestError, match=message):
        read(long_frame().assign(word="w"), **{**LONG, **parameters})


def test_what_was_read_can_be_ingested(tmp_path):
    long_frame().to_csv(tmp_path / "data.csv", index=False, sep=";", decimal=",")
    source = {"kind": "series_table", "path": tmp_path / "data.csv", **LONG}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    assert samples.x.shape == (3, 4, 2)
    assert samples.x[2, 1, 0] == np.float32(2.1)
