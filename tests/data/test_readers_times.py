"""A column of times is read alike wherever it stands, and its numbers keep all their digits."""

import pandas as pd
import pytest

from foldwise.data.sources.series_table import SeriesTableSource
from foldwise.data.sources.table import TableSource

CELLS = {
    "comma": (["0,5", "1,25", "-2"], [0.5, 1.25, -2.0]),
    "whole": (["9007199254740993", "2", "3"], [9007199254740993, 2, 3]),
    "moments": (
        ["2024-01-01", "2024-01-03T12:00+02:00", "2024-01-04"],
        [pd.Timestamp(t) for t in ("2024-01-01", "2024-01-03T10:00", "2024-01-04")],
    ),
}


@pytest.mark.parametrize(("cells", "expected"), CELLS.values(), ids=CELLS)
def test_times_of_tables_and_of_wide_series(tmp_path, cells, expected):
    path = tmp_path / "data.csv"
    rows = "".join(f"{cell};{i};{'ab'[i % 2]}\n" for i, cell in enumerate(cells))
    path.write_text("t;x;y\n" + rows)
    for source in (
        TableSource(path=path, time_column="t"),
        SeriesTableSource(path=path, label_column="y", time_column="t"),
    ):
        reading = source.read(tmp_path)
        assert not reading.bad_files
        assert reading.table["time"].tolist() == expected


def test_a_row_without_a_time_leaves_the_others_as_they_are(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("t;x;y\n9007199254740993;1;a\n;2;b\n3;3;b\n")
    reading = TableSource(path=path, time_column="t").read(tmp_path)
    assert [bad.path for bad in reading.bad_files] == ["data.csv, row 3"]
    assert reading.table["time"].tolist() == [9007199254740993, 3]
