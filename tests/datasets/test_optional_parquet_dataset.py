import pandas as pd

from foldwise.datasets.optional_parquet_dataset import OptionalParquetDataset


def test_a_table_that_nobody_wrote_is_empty_and_one_that_was_written_comes_back(tmp_path):
    dataset = OptionalParquetDataset(filepath=str(tmp_path / "inner.parquet"))
    assert dataset.load().empty
    table = pd.DataFrame({"sample_id": ["a", "b"], "p_x": [0.25, 0.5]})
    dataset.save(table)
    pd.testing.assert_frame_equal(dataset.load(), table)
