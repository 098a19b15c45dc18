"""Duplicates: sets, what is told of them, and the counts of real data."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from foldwise.data.audit.duplicate_findings import duplicate_findings, leaked_share
from foldwise.data.audit.duplicates import DuplicatesConfig, find_duplicates
from foldwise.data.audit.duplicates_figure import duplicates_figure, telling_pairs
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.samples import Feature, Samples, array_hash

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
NUM = 60


def table_samples(x, labels=None, **columns):
    """Make samples of rows of numbers, of class a and b in turns unless told."""
    x = np.asarray(x, np.float32)
    ids = [f"row_{i:03d}" for i in range(len(x))]
    labels = list("ab" * len(x))[: len(x)] if labels is None else labels
    known = {"sample_id": ids, "label": labels, "group": None, "official_split": None}
    table = pd.DataFrame(known | {"sha256": [array_hash(row) for row in x]} | columns)
    features = tuple(Feature(name=f"f{i}") for i in range(x.shape[1]))
    return Samples(x=x, table=table, classes=("a", "b"), modality="table", features=features)


def rows_with_twins():
    """Rows of which 50 repeats 0, 51 and 52 repeat 1, and 53 is nearly 1, 54 nearly 2."""
    x = np.random.default_rng(0).normal(size=(NUM, 4))
    x[[50, 51, 52]] = x[[0, 1, 1]]
    x[[53, 54]] = x[[1, 2]] * (1 + 1e-6)
    return x


def found_in(samples, **config):
    return find_duplicates(samples, DuplicatesConfig.of(**config))


def findings_of(samples):
    findings = duplicate_findings(samples, found_in(samples))
    return {finding.check: finding for finding in findings}


def sets_of(table, column):
    known = table[table[column].notna()]
    return sorted(known.groupby(column)["sample_id"].apply(list))


def test_the_table_names_the_members_of_all_sets():
    table = found_in(table_samples(rows_with_twins())).table
    assert table.columns.tolist() == ["sample_id", "exact", "near"]
    assert [str(kind) for kind in table.dtypes] == ["str", "Int64", "Int64"]
    assert table["sample_id"].is_monotonic_increasing
    assert sets_of(table, "exact") == [["row_000", "row_050"], ["row_001", "row_051", "row_052"]]
    assert sets_of(table, "near") == [
        ["row_001", "row_051", "row_052", "row_053"],
        ["row_002", "row_054"],
    ]
    assert len(table) == 8


def test_the_sets_do_not_depend_on_the_order_of_rows():
    samples = table_samples(rows_with_twins())
    order = np.random.default_rng(1).permutation(NUM)
    shuffled = Samples(
        x=samples.x[order],
        table=samples.table.iloc[order].reset_index(drop=True),
        classes=samples.classes,
        modality="table",
        features=samples.features,
    )
    for column in ("exact", "near"):
        expected = sets_of(found_in(samples).table, column)
        assert sets_of(found_in(shuffled).table, column) == expected


def test_near_duplicates_can_be_left_alone():
    table = found_in(table_samples(rows_with_twins()), near=False).table
    assert table["near"].isna().all()
    assert len(table) == 5


def test_nothing_is_found_where_nothing_is():
    samples = table_samples(np.random.default_rng(0).normal(size=(NUM, 4)))
    duplicates = found_in(samples)
    assert len(duplicates.table) == 0
    assert duplicate_findings(samples, duplicates) == []


def test_the_findings_count_what_there_is():
    split = ["train"] * 52 + ["test"] * 8
    found = findings_of(table_samples(rows_with_twins(), official_split=split))
    assert list(found) == ["exact_duplicates", "near_duplicates", "label_conflicts"]
    exact = found["exact_duplicates"]
    assert exact.message.startswith(
        "3 of 60 samples repeat the content of another (2 of them its label as well), in 2 sets "
        "of up to 3, 1 across classes, 1 across the official split."
    )
    assert exact.severity == "warn"
    assert exact.sample_ids == (("row_001", "row_051", "row_052"), ("row_000", "row_050"))
    near = found["near_duplicates"].values
    assert (near["samples"], near["sets"], near["largest"]) == (6, 2, 4)
    assert (near["across_classes"], near["within_class"]) == (1, 1)
    assert near["across_official_split"] == 2
    conflicts = found["label_conflicts"]
    # One sample of each label comes first: that is the conflict.
    assert conflicts.sample_ids == (("row_001", "row_052", "row_051"),)
    assert conflicts.message.startswith("Different labels are carried by 1 set of equal samples")
    assert "split.on_leak=group" in exact.advice
    assert "too good" in exact.advice
    assert conflicts.values == {"exact_sets": 1, "exact_samples": 3, "near_pairs": 0}


def test_nearly_equal_samples_under_two_labels_are_listed_as_pairs():
    labels = ["a"] * 54 + ["b"] * 6
    conflicts = findings_of(table_samples(rows_with_twins(), labels))["label_conflicts"]
    assert conflicts.sample_ids == (("row_002", "row_054"),)
    assert conflicts.values["near_pairs"] == 1


def test_duplicates_in_two_groups_are_told():
    found = findings_of(table_samples(rows_with_twins(), group=["g"] * 50 + ["h"] * 10))
    assert found["exact_duplicates"].values["across_group"] == 2
    assert "2 across groups" in found["exact_duplicates"].message


def test_a_regression_has_no_conflicting_labels():
    samples = table_samples(rows_with_twins())
    table = samples.table.drop(columns="label").assign(target=np.arange(NUM, dtype=float))
    regression = Samples(x=samples.x, table=table, modality="table", features=samples.features)
    assert list(findings_of(regression)) == ["exact_duplicates", "near_duplicates"]


def test_few_duplicates_among_many_are_only_mentioned():
    x = np.random.default_rng(0).normal(size=(3000, 3))
    x[-1] = x[0]
    assert findings_of(table_samples(x))["exact_duplicates"].severity == "info"


def test_the_leaked_share_is_that_of_random_folds():
    sets = np.repeat(np.arange(70), [*[2] * 30, *[6] * 10, *[1] * 30])
    shares = []
    for seed in range(200):
        folds = KFold(5, shuffle=True, random_state=seed).split(sets)
        shares += [np.isin(sets[test], sets[train]).mean() for train, test in folds]
    sizes = pd.Series([2] * 30 + [6] * 10)
    assert leaked_share(sizes, len(sets)) == pytest.approx(np.mean(shares), abs=0.01)


def test_windows_of_a_long_series_are_left_to_the_purge():
    x = np.zeros((NUM, 20, 1), np.float32)
    x[:, :, 0] = np.random.default_rng(0).normal(size=(NUM, 20))
    x[-1] = x[0] + 1e-4
    samples = table_samples(x.reshape(NUM, -1))
    series = {"x": x, "classes": ("a", "b"), "modality": "series"}
    windows = samples.table.assign(series="one")
    assert len(found_in(Samples(table=samples.table, **series)).near) == 1
    assert len(found_in(Samples(table=windows, **series)).near) == 0


def test_the_most_telling_pairs_come_first_and_one_of_each_set():
    labels = ["a"] * 54 + ["b"] * 6
    samples = table_samples(rows_with_twins(), labels)
    duplicates = found_in(samples)
    assert telling_pairs(samples, duplicates, 5).pairs.tolist() == [[2, 54], [1, 53]]
    assert telling_pairs(samples, duplicates, 1).pairs.tolist() == [[2, 54]]


def figure_texts(figure):
    cells = [figure, *figure.subfigs]
    return [text.get_text() for cell in cells for text in cell.texts]


def test_the_figure_shows_rows_with_names_and_labels():
    labels = ["a"] * 54 + ["b"] * 6
    samples = table_samples(rows_with_twins(), labels)
    texts = figure_texts(duplicates_figure(samples, found_in(samples)))
    assert {"row_002  [a]", "row_054  [b]", "row_001", "row_053", "f3"} <= set(texts)
    assert f"{samples.x[2, 0]:.7g}" in texts


def test_the_figure_shows_images_series_and_texts():
    table = table_samples(rows_with_twins()).table
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (NUM, 3, 16, 16), dtype=np.uint8)
    images[-1] = images[0] // 2
    figure = drawn(Samples(x=images, table=different(table), classes=("a", "b")))
    shown = [axes.images[0].get_array().shape for axes in figure.axes]
    assert shown == [(16, 16, 3), (16, 16, 3)]
    series = generator.normal(size=(NUM, 30, 1)).astype(np.float32)
    series[-1] = series[0] + 1e-3
    samples = Samples(x=series, table=different(table), classes=("a", "b"), modality="series")
    lines = drawn(samples).axes[0].lines
    np.testing.assert_array_equal(lines[1].get_ydata(), series[-1, :, 0])
    tokens = ("", *"abcdefgh $")
    x = generator.integers(1, len(tokens), (NUM, 60)).astype(np.int32)
    x[-1, 1:] = x[0, 1:]
    table = different(table).assign(length=60)
    samples = Samples(x=x, table=table, classes=("a", "b"), modality="tokens", tokens=tokens)
    figure = drawn(samples)
    assert figure.get_size_inches()[0] == 3, "one pair is one column wide"
    written = "".join(figure_texts(figure))
    assert "1.000" not in written
    text = "".join(tokens[i] for i in x[0])
    assert re.sub(r"\s", "", text) in re.sub(r"\s", "", written)


def different(table):
    return table.assign(sha256=table["sample_id"])


def drawn(samples):
    figure = duplicates_figure(samples, found_in(samples))
    figure.canvas.draw()
    return figure


def test_the_figure_says_so_where_there_are_none():
    samples = table_samples(np.random.default_rng(0).normal(size=(NUM, 4)))
    assert figure_texts(drawn(samples)) == ["No samples are nearly the same."]


REAL = {  # repeats of the content, and of content and label: the README of the data counts these
    "tables/mammography.csv": ({"kind": "table"}, 3335, 3334),
    "text/names_by_nationality.tsv": (
        {"kind": "text_table", "text_column": "name", "label_column": "nationality"},
        2600,
        2038,
    ),
    "text/sms_spam.tsv": (
        {"kind": "text_table", "text_column": "message", "label_column": "label"},
        403,
        403,
    ),
}


@pytest.mark.real_data
@pytest.mark.parametrize("path", REAL)
def test_repeats_are_counted_as_the_readme_of_the_data_does(path, tmp_path):
    if not (DATA / path).exists():
        pytest.skip(f"{DATA / path} is missing; FOLDWISE_DATA names its folder")
    source, repeats, with_label = REAL[path]
    config = IngestConfig.of(source={**source, "path": str(DATA / path)})
    samples = ingest(config, tmp_path / "samples").samples
    values = findings_of(samples)["exact_duplicates"].values
    assert (values["repeats"], values["repeats_with_label"]) == (repeats, with_label)
