"""No series holds an infinite value, whatever it is read from: its row is refused."""

import pytest

from foldwise.data.sources.series_files import SeriesFilesSource
from foldwise.data.sources.series_table import SeriesTableSource
from foldwise.data.sources.windows import WindowsSource

TS = "@problemName toy\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n"
WIDE = {"source": SeriesTableSource, "label_column": "y"}
LONG = {**WIDE, "series_column": "id"}
WINDOWS = {"source": WindowsSource, "label_column": "y", "length": 1}


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e39"])
@pytest.mark.parametrize(
    ("name", "content", "parameters", "row"),
    [
        ("d.csv", "s1,s2,y\n1,2,a\n3,{},b\n5,6,b\n", WIDE, "d.csv, row 3"),
        ("d.csv", "id,x,y\np,1,a\nq,{},b\nq,6,b\n", LONG, "d.csv, row 3"),
        ("d.csv", "x,y\n1,a\n{},b\n6,b\n", WINDOWS, "d.csv, row 3"),
        ("d.ts", TS + "1,2:a\n3,{}:b\n5,6:b\n", {"source": SeriesFilesSource}, "d.ts, line 7"),
        ("d.tsv", "a\t1\t2\nb\t3\t{}\nb\t5\t6\n", {"source": SeriesFilesSource}, "d.tsv, line 2"),
    ],
    ids=["wide", "long", "windows", "ts", "tsv"],
)
def test_an_infinite_value_is_a_bad_row(tmp_path, name, content, parameters, row, value):
    path = tmp_path / name
    path.write_text(content.replace("{}", value))
    parameters = dict(parameters)
    reading = parameters.pop("source").of(path=path, **parameters).read(tmp_path)
    assert [bad.path for bad in reading.bad_files] == [row]
    assert "infinite, or too large for 32 bits" in reading.bad_files[0].reason
    assert 1 in reading.x
    assert 6 in reading.x
    assert 3 not in reading.x
