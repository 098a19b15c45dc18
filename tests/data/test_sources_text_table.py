"""Texts become numbers from which they can be read back; sequences keep to their alphabet."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.readers.text_tokens import number_tokens
from foldwise.data.sources.text_table import TextTableSource

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))


@pytest.fixture
def read(tmp_path):
    def read(content, name="data.csv", **parameters):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        values = {"text_column": "text", "label_column": "label", **parameters}
        return TextTableSource.of(path=path, **values).read(tmp_path)

    return read


def tokens_of(reading, row):
    length = reading.table["length"].iloc[row]
    return [reading.tokens[i] for i in reading.x[row, :length]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_characters_can_be_read_back(tmp_path_factory, texts):
    ids = number_tokens(texts, "characters", 1000, tmp_path_factory.mktemp("scratch"))
    for row, length, text in zip(ids.x, ids.lengths, texts, strict=True):
        assert "".join(ids.tokens[i] for i in row) == text
        assert length == len(text)
    assert ids.tokens[0] == ""
    assert list(ids.tokens) == sorted(set(ids.tokens))


@given(
    st.lists(st.text("aB'\u2019é _1.,!\n", min_size=1).filter(str.strip), min_size=1),
    st.integers(1, 6),
)
def test_words_keep_everything_but_blanks(tmp_path_factory, texts, max_length):
    ids = number_tokens(texts, "words", max_length, tmp_path_factory.mktemp("scratch"))
    whole = number_tokens(texts, "words", 1000, tmp_path_factory.mktemp("scratch"))
    for row, length, text in zip(whole.x, whole.lengths, texts, strict=True):
        assert "".join(whole.tokens[i] for i in row) == "".join(text.split())
        assert (row[:length] > 0).all()
    assert ids.num_truncated == (whole.lengths > max_length).sum()
    for cut, row in zip(ids.x, whole.x, strict=True):
        words = [ids.tokens[i] for i in cut]
        assert [word for word in words if word] == [whole.tokens[i] for i in row if i][:max_length]
    assert list(ids.tokens) == sorted(set(ids.tokens))


@pytest.mark.parametrize("kind", ["characters", "words", "bytes", "dna"])
def test_nothing_is_left_of_bad_rows_alone(read, kind):
    reading = read("text,label\nA,\n,b\n", tokens=kind)
    assert reading.x.shape == (0, 0)
    assert len(reading.table) == 0
    assert len(reading.bad_files) == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("characters", ["D", "o", "n", "'", "t", ",", " ", "\xc9"]),
        ("words", ["don't", ",", "\xe9"]),
        ("bytes", [f"0x{byte:02x}" for byte in "Don't, \xc9".encode()]),
    ],
)
def test_a_text_is_cut_into_tokens(read, kind, expected):
    reading = read('text,label\n"Don\'t, E\u0301",a\nx,b\n', tokens=kind)
    assert reading.modality == "tokens"
    assert reading.x.dtype == np.int32
    assert reading.x.shape == (2, len(expected))
    assert tokens_of(reading, 0) == expected
    assert reading.x[1, 1:].tolist() == [0] * (len(expected) - 1)
    assert reading.classes == ("a", "b")


@pytest.mark.parametrize(
    ("kind", "text", "letters", "tokens"),
    [
        ("dna", "acgtNry", "ACGTNNN", ("", *"ACGTN")),
        ("rna", "ACGUn", "ACGUN", ("", *"ACGUN")),
        ("protein", "mkvBzX ", "MKVXXX", ("", *"ACDEFGHIKLMNPQRSTVWYX")),
    ],
)
def test_sequences_are_spelled_in_their_alphabet(read, kind, text, letters, tokens):
    reading = read(f"text,label\n{text},a\n{letters},b\n", tokens=kind)
    assert reading.tokens == tokens
    assert "".join(tokens_of(reading, 0)) == letters
    assert reading.table["sha256"].nunique() == 1


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("dna", "ACGU", "letter 4 is 'U'; allowed are ACGTN and, read as N, RYSWKMBDHV"),
        ("rna", "ACGT", "letter 4 is 'T'"),
        ("protein", "MK*", r"letter 3 is '*'"),
        ("dna", "AC GT", "letter 3 is ' '"),
        ("dna", "", "the text (column 'text') is missing"),
    ],
)
def test_letters_outside_the_alphabet_make_bad_rows(read, kind, text, reason):
    reading = read(f"text,label\nA,a\n{text},b\nG,b\n", tokens=kind)
    assert reading.table["sample_id"].tolist() == ["row_000000", "row_000002"]
    assert reading.bad_files[0].path == "data.csv, row 3"
    assert reading.bad_files[0].reason.startswith(reason)


def test_long_texts_are_cut_off_and_counted(read, caplog):
    reading = read("text,label\nabcdef,a\nabcxyz,b\nab,b\n", max_length=3)
    assert reading.x.shape == (3, 3)
    assert reading.table["length"].tolist() == [3, 3, 2]
    assert reading.tokens == ("", "a", "b", "c")
    assert "Cut off 2 of 3 texts after ingest.source.max_length=3 characters" in caplog.text
    assert reading.table["sha256"].nunique() == 3


def test_the_hash_is_that_of_the_text(read):
    hashes = read("text,label\nHi é,a\nhi é,b\n").table["sha256"].tolist()
    assert hashes == [hashlib.sha256(text.encode()).hexdigest() for text in ("Hi é", "hi é")]
    assert read("text,label\nHi,a\nhi,b\n", tokens="words").table["sha256"].nunique() == 2


def test_the_other_columns_travel_along(read):
    reading = read(
        "who,text,label,at,part,id,n\nx,NA,1.5,3,train,p,5\ny,007,2.5,4,test,q,6\n",
        group_column="who",
        time_column="at",
        split_column="part",
        id_column="id",
        meta_columns="who,n",
    )
    row = reading.table.iloc[1].to_dict()
    del row["sha256"]
    assert row == {
        "sample_id": "q",
        "group": "y",
        "official_split": "test",
        "time": 4,
        "meta_who": "y",
        "meta_n": 6,
        "target": 2.5,
        "length": 3,
    }
    assert reading.classes == ()
    assert "".join(tokens_of(reading, 0)) == "NA"


def test_samples_can_be_limited(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"t{i},{'ab'[i % 2]}\n" for i in range(40)))
    source = {"kind": "text_table", "path": path, "text_column": "text", "label_column": "label"}
    samples = ingest(IngestConfig.of(source={**source, "limit": 10}), tmp_path / "s").samples
    assert samples.table["label"].value_counts().to_dict() == {"a": 5, "b": 5}
    for row, text_id in zip(samples.x, samples.table["sample_id"], strict=True):
        assert "".join(samples.tokens[i] for i in row) == f"t{int(text_id[-6:])}"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"label_column": "lable"}, r"label_column: .*'lable'. Did you mean 'label'\?.*'text', "),
        ({"text_column": "Text"}, r"text_column: .*Did you mean 'text'\?"),
        ({"text_column": "label"}, "text_column and label_column are both 'label'"),
        ({"group_column": "who"}, "group_column: .*no column 'who'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(read, parameters, message):
    with pytest.raises(IngestError, match=message):
        read("text,label\na,b\n", **parameters)


def test_wrong_parameters_are_refused():
    with pytest.raises(ValidationError, match="'characters', 'words', 'bytes'"):
        TextTableSource.of(path="a", text_column="a", label_column="b", tokens="subwords")


NAMES = {
    **{"Russian": 9384, "English": 3668, "Arabic": 2000, "Japanese": 991, "German": 724},
    **{"Italian": 709, "Czech": 519, "Spanish": 298, "Dutch": 297, "French": 277, "Chinese": 268},
    **{"Irish": 232, "Greek": 203, "Polish": 139, "Scottish": 100, "Korean": 94},
    **{"Portuguese": 74, "Vietnamese": 73},
}


@pytest.mark.real_data
@pytest.mark.skipif(not (DATA / "text").exists(), reason=f"{DATA / 'text'} is missing")
@pytest.mark.parametrize(
    ("name", "text", "label", "tokens", "counts", "repeats"),
    [
        ("names_by_nationality", "name", "nationality", "characters", NAMES, 2038),
        ("sms_spam", "message", "label", "words", {"ham": 4827, "spam": 747}, None),
        ("sms_spam", "message", "label", "bytes", {"ham": 4827, "spam": 747}, 403),
        ("dna_promoters", "sequence", "label", "dna", {"+": 53, "-": 52}, None),
    ],
)
def test_real_texts(tmp_path, name, text, label, tokens, counts, repeats):
    path = DATA / "text" / f"{name}.tsv"
    source = TextTableSource.of(path=path, text_column=text, label_column=label, tokens=tokens)
    reading = source.read(tmp_path)
    assert not reading.bad_files
    assert Counter(reading.table["label"]) == counts
    if repeats is not None:
        labelled = reading.table["sha256"] + reading.table["label"]
        assert labelled.duplicated().sum() == repeats
    if name == "dna_promoters":
        assert reading.x.shape == (105, 57)
    lines = path.read_text("utf-8").splitlines()[1:]
    assert len(lines) == len(reading.x)
