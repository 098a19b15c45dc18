"""Tables arrive whole and as spelled, however they are written; what is wrong is named."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.readers.delimited import read_column_names, read_delimited, require_columns
from foldwise.data.readers.delimited_format import DelimitedFormat

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))


@pytest.fixture
def write(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


PLAIN = "name,x,n\nAnn,1.5,1\nBob,-2.25,2\n"


@pytest.mark.parametrize(
    ("content", "name", "form"),
    [
        (PLAIN, "a.csv", {}),
        ("\ufeff" + PLAIN, "a.csv", {}),
        (PLAIN.replace("\n", "\r\n"), "a.csv", {}),
        (PLAIN.replace("\n", "\r"), "a.csv", {}),
        ("\n \n" + PLAIN, "a.csv", {}),
        (PLAIN.replace("Bob", "\n\nBob"), "a.csv", {}),
        (PLAIN + "\n\n,,\n", "a.csv", {}),
        (PLAIN.rstrip("\n"), "a.csv", {}),
        (PLAIN.replace(",", ", ").replace("Ann, ", "Ann,"), "a.csv", {}),
        (PLAIN.replace(",", ";"), "a.csv", {}),
        (PLAIN.replace(",", ";").replace(".", ","), "a.csv", {}),
        (PLAIN.replace(",", "|"), "a.csv", {}),
        (PLAIN.replace(",", "\t"), "a.csv", {}),
        (PLAIN.replace(",", "\t"), "a.tsv", {}),
        (PLAIN.replace(",", "\t").replace(".", ","), "a.TSV", {}),
        (PLAIN.replace(",", ";"), "a.tsv", {}),
        (PLAIN.replace(",", " "), "a.csv", {"separator": "space"}),
        (PLAIN.replace(",", ":"), "a.csv", {"separator": ":"}),
        (PLAIN.replace("1.5", '"1.5"').replace("Ann", '"Ann"'), "a.csv", {}),
        (gzip.compress(PLAIN.encode(), mtime=0), "a.csv.gz", {}),
        (gzip.compress(PLAIN.replace(",", "\t").encode(), mtime=0), "a.tsv.gz", {}),
        (PLAIN.encode("utf-16"), "a.csv", {"encoding": "utf-16"}),
        (PLAIN.encode("utf-8-sig"), "a.csv", {"encoding": "utf-8-sig"}),
        (PLAIN, "with space/ünïcödé 数据.csv", {}),
    ],
)
def test_a_table_is_the_same_however_it_is_written(write, content, name, form):
    path = write(content, name)
    table = read_delimited(path, DelimitedFormat.of(**form))
    assert not table.bad_rows
    expected = pd.DataFrame({"name": ["Ann", "Bob"], "x": [1.5, -2.25], "n": [1, 2]})
    pd.testing.assert_frame_equal(table.frame.reset_index(drop=True), expected)
    assert read_column_names(path, DelimitedFormat.of(**form)) == ("name", "x", "n")


def test_text_keeps_its_spelling_and_only_what_is_declared_is_missing(write):
    path = write('a,b,c\n007,NA,?\n1e3,null,2\n,"a,""b""\nc", 3\n')
    frame = read_delimited(path, DelimitedFormat.of(missing_values="?"), text_columns=["a"]).frame
    assert frame["a"].fillna("missing").tolist() == ["007", "1e3", "missing"]
    assert frame["b"].tolist() == ["NA", "null", 'a,"b"\nc']
    np.testing.assert_array_equal(frame["c"], [np.nan, 2, 3])


cells = st.text(st.sampled_from("ab;,\t|\"' \n0.é"), max_size=6).filter(str.strip)
rows = st.lists(st.tuples(cells, cells), min_size=1, max_size=8)


@given(rows, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_module_writes_is_read_back(tmp_path_factory, rows, separator, ending):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=ending)
        writer.writerows([("first", "second"), *rows])
    table = read_delimited(path, text_columns=["first", "second"])
    assert not table.bad_rows
    assert list(table.frame.itertuples(index=False, name=None)) == rows
    assert table.frame.index.tolist() == list(range(len(rows)))


def test_text_is_nfc_and_keeps_blanks_around_it(write):
    frame = read_delimited(write("e\u0301,b\n e\u0301 ,1\n")).frame
    assert frame["\xe9"].tolist() == [" \xe9 "]


def test_quotes_in_a_tsv_are_letters(write):
    content = 'label\ttext\nham\t"hello\nspam\tsay "hi"\nham\tbye"\n'
    table = read_delimited(write(content, "sms.tsv"))
    assert table.frame["text"].tolist() == ['"hello', 'say "hi"', 'bye"']
    assert not table.bad_rows


def test_a_comma_in_prose_is_no_separator(write):
    frame = read_delimited(write("text;n\na, b, c;1\nd, e;2\nno;3\n")).frame
    assert frame["text"].tolist() == ["a, b, c", "d, e", "no"]


def test_ragged_rows_are_collected_and_the_others_keep_their_numbers(write):
    table = read_delimited(write("a,b\n1,2\n3\n\n4,5,6\n7,8\n"))
    assert [(bad.path, bad.reason) for bad in table.bad_rows] == [
        ("data.csv, row 3", "1 cell, but the header has 2"),
        ("data.csv, row 5", "3 cells, but the header has 2"),
    ]
    assert table.frame.to_dict("list") == {"a": [1, 7], "b": [2, 8]}
    assert table.frame.index.tolist() == [0, 4]
    assert table.row_name(4) == "data.csv, row 6"


def test_a_quote_that_is_not_closed_is_told_with_advice(write, caplog):
    table = read_delimited(write('a,b\n1,x\n"2,y\n3,z\n'))
    assert table.frame["b"].tolist() == ["x"]
    assert "quoting=off" in table.bad_rows[0].reason
    assert not caplog.records
    read_delimited(write('a,b\n1,x\n2,"y\n3,z\n'))
    assert "quoting=off" in caplog.text
    open_quotes = write('a,b\n1,x\n2,"y\n3,z\n')
    frame = read_delimited(open_quotes, DelimitedFormat.of(quoting="off")).frame
    assert frame["b"].tolist() == ["x", '"y', "z"]


@pytest.mark.parametrize("float32", [False, True])
def test_a_column_that_turns_out_to_be_text_late_keeps_all_its_spelling(
    write, monkeypatch, float32
):
    monkeypatch.setattr("foldwise.data.readers.delimited_rows.BLOCK_BYTES", 200)
    cells = [f"{i:03d}" for i in range(100)]
    rows = [f"{cell},{cell}\n" for cell in cells]
    table = read_delimited(write("a,b\n" + "".join(rows) + "x,1.5\n"), float32=float32)
    assert table.frame["a"].tolist() == [*cells, "x"]
    assert table.frame["b"].dtype == (np.float32 if float32 else np.float64)
    assert table.frame["b"].tolist() == [*range(100), 1.5]


def test_numbers_keep_all_their_digits(write):
    frame = read_delimited(write("a,b\n9007199254740993,0.1\n2,1e300\n")).frame
    assert frame["a"].tolist() == [9007199254740993, 2]
    assert frame["b"].tolist() == [0.1, 1e300]


def test_groups_of_digits_are_no_numbers(write):
    frame = read_delimited(write("a;b\n1.234,5;x\n"), DelimitedFormat.of(decimal="comma")).frame
    assert frame["a"].tolist() == ["1.234,5"]


def test_thousands_in_a_file_with_commas_are_no_fractions(write):
    path = write('price,x\n"1,234",1\n"56,789",2\n')
    assert read_delimited(path).frame["price"].tolist() == ["1,234", "56,789"]
    frame = read_delimited(path, DelimitedFormat(decimal="comma")).frame  # the user knows better
    assert frame["price"].tolist() == [1.234, 56.789]


def test_a_table_of_very_many_columns_is_known_by_all_of_them(write):
    names = [f"gene_of_a_long_name_{i}" for i in range(30_000)]
    rows = "".join(",".join([cell] * 30_000) + "\n" for cell in ('"0,5"', "2.5"))
    path = write(",".join(names) + "\n" + rows)
    assert path.stat().st_size > 1 << 19
    assert read_column_names(path) == tuple(names)
    semicolons = write(";".join(names) + "\n" + ";".join(["0,5"] * 30_000) + "\n")
    assert read_delimited(semicolons, columns=names[-1:]).frame[names[-1]].tolist() == [0.5]


def test_a_header_of_one_endless_cell_is_not_called_empty(write):
    path = write("name," * 40_000 + "y\n" + "1," * 40_000 + "2\n")
    with pytest.raises(IngestError, match="longer than 131072 characters"):
        read_delimited(path, DelimitedFormat(separator="semicolon"))


def test_only_the_wanted_columns_are_returned(write):
    frame = read_delimited(write(PLAIN), columns=["n"]).frame
    assert frame.to_dict("list") == {"n": [1, 2]}


def test_columns_without_a_name_are_left_out_and_said(write, caplog):
    frame = read_delimited(write(",a,b,\n0,1,2,\n1,3,4,\n")).frame
    assert frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}
    assert "2 columns without a name" in caplog.text


def test_parquet_gives_what_csv_gives(write, tmp_path):
    expected = read_delimited(write("t,i,f,m\nA,1,0.5,1\nB,2,,\n"), text_columns=["m"]).frame
    frame = pd.DataFrame(
        {"t": pd.Categorical(["A", "B"]), "i": [1, 2], "f": [0.5, None], "m": [1.0, None]}
    )
    frame.to_parquet(tmp_path / "data.anything")
    read = read_delimited(tmp_path / "data.anything", text_columns=["m"])
    pd.testing.assert_frame_equal(read.frame, expected, check_index_type=False)
    assert read_column_names(tmp_path / "data.anything") == ("t", "i", "f", "m")


def test_parquet_keeps_moments_and_spells_truth_values(tmp_path):
    frame = pd.DataFrame({"at": pd.to_datetime(["2020-01-01"]), "is": [True], "n": [-999]})
    frame.to_parquet(tmp_path / "data.parquet")
    read = read_delimited(tmp_path / "data.parquet", DelimitedFormat.of(missing_values=-999))
    assert read.frame["at"].tolist() == [pd.Timestamp("2020-01-01")]
    assert read.frame["is"].tolist() == ["true"]
    assert read.frame["n"].isna().all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("\ufeff", "is empty"),
        ("a,b\n", "no row below"),
        ("a,b\n\n\n", "no row below"),
        ("a,b,a\n1,2,3\n", "more than one column called 'a'"),
        ("a, a\n1,2\n", "more than one column called 'a'"),
        (b"a,b\n1,x\n2,caf\xe9\n", r"line 3: the byte 0xe9 is not utf-8.*encoding.*cp1252"),
        (b"caf\xe9,b\n1,x\n", r"line 1: the byte 0xe9 is not utf-8"),
        (PLAIN.encode("utf-16"), r"line 1: the byte 0xff is not utf-8.*utf-16"),
        (gzip.compress(PLAIN.encode(), mtime=0)[:-12], "cannot be read"),
        (b"PAR1 and no more", "cannot be read"),
        (b"PK\x03\x04 and more", "ZIP or Excel file.*Save it as CSV"),
    ],
)
def test_what_is_no_table_is_refused(write, content, message):
    with pytest.raises(IngestError, match=message):
        read_delimited(write(content))


def test_a_packed_file_has_a_limit(write):
    path = write(gzip.compress(b"a,b\n" + b"1,2\n" * 10**6), "bomb.csv")
    form = DelimitedFormat.of(max_unpacked_bytes=10**6)
    with pytest.raises(IngestError, match=r"more than ingest\.source\.max_unpacked_bytes=1000000"):
        read_delimited(path, form)
    line = write(gzip.compress(b"a,b\n" + b"1" * 10**7), "line.csv")
    with pytest.raises(IngestError, match=r"more than ingest\.source\.max_unpacked_bytes"):
        read_delimited(line, form)
    assert len(read_delimited(path).frame) == 10**6


def test_a_missing_file_a_folder_and_an_unknown_encoding_are_refused(write, tmp_path):
    with pytest.raises(IngestError, match="does not exist"):
        read_delimited(tmp_path / "nothing.csv")
    with pytest.raises(IngestError, match="is not a file"):
        read_delimited(tmp_path)
    with pytest.raises(IngestError, match="encoding: 'utf-9' is not known"):
        read_delimited(write(PLAIN), DelimitedFormat.of(encoding="utf-9"))


def test_another_encoding_is_read_when_named(write):
    form = DelimitedFormat.of(encoding="cp1252")
    assert read_delimited(write(b"a,b\ncaf\xe9,1\n"), form).frame["a"].tolist() == ["café"]


@pytest.mark.parametrize("value", ["?;-9", "?, -9", ["?", -9], ("?", "-9")])
def test_lists_may_come_as_one_text(value):
    assert DelimitedFormat.of(missing_values=value).missing_values == ("?", "-9")


def test_one_number_is_a_list_of_one():
    assert DelimitedFormat.of(missing_values=-9).missing_values == ("-9",)


def test_a_separator_of_two_characters_is_refused():
    with pytest.raises(ValidationError, match="one character or one of 'auto', 'comma'"):
        DelimitedFormat.of(separator=", ")


def test_a_missing_column_is_named_with_the_nearest_and_all():
    with pytest.raises(
        IngestError, match=r"label_column: 'a.csv' has no column 'Lable'. Did you mean 'label'\?"
    ) as error:
        require_columns(["text", "label"], ["text", "Lable"], "label_column", Path("a.csv"))
    assert "'text', 'label'" in str(error.value)


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "text").exists(), reason=f"{DATA / 'text'} is missing")
@pytest.mark.parametrize("name", ["names_by_nationality.tsv", "sms_spam.tsv", "dna_promoters.tsv"])
def test_real_tsv_files_have_one_row_per_line(name):
    path = DATA / "text" / name
    lines = path.read_text("utf-8").splitlines()
    frame = read_delimited(path).frame
    joined = (frame.iloc[:, 0] + "\t" + frame.iloc[:, 1]).tolist()
    assert joined == lines[1:]
