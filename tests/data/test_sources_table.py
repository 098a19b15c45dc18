"""Tables become numbers with their meaning; every row that cannot is named."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.samples import array_hash
from foldwise.data.sources.table import TableSource

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))

PEOPLE = """id,age,city,zip,split,when,clinic,outcome
a,31,Paris,075,train,2024-01-01,n,ill
b,,Rome,001,train,2024-01-02,n,well
c,-0,,001,test,2024-01-03T12:00+02:00,s,well
d,1e2,Paris,075,Validation,2024-01-04,,ill
"""


@pytest.fixture
def read(tmp_path):
    def read(content, name="data.csv", **parameters):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return TableSource.of(path=path, **parameters).read(tmp_path)

    return read


def test_columns_become_features_with_their_meaning(read):
    reading = read(PEOPLE, drop_columns="id,split,when,clinic", categorical_columns=["zip"])
    assert [(f.name, f.kind, f.categories) for f in reading.features] == [
        ("age", "numeric", ()),
        ("city", "categorical", ("Paris", "Rome")),
        ("zip", "categorical", ("001", "075")),
    ]
    nan = np.nan
    expected = np.array([[31, 0, 1], [nan, 1, 0], [0, nan, 0], [100, 0, 1]], np.float32)
    np.testing.assert_array_equal(reading.x, expected)
    assert reading.x.dtype == np.float32
    assert reading.modality == "table"
    assert reading.classes == ("ill", "well")
    assert reading.table["label"].tolist() == ["ill", "well", "well", "ill"]
    assert reading.table["sample_id"].tolist() == [f"row_00000{i}" for i in range(4)]
    assert not reading.bad_files


def test_columns_that_describe_a_row_are_no_features(read):
    reading = read(
        PEOPLE,
        id_column="id",
        group_column="clinic",
        split_column="split",
        time_column="when",
        meta_columns="city,age",
        numeric_columns="age",
    )
    assert [feature.name for feature in reading.features] == ["age", "zip"]
    table = reading.table
    assert table["sample_id"].tolist() == ["a", "b", "c", "d"]
    assert table["group"].fillna("none").tolist() == ["n", "n", "s", "none"]
    assert table["official_split"].tolist() == ["train", "train", "test", "val"]
    assert table["time"].dtype == "datetime64[ns]"
    assert table["time"].iloc[2] == pd.Timestamp("2024-01-03T10:00")
    assert table["meta_city"].iloc[0] == "Paris"
    assert table["meta_age"].iloc[3] == 100


def test_a_meta_column_that_is_called_so_already_keeps_its_name(read):
    content = "meta_fold,x,y\n0,1,a\n1,2,b\n"
    assert read(content, meta_columns="meta_fold").table["meta_fold"].tolist() == [0, 1]
    twice = "fold,meta_fold,x,y\n0,1,1,a\n1,2,2,b\n"
    with pytest.raises(IngestError, match=r"meta_columns: 'fold' and 'meta_fold' .*'meta_fold'"):
        read(twice, meta_columns="fold;meta_fold")
    assert read(twice, meta_columns="fold").table["meta_fold"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cells", "expected", "dtype"),
    [
        (["3", "1", "2"], [3, 1, 2], np.int64),
        (["9007199254740993", "1", "2"], [9007199254740993, 1, 2], np.int64),
        (["0.5", "1", "2"], [0.5, 1, 2], np.float64),
    ],
)
def test_times_may_be_numbers(read, cells, expected, dtype):
    rows = "".join(f"{cell},{i},a\n" for i, cell in enumerate(cells))
    times = read("t,x,y\n" + rows, time_column="t").table["time"]
    assert times.dtype == dtype
    assert times.tolist() == expected


def test_bad_rows_are_collected_by_their_number_in_a_spreadsheet(read):
    content = (
        "id,split,t,x,y\n"
        "a,train,1,1,p\n"  # row 2
        "b,train,1,2,\n"
        "c,train,1,three,p\n"
        "d,later,1,4,p\n"
        ",train,1,5,q\n"
        "f,test,,6,q\n"
        "g,test,1\n"
        "h,test,1,inf,q\n"
        "i,test,1,1e39,q\n"
        "j,test,2,-7,q\n"
    )
    reading = read(
        content, id_column="id", split_column="split", time_column="t", numeric_columns="x"
    )
    assert reading.table["sample_id"].tolist() == ["a", "j"]
    assert reading.x.tolist() == [[1], [-7]]
    reasons = {bad.path: bad.reason for bad in reading.bad_files}
    assert reasons == {
        "data.csv, row 3": "the label (column 'y') is missing",
        "data.csv, row 4": "column 'x' is 'three', no number",
        "data.csv, row 5": "the split (column 'split') is 'later'; "
        "allowed are train, val and test",
        "data.csv, row 6": "the id (column 'id') is missing",
        "data.csv, row 7": "the time (column 't') is missing",
        "data.csv, row 8": "3 cells, but the header has 5",
        "data.csv, row 9": "column 'x' is infinite, or too large for 32 bits",
        "data.csv, row 10": "column 'x' is infinite, or too large for 32 bits",
    }


def test_rows_that_are_left_out_do_not_rename_the_others(read):
    reading = read("x,y\n1,a\n2\n3,b\n")
    assert reading.table["sample_id"].tolist() == ["row_000000", "row_000002"]


def test_a_time_that_is_none_is_a_bad_row(read):
    reading = read("t,x,y\n2024-01-01,1,a\n01/02/2024,2,b\n", time_column="t")
    assert "'01/02/2024', no moment in ISO 8601" in reading.bad_files[0].reason


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["a", "b", "c"], "classification"),
        (["True", "False", "True"], "classification"),
        (["0", "1", "1", "0"], "classification"),
        (["1.0", "2.0", "1.0", "2.0"], "classification"),
        ([str(i) for i in range(20)] * 2, "classification"),
        ([str(i) for i in range(21)] * 2, "regression"),
        (["1", "2", "3", "3", "4"], "regression"),
        (["0.5", "1.5", "0.5", "1.5"], "regression"),
    ],
)
def test_the_task_is_chosen_by_content(read, cells, task):
    rows = "".join(f"{i},{cell}\n" for i, cell in enumerate(cells))
    reading = read("x,y\n" + rows)
    assert ("label" in reading.table) == (task == "classification")
    assert bool(reading.classes) == (task == "classification")
    other = "regression" if task == "classification" and cells[0][0].isdigit() else task
    assert ("target" in read("x,y\n" + rows, task=other).table) == (other == "regression")


def test_a_few_words_among_numbers_are_asked_about(read):
    content = "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(30)) + "1,unknown\n"
    with pytest.raises(IngestError, match=r"all but 1 are numbers; these are 'unknown'"):
        read(content)
    reading = read(content, task="regression")
    assert reading.bad_files[0].reason == "the target (column 'y') is 'unknown', no finite number"
    assert len(reading.x) == 30
    assert read(content, missing_values="unknown").bad_files[0].reason.endswith("is missing")


AGES = "age,height,city,y\n0,?,P,a\n1,n/a,Q,b\n" + "".join(
    f"{'4o' if i == 77 else i % 60},{i},{'PQR'[i % 3]},{'ab'[i % 2]}\n" for i in range(2, 300)
)


def test_a_mistyped_number_does_not_make_categories(read):
    with pytest.raises(IngestError) as caught:
        read(AGES)
    message = str(caught.value)
    assert "299 of 300 cells of 'age' are numbers; row 79 is '4o'" in message
    assert "298 of 300 cells of 'height' are numbers; row 2 is '?', row 3 is 'n/a'" in message
    assert "numeric_columns=age;height" in message
    assert "city" not in message
    reading = read(AGES, numeric_columns="age", missing_values="?;n/a")
    assert [bad.path for bad in reading.bad_files] == ["data.csv, row 79"]
    reading = read(AGES, categorical_columns="age", drop_columns="height")
    assert [len(feature.categories) for feature in reading.features] == [61, 3]


@pytest.mark.parametrize(("num_words", "is_refused"), [(10, True), (11, False)])
def test_one_word_in_ten_makes_a_column_of_words(read, num_words, is_refused):
    cells = ["w"] * num_words + list(range(100 - num_words)) + [""] * 50
    content = "x,n,y\n" + "".join(f"{cell},1,{'ab'[i % 2]}\n" for i, cell in enumerate(cells))
    if is_refused:
        with pytest.raises(IngestError, match="90 of 100 cells of 'x' are numbers"):
            read(content)
    else:
        assert read(content).features[0].kind == "categorical"


def test_integer_classes_are_in_the_order_of_their_value(read):
    content = "x,y\n" + "".join(f"{i},{i % 11}\n" for i in range(44))
    assert read(content).classes == tuple(map(str, range(11)))


def test_a_regression_with_decimal_commas(read):
    reading = read("x;y\n1,5;2,25\n2,5;-1,125\n")
    assert reading.table["target"].tolist() == [2.25, -1.125]
    assert reading.x.tolist() == [[1.5], [2.5]]
    words = read("x;y\n1,5;2,25\n2,5;1.5\n3,5;x\n", task="regression", decimal="comma")
    assert words.table["target"].tolist() == [2.25]


def test_zeros_and_codes_may_stand_for_missing_values(read):
    reading = read("a,b,c,y\n0,0,?,p\n1,2,3,q\n", zero_is_missing="b", missing_values=["?"])
    np.testing.assert_array_equal(reading.x, [[0, np.nan, np.nan], [1, 2, 3]])


def test_rows_of_equal_content_have_equal_hashes(read):
    content = "a,b,y\n0,x,p\n-0.0,x,q\n1,x,p\n,x,p\n,x,q\n"
    hashes = [array_hash(row) for row in read(content).x]
    assert hashes[0] == hashes[1]
    assert hashes[3] == hashes[4]
    assert len(set(hashes)) == 3


def test_a_column_of_names_is_said_to_be_one(read, caplog):
    read("name,x,y\n" + "".join(f"n{i},{i % 3},{i % 2}\n" for i in range(50)))
    assert "Column 'name' has 50 different values in 50 rows" in caplog.text


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"target_column": "Outcom"},
            r"target_column: .* no column 'Outcom'. .*'outcome'\?.*'id'",
        ),
        ({"group_column": "klinic"}, r"group_column: .*Did you mean 'clinic'\?"),
        ({"drop_columns": "age,town"}, r"drop_columns: .* no column 'town'"),
        ({"meta_columns": "CITY"}, r"meta_columns: .*Did you mean 'city'\?"),
        ({"drop_columns": "outcome"}, r"drop_columns: 'outcome' is the target"),
        ({"id_column": "zip"}, r"id_column: '075' occurs 2 times .*row 2.*row 5.*group_column"),
        ({"zero_is_missing": "city"}, r"zero_is_missing: column 'city' is not numeric"),
        (
            {"drop_columns": "id,age,city,zip,split,when,clinic"},
            r"no column left to predict 'outcome' from",
        ),
        ({"separator": "semicolon"}, r"no column left .*separator right"),
    ],
)
def test_columns_that_do_not_fit_are_refused(read, parameters, message):
    with pytest.raises(IngestError, match=message):
        read(PEOPLE, **parameters)


def test_unknown_parameters_are_refused_with_the_nearest():
    with pytest.raises(ValidationError, match="did you mean 'target_column'"):
        TableSource.of(path="a.csv", target_colum="y")


def test_moments_are_no_features(tmp_path):
    frame = pd.DataFrame({"at": pd.to_datetime(["2020-01-01"] * 2), "x": [1, 2], "y": ["a", "b"]})
    frame.to_parquet(tmp_path / "data.parquet")
    with pytest.raises(IngestError, match="column 'at' holds moments"):
        TableSource.of(path=tmp_path / "data.parquet").read(tmp_path)
    reading = TableSource.of(path=tmp_path / "data.parquet", time_column="at").read(tmp_path)
    assert reading.table["time"].tolist() == frame["at"].tolist()


def test_a_table_goes_all_the_way_from_a_path_with_blanks_and_umlauts(tmp_path):
    path = tmp_path / "meine Größen" / "数据 1.csv"
    path.parent.mkdir()
    path.write_text("\ufeffLänge;Art\n1,5;e\u0301\n2,5;ö\n", encoding="utf-8")
    config = IngestConfig.of(source={"kind": "table", "path": path})
    samples = ingest(config, tmp_path / "samples").samples
    assert samples.x.tolist() == [[1.5], [2.5]]
    assert samples.classes == ("é", "ö")
    assert samples.features[0].name == "Länge"


COUNTS = {
    "mammography": (11183, 6, {"normal": 10923, "microcalcification": 260}),
    "ecoli": (336, 7, [143, 77, 52, 35, 20, 5, 2, 2]),
    "glass": (214, 9, {"2": 76, "1": 70, "7": 29, "3": 17, "5": 13, "6": 9}),
    "new_thyroid": (215, 5, {"normal": 150, "hyper": 35, "hypo": 30}),
    "haberman": (306, 3, {"survived": 225, "died": 81}),
    "phoneme": (5404, 5, {"nasal": 3818, "oral": 1586}),
    "pima_diabetes": (768, 8, {"0": 500, "1": 268}),
    "abalone": (4177, 8, None),
}


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "tables").exists(), reason=f"{DATA / 'tables'} is missing")
@pytest.mark.parametrize("name", COUNTS)
def test_real_tables(name, tmp_path):
    num_rows, num_features, counts = COUNTS[name]
    path = DATA / "tables" / f"{name}.csv"
    reading = TableSource.of(path=path).read(tmp_path)
    assert reading.x.shape == (num_rows, num_features)
    assert not reading.bad_files
    if counts is None:
        assert reading.table["target"].nunique() == 28
        assert [f.name for f in reading.features if f.kind == "categorical"] == ["sex"]
    elif isinstance(counts, list):
        assert sorted(reading.table["label"].value_counts(), reverse=True) == counts
    else:
        assert Counter(reading.table["label"]) == counts
    expected = pd.read_csv(path).iloc[:, -num_features:-1].to_numpy(np.float32)
    np.testing.assert_array_equal(reading.x[:, 1:], expected)
    if name == "mammography":
        hashes = pd.Series([array_hash(row) for row in reading.x])
        assert (hashes + reading.table["label"]).duplicated().sum() == 3334
