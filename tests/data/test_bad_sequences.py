"""What cannot be learnt from is refused at the door, in the user's words."""

import numpy as np
import pandas as pd
import pytest

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.samples import read_samples

HOURS = pd.date_range("2024-01-01", periods=12, freq="h").astype(str)
TEXTS = pd.DataFrame({"text": ["ab c", "b", "c a", "d"] * 3, "kind": ["p", "q"] * 6})
ROWS = pd.DataFrame({"a": np.arange(12.0), "kind": ["p", "q"] * 6})
STEPS = ROWS.assign(id=np.repeat(["s", "t", "u", "v"], 3), kind=np.repeat(["p", "q", "p", "q"], 3))
RECORD = ROWS.assign(t=HOURS)

SOURCES = {
    "text_table": (TEXTS, {"text_column": "text", "label_column": "kind", "tokens": "words"}),
    "table": (ROWS, {"target_column": "kind"}),
    "series_table": (STEPS, {"series_column": "id", "label_column": "kind"}),
    "windows": (RECORD, {"length": 3, "label_column": "kind", "time_column": "t"}),
}
FORECAST = {"length": 3, "target_column": "a", "time_column": "t"}


@pytest.fixture
def ingested(tmp_path):
    def ingested(frame, kind, name="samples", **parameters):
        frame.to_csv(tmp_path / "data.csv", index=False)
        source = {"kind": kind, "path": tmp_path / "data.csv", **parameters}
        ingest(IngestConfig.of(source=source), tmp_path / name)
        return read_samples(tmp_path / name)

    return ingested


@pytest.mark.parametrize("kind", SOURCES)
def test_a_target_of_one_class_is_refused(ingested, kind):
    frame, parameters = SOURCES[kind]
    assert len(ingested(frame, kind, **parameters).classes) == 2
    with pytest.raises(IngestError, match=r"found 1 class \('p'\)\. Expected are at least 2"):
        ingested(frame.assign(kind="p"), kind, "others", **parameters)


@pytest.mark.parametrize("text", ["", "   ", None])
def test_an_empty_text_is_a_bad_row(ingested, text):
    frame = TEXTS.copy()
    frame.loc[4, "text"] = text
    with pytest.raises(IngestError, match=r"row 6: the text \(column 'text'\) is missing"):
        ingested(frame, "text_table", **SOURCES["text_table"][1])


def test_a_horizon_longer_than_the_series_is_refused(ingested):
    with pytest.raises(IngestError, match="it has 12 steps, but a window spans 13"):
        ingested(RECORD, "windows", **FORECAST, horizon=10)


def test_rows_in_any_order_give_the_same_windows(ingested):
    sorted_by_time = ingested(RECORD, "windows", **FORECAST)
    mixed = ingested(RECORD.sample(frac=1, random_state=0), "windows", "others", **FORECAST)
    np.testing.assert_array_equal(sorted_by_time.x, mixed.x)
    assert mixed.content_hash == sorted_by_time.content_hash
    assert (mixed.table["time"].diff().dropna() > pd.Timedelta(0)).all()


def test_a_time_that_is_none_is_named(ingested):
    frame = RECORD.copy()
    frame.loc[7, "t"] = "noon"
    with pytest.raises(IngestError, match=r"row 9: the time \(column 't'\) is 'noon'"):
        ingested(frame, "windows", **FORECAST)


def test_a_time_that_comes_twice_is_named(ingested):
    frame = RECORD.copy()
    frame.loc[7, "t"] = frame.loc[2, "t"]
    with pytest.raises(IngestError, match=r"2024-01-01 02:00:00 .*row 4', 'data.csv, row 9'"):
        ingested(frame, "windows", **FORECAST)


@pytest.mark.parametrize("kind", ["table", "series_table"])
def test_a_column_without_any_value_stays_and_is_told_as_missing(ingested, kind):
    frame, parameters = SOURCES[kind]
    samples = ingested(frame.assign(b=np.nan), kind, **parameters)
    assert [feature.name for feature in samples.features] == ["a", "b"]
    assert np.isnan(samples.x[..., 1]).all()
    assert not np.isnan(samples.x[..., 0]).any()
