import pandas as pd

from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.repeats import without_repeats


def test_the_first_of_each_content_and_label_stays():
    table = pd.DataFrame({"label": ["a", "a", "b", "a", "b"]})
    kept = without_repeats(table, ["x", "x", "x", "y", "x"])
    assert kept.tolist() == [0, 2, 3]  # the content x stays with both of its labels


def test_what_is_to_be_predicted_tells_apart_rows_of_a_regression():
    table = pd.DataFrame({"target_1": [1.0, 1.0, 1.0], "target_2": [1.0, 2.0, 1.0]})
    assert without_repeats(table, ["x", "x", "x"]).tolist() == [0, 1]


def test_a_test_part_keeps_what_the_training_part_has_too():
    table = pd.DataFrame({"label": ["a", "a"], "official_split": ["train", "test"]})
    assert without_repeats(table, ["x", "x"]).tolist() == [0, 1]


def test_ingest_drops_repeats_only_if_told_to(tmp_path, caplog):
    path = tmp_path / "names.tsv"
    path.write_text("text\tlabel\nab\t1\nba\t2\nab\t1\nab\t2\nabb\t1\n")
    source = {"kind": "text_table", "path": path, "tokens": "characters"}
    source |= {"text_column": "text", "label_column": "label"}
    assert len(ingest(IngestConfig.of(source=source), tmp_path / "all").samples) == 5
    with caplog.at_level("INFO"):
        samples = ingest(
            IngestConfig.of(source=source, drop_repeats=True), tmp_path / "few"
        ).samples
    assert samples.table["label"].tolist() == ["1", "2", "2", "1"]
    assert samples.lengths.tolist() == [2, 2, 2, 3]
    assert len(samples.x) == 4
    assert "Dropped 1 of 5 samples" in caplog.text
