"""Files of the UCR and UEA archives become padded series; wrong ones are refused with a reason."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest

from foldwise.data.bad_input import IngestError
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.sources.series_files import SeriesFilesSource

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
NAN = float("nan")


def ts(*cases, **tags):
    defaults = {
        "problemName": "Toy",
        "timeStamps": "false",
        "univariate": "true",
        "classLabel": "true Cat dog",
    }
    lines = [f"@{name} {value}" for name, value in {**defaults, **tags}.items() if value]
    return "\n".join(["# a comment", *lines, "@data", *cases, ""])


@pytest.fixture
def read(tmp_path):
    def read(content, name="Toy.ts", **parameters):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return SeriesFilesSource.of(path=tmp_path / name, **parameters).read(tmp_path)

    return read


def test_a_univariate_file(read):
    reading = read(ts("1,2.5,-3e2:Cat", "", "4,?,6:dog"))
    assert reading.modality == "series"
    assert reading.x.dtype == np.float32
    np.testing.assert_array_equal(reading.x[:, :, 0], [[1, 2.5, -300], [4, NAN, 6]])
    assert reading.table.drop(columns="official_split").to_dict("list") == {
        "sample_id": ["Toy_00000", "Toy_00001"],
        "label": ["Cat", "dog"],
    }
    assert reading.classes == ("Cat", "dog")
    assert [feature.name for feature in reading.features] == ["dim_0"]


def test_channels_and_unequal_lengths(read):
    reading = read(ts("1,2:3,4:dog", "5,6,7:8,9,10:Cat", univariate="false", dimensions=2))
    np.testing.assert_array_equal(reading.x, [[[1, 3], [2, 4], [0, 0]], [[5, 8], [6, 9], [7, 10]]])
    assert reading.table["length"].tolist() == [2, 3]


def test_a_regression(read):
    reading = read(ts("1,2:0.5", "3,4:-2e3", "5,6:?", classLabel=None, targetLabel="true"))
    assert reading.table["target"].tolist() == [0.5, -2000]
    assert reading.classes == ()
    assert "label" not in reading.table
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("Toy.ts, line 9", "its label is missing")
    ]


def test_bad_cases_are_named_by_their_lines(read):
    cases = ["1,2:Cat", "1,2:", "1,2:cow", "1,2,3:dog", ":dog", "3,4:dog"]
    reading = read(ts(*cases, equalLength="true", seriesLength=2))
    assert reading.table["sample_id"].tolist() == ["Toy_00000", "Toy_00005"]
    np.testing.assert_array_equal(reading.x[:, :, 0], [[1, 2], [3, 4]])
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("Toy.ts, line 10", "its label is missing"),
        ("Toy.ts, line 11", "its class 'cow' is not among those of the header"),
        ("Toy.ts, line 12", "it has 3 steps, but the header promises 2 of each"),
        ("Toy.ts, line 13", "it has no values"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ts("1,2:Cat", univariate="maybe"), "invalid univariate value"),
        (ts("1,2:Cat", univariate=None), "full set of metadata has not been provided"),
        (ts("1,2:Cat", classLabel=None), "neither '@classLabel true' .*its tags are @problemname"),
        (ts("1,2:Cat", classLabel="false"), "neither '@classLabel true'"),
        (ts("1,2:Cat", classLabel="true"), "class values must be supplied"),
        (ts("(0,1),(1,2):Cat", timeStamps="true"), "it has time stamps"),
        (ts("1,2:3,4:Cat"), "header promises 1 dimensions, but the cases have 2"),
        (ts("1:2:Cat", univariate="false", dimensions=3), "promises 3 dimensions, .* have 2"),
        (ts("1:2:Cat", "1:2:3:Cat", univariate="false"), "inconsistent number of dimensions"),
        (ts("1,2:3:Cat", univariate="false"), r"line 7 are of unequal length \(2, 1 steps\)"),
        (ts("1,x:Cat"), "could not convert string to float: 'x'"),
        (ts("Cat"), "metadata but no data"),
        (ts("1,2:Cat", "@data"), "lines that are no cases"),
        (ts(), "no data"),
        ("", "its tags are none"),
        ("1,2,3\n4,5,6\n", "its tags are none"),
    ],
)
def test_wrong_files_are_refused_with_file_and_reason(read, content, reason):
    with pytest.raises(IngestError, match=rf"Toy\.ts' cannot be read: .*{reason}"):
        read(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Toy.ts", ts("1,2:3,4:dog", "5,6,7:8,9,10:Cat", univariate="false", dimensions=2)),
        ("Toy.tsv", "2\t1.5\t2\tNaN\n10\t3\tNaN\t5\n\n2\t6\tNaN\tNaN\n"),
    ],
)
def test_random_damage_never_escapes_as_another_error(tmp_path, name, content):
    rng = np.random.default_rng(0)
    path = tmp_path / name
    for _ in range(150):
        letters = bytearray(content.encode())
        for place in rng.integers(0, len(letters), 2):
            letters[place] = rng.choice(list(b"@:,\t\n?1x. \xff"))
        path.write_bytes(letters[: rng.integers(1, len(letters) + 1)])
        with contextlib.suppress(IngestError):
            reading = SeriesFilesSource(path=path).read(tmp_path)
            assert len(reading.x) == len(reading.table)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "Toy.ts").write_bytes(b"@problemName \xff\xfe\n")
    with pytest.raises(IngestError, match=r"Toy\.ts' cannot be read: it is not UTF-8"):
        SeriesFilesSource(path=tmp_path / "Toy.ts").read(tmp_path)


def test_a_ucr_tsv(read):
    reading = read("2\t1.5\t2\tNaN\n10\t3\tNaN\t5\n\n2\t6\tNaN\tNaN\n", "Toy.tsv")
    np.testing.assert_array_equal(reading.x[:, :, 0], [[1.5, 2, 0], [3, NAN, 5], [6, 0, 0]])
    assert reading.table["length"].tolist() == [2, 3, 1]
    assert reading.table["label"].tolist() == ["2", "10", "2"]
    assert reading.classes == ("2", "10")


def test_bad_rows_of_a_tsv_are_named_by_their_lines(read):
    reading = read("1\t1\t2\n\n\t3\t4\n2\tNaN\tNaN\n2\t5\t6\n", "Toy.tsv")
    assert reading.table["sample_id"].tolist() == ["Toy_00000", "Toy_00003"]
    assert [(bad.path, bad.reason) for bad in reading.bad_files] == [
        ("Toy.tsv, line 3", "its label is missing"),
        ("Toy.tsv, line 4", "it has no values"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("1\t2\tx\n", "the value 'x' in line 1, column 3 is no number"),
        ("1\t2\n\n2\t1,5\n", "the value '1,5' in line 3, column 2 is no number"),
        ("1\t2\n2\t3\t4\n", "Expected 2 fields in line 2, saw 3"),
        ("1,2,3\n", "its lines have no tabs"),
        ("", "No columns to parse"),
    ],
)
def test_wrong_tsv_files_are_refused(read, content, reason):
    with pytest.raises(IngestError, match=rf"Toy\.tsv' cannot be read: .*{reason}"):
        read(content, "Toy.tsv")


@pytest.fixture
def archive(tmp_path):
    for name, split in [("A", "TRAIN"), ("A", "TEST"), ("B", "TRAIN")]:
        (tmp_path / f"{name}_{split}.ts").write_text(ts("1,2:Cat", "3,4:dog"))
    return tmp_path


def test_a_pair_in_a_folder_becomes_the_official_split(archive):
    reading = SeriesFilesSource(path=archive, name="A").read(archive)
    assert reading.table["sample_id"].tolist() == [
        "A_TRAIN_00000",
        "A_TRAIN_00001",
        "A_TEST_00000",
        "A_TEST_00001",
    ]
    assert reading.table["official_split"].tolist() == ["train", "train", "test", "test"]
    files = {"path": archive / "A_TRAIN.ts", "test_path": archive / "A_TEST.ts"}
    assert SeriesFilesSource(**files).read(archive).table.equals(reading.table)
    assert SeriesFilesSource(path=archive, name="A").inputs() == tuple(files.values())


def test_a_pair_in_a_folder_of_its_name(archive):
    (archive / "C").mkdir()
    (archive / "B_TRAIN.ts").rename(archive / "C" / "C_TRAIN.ts")
    reading = SeriesFilesSource(path=archive, name="C").read(archive)
    assert reading.table["official_split"].tolist() == ["train", "train"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "holds 2 data sets; ingest.source.name says which. Allowed: 'A', 'B'"),
        ({"name": "D"}, "holds no D_TRAIN.ts or .tsv. Found are 'A', 'B'"),
        ({"name": "A", "test_path": "x"}, "test_path is for a `path` that is a file"),
    ],
)
def test_what_a_folder_does_not_hold_is_named(archive, parameters, message):
    with pytest.raises(IngestError, match=message):
        SeriesFilesSource.of(path=archive, **parameters).read(archive)


def test_paths_that_are_no_such_files_are_refused(archive):
    with pytest.raises(IngestError, match=r"source.test_path: .*gone.ts' does not exist"):
        SeriesFilesSource(path=archive / "A_TRAIN.ts", test_path=archive / "gone.ts").read(archive)
    (archive / "a.arff").touch()
    with pytest.raises(IngestError, match=r"ends in '.arff'. Allowed: .ts, .tsv"):
        SeriesFilesSource(path=archive / "a.arff").read(archive)


def test_files_that_do_not_go_together_are_refused(archive):
    other = archive / "other.ts"
    other.write_text(ts("1:2:Cat", univariate="false"))
    with pytest.raises(IngestError, match=r"A_TRAIN.ts' has 1 dimensions, but .*other.ts' 2"):
        SeriesFilesSource(path=archive / "A_TRAIN.ts", test_path=other).read(archive)
    other.write_text(ts("1:2", classLabel=None, targetLabel="true"))
    with pytest.raises(IngestError, match="only one has classes"):
        SeriesFilesSource(path=archive / "A_TRAIN.ts", test_path=other).read(archive)


def test_what_was_read_can_be_ingested(read, archive, tmp_path):
    source = {"kind": "series_files", "path": archive / "A_TRAIN.ts"}
    samples = ingest(IngestConfig.of(source=source), tmp_path / "samples").samples
    np.testing.assert_array_equal(samples.x[:, :, 0], [[1, 2], [3, 4]])


# Per file: shape of x, class counts in the order of the classes. From the README of the data.
REAL = {
    "GunPoint_TRAIN": ((50, 150, 1), [24, 26]),
    "GunPoint_TEST": ((150, 150, 1), [76, 74]),
    "ItalyPowerDemand_TRAIN": ((67, 24, 1), [34, 33]),
    "ItalyPowerDemand_TEST": ((1029, 24, 1), [513, 516]),
    "ArrowHead_TRAIN": ((36, 251, 1), [12, 12, 12]),
    "ArrowHead_TEST": ((175, 251, 1), [69, 53, 53]),
    "ACSF1_TRAIN": ((100, 1460, 1), [10] * 10),
    "ACSF1_TEST": ((100, 1460, 1), [10] * 10),
    "BasicMotions_TRAIN": ((40, 100, 6), [10] * 4),
    "BasicMotions_TEST": ((40, 100, 6), [10] * 4),
    "JapaneseVowels_TRAIN": ((270, 26, 12), [30] * 9),
    "JapaneseVowels_TEST": ((370, 29, 12), [31, 35, 88, 44, 29, 24, 40, 50, 29]),
    "ECG5000_TRAIN": ((500, 140, 1), [292, 177, 10, 19, 2]),
}


@pytest.mark.real_data
@pytest.mark.skipif(
    not (DATA / "timeseries").exists(),
    reason=f"{DATA / 'timeseries'} is missing; FOLDWISE_DATA names its folder",
)
@pytest.mark.parametrize("name", REAL)
def test_real_files(name, tmp_path):
    reading = SeriesFilesSource(path=DATA / "timeseries" / f"{name}.ts").read(tmp_path)
    shape, counts = REAL[name]
    assert reading.x.shape == shape
    found = reading.table["label"].value_counts()
    assert [found[label] for label in reading.classes] == counts
    assert reading.bad_files == ()
    assert np.isfinite(reading.x).all()
    if name.startswith("JapaneseVowels"):
        assert reading.table["length"].min() == 7
    else:
        assert "length" not in reading.table
